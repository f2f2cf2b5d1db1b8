"""The device's half: images in, payloads out."""

import math
import os

import numpy as np

from bottlenet_tf.codec.base import check_point
from bottlenet_tf.runtime import gains, images, runtimes, served, unit_file
from bottlenet_tf.runtime.engines import (
    Chain,
    as_batch,
    code_shape,
    fits,
    image_shape,
    open_engine,
)
from bottlenet_tf.runtime.limit import Packer, check_one

SEGMENTS = "segments"  # Folder of the parts that several units share.


class Head:
    """Turns images into payloads; made by `Head.load`.

    coefficients, range = network(image)
    codes = round(coefficients * gains[point])
    payload = format.pack(codes, range, point)

    One run of the network serves all operating points; if a unit doesn't take
    the point, its network computes the codes themselves. Points are given by
    their index; None is the unit's default. One call at a time.

    Attributes:
        unit: The deployment's `UnitFile`.
        runtime: Its runtime, one of `runtimes.RUNTIMES`.
        least_bytes: The least allowed `max_bytes`.

    Args:
        unit: `UnitFile`.
        engine: Runs the head, as `open_engine` returns it.
        runtime: Name of its runtime.
        table: `gains.Gains`; needed if and only if the unit takes the point.

    Raises:
        ValueError: if the engine's inputs and outputs or the gains aren't the
            unit's.
    """

    def __init__(self, unit, engine, runtime, table=None):
        if unit.takes_point != (table is not None):
            raise ValueError(
                "A head has gains exactly if its unit takes the operating "
                f"point. Received: takes_point={unit.takes_point}, "
                f"table={table!r}"
            )
        self.unit = unit
        self.runtime = runtime
        self._engine = engine
        self._packer = Packer(unit.format, table)
        self.least_bytes = self._packer.least_bytes
        self._image = self._find_image()
        self._values, self._range = self._find_outputs()

    @classmethod
    def load(cls, folder, runtime=None, threads=None, engines=None):
        """Opens the head of a deployment, or all if it has several.

        Args:
            folder: The deployment folder or its `edge` folder; with several
                units, a unit's folder opens only that one.
            runtime: One of `runtimes.RUNTIMES`; None takes the first of
                tensorrt, onnx and litert whose file and library exist.
            threads: CPU threads of one call; the library's choice if None.
            engines: `{path: engine}` of open parts, which are shared; those
                opened now are added.

        Returns:
            `Head`, or `heads.Heads` for a deployment of several units.

        Raises:
            FileNotFoundError: if a file is missing.
            ImportError: if the runtime's library is missing.
            ValueError: if a file is damaged, or of another deployment.
        """
        try:
            folder = unit_file.find_folder(folder, "edge")
        except FileNotFoundError as error:
            if not served.is_beside(folder):
                raise error from None
            # It has several units, each with its own folder.
            from bottlenet_tf.runtime.heads import Heads

            return Heads.load(folder, runtime, threads)
        unit = unit_file.read(os.path.join(folder, unit_file.NAME))
        if runtime is None:
            runtime = runtimes.choose(folder, unit.part)
        path = os.path.join(folder, runtimes.file_of(runtime, unit.part))
        unit_file.check_network(unit, path)
        table = None
        if unit.takes_point:
            gains_path = os.path.join(folder, gains.NAME)
            unit_file.check_network(unit, gains_path)
            table = gains.read(gains_path, unit.format)
        engine = open_engine(path, threads)
        if unit.segments:
            parts = _open_segments(unit, folder, runtime, threads, engines)
            engine = Chain([*parts, engine])
        return cls(unit, engine, runtime, table)

    @property
    def units(self):
        """`{name: head}` of this one, as in `heads.Heads`."""
        return {self.unit.name: self}

    def encode(self, image, point=None, max_bytes=None, unit=None):
        """Returns the payload (bytes) of one image.

        Args:
            image: As for `prepare`.
            point: Index of an operating point.
            max_bytes: In place of a point, the maximum bytes of the payload;
                see `fit`.
            unit: Name of the unit; if given, it must be this one's.

        Raises:
            ValueError: for both a point and a limit, an unknown point or
                another unit; see `check_limit`, `fit` and `codes`.
        """
        if unit not in (None, self.unit.name):
            raise ValueError(
                f"`unit` must be {self.unit.name!r}, the only one here. "
                f"Received: unit={unit!r}"
            )
        check_one(point, max_bytes)
        if max_bytes is None:
            return self.pack(*self.codes(image, point), point)
        self.check_limit(max_bytes)
        return self.fit(*self.run(image), max_bytes).payload

    def check_limit(self, max_bytes):
        """Raises ValueError unless a payload can be within `max_bytes`."""
        self._packer.check_limit(max_bytes)

    def prepare(self, image):
        """Returns the network's input pixels, uint8 `(S, S, 3)`.

        Args, errors: as `images.pixels`.
        """
        return images.pixels(image, self.unit.image_size, self.unit.resize)

    def run(self, image):
        """Runs the network on an image, given as for `prepare`.

        Returns:
            float32 coefficients of the format's shape if the unit takes the
            point, else codes of its codec's type; and `(low, high)`, rounded
            to float16, or None if the unit sends no range.

        Raises:
            ValueError: if codes don't fit their type, or the range isn't
                finite and ordered.
        """
        pixels = self.prepare(image)
        outputs = self._engine({self._image: as_batch(self._engine, pixels)})
        values = outputs[self._values][0]
        if self._engine.channels_first and values.ndim == 3:
            values = values.transpose(1, 2, 0)
        if not self.unit.takes_point:
            values = _whole(values, self.unit.format.codec.code_dtype)
        if self._range is None:
            return values, None
        return values, _float16_range(outputs[self._range])

    def codes(self, image, point=None):
        """Returns codes and range of one image, for `pack`.

        Raises:
            ValueError: if a coefficient is not a number; see `run`.
        """
        point = self._index(point)
        values, code_range = self.run(image)
        return self._packer.codes(values, point), code_range

    def fit(self, values, code_range, max_bytes, finest=0):
        """Returns `limit.Fitted` of the result of `run`; see `Packer.fit`."""
        return self._packer.fit(values, code_range, max_bytes, finest)

    def pack(self, codes, code_range, point=None):
        """Returns the payload (bytes) of the result of `codes`."""
        return self.unit.format.pack(codes, code_range, self._index(point))

    def _index(self, point):
        if point is None:
            return self.unit.default_point
        check_point(point, self.unit.points)
        return point

    def _find_image(self):
        """Returns the name of the input; LiteRT's isn't ours."""
        shape = image_shape(self._engine, self.unit.image_size)
        inputs = self._engine.inputs
        if len(inputs) != 1:
            self._refuse("one input, the image", inputs)
        (image,) = inputs
        if not fits(inputs[image], shape):
            self._refuse(f"an input of shape {shape}", inputs)
        return image

    def _find_outputs(self):
        """Returns the names of codes or coefficients and of the range, or None.

        By their shape; the name decides only between a range and two codes.
        """
        outputs = self._engine.outputs
        shape = code_shape(self._engine, self.unit.format)
        names, code_range = list(outputs), None
        if self.unit.format.sends_range:
            ranges = [name for name in names if fits(outputs[name], (1, 2))]
            if len(ranges) == 2:
                ranges = [name for name in ranges if name == "range"]
            if len(names) != 2 or len(ranges) != 1:
                self._refuse("two outputs, codes and a range (1, 2)", outputs)
            (code_range,) = ranges
            names.remove(code_range)
        elif len(names) != 1:
            self._refuse("no output but the codes", outputs)
        if not fits(outputs[names[0]], (1, *shape)):
            self._refuse(f"codes of shape {(1, *shape)}", outputs)
        return names[0], code_range

    def _refuse(self, rule, received):
        file = runtimes.file_of(self.runtime, self.unit.part)
        raise ValueError(
            f"The head of {self.unit.name!r} ({file}) must have {rule}, by "
            "its unit.json; files of different exports may have been mixed. "
            f"Received: {received}"
        )


def _open_segments(unit, folder, runtime, threads, engines):
    """Returns the engines that run before a unit's encoder."""
    engines = {} if engines is None else engines
    places = [
        os.path.join(folder, SEGMENTS),
        os.path.join(folder, os.pardir, os.pardir, "edge", SEGMENTS),
    ]
    found = []
    for name in unit.segments:
        file = runtimes.file_of(runtime, name)
        paths = [os.path.join(place, file) for place in places]
        path = next(filter(os.path.isfile, paths), None)
        if path is None:
            raise FileNotFoundError(
                f"The encoder of {unit.name!r} needs {file}, the part of the "
                "network that it shares with other units; copy the folder "
                f"`edge` of the deployment, too. Received: no {paths[-1]}"
            )
        unit_file.check_network(unit, path)
        path = os.path.realpath(path)
        if path not in engines:
            engines[path] = open_engine(path, threads)
        found.append(engines[path])
    return found


def _whole(codes, dtype):
    """Returns codes from float32 whole numbers."""
    whole, limits = np.rint(codes), np.iinfo(dtype)
    # Also refuses NaN.
    if not (whole.min() >= limits.min and whole.max() <= limits.max):
        raise ValueError(
            f"Codes must be finite and within {limits.min}..{limits.max}, "
            f"because they travel as {limits.dtype}; the head's file is not "
            f"the exported one. Received: smallest={np.min(whole)}, "
            f"largest={np.max(whole)}"
        )
    return whole.astype(dtype)


def _float16_range(values):
    """Returns `(low, high)` as in the payload.

    Always rounded here: TensorRT may drop the network's cast.
    """
    with np.errstate(over="ignore"):  # Becomes infinite, which is refused.
        low, high = map(float, values.ravel().astype(np.float16))
    if not -math.inf < low <= high < math.inf:  # Also refuses NaN.
        raise ValueError(
            "A range must be finite in float16 and ordered. "
            f"Received: range={values.ravel().tolist()}"
        )
    return low, high

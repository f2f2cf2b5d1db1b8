"""The device's half: images in, payloads out."""

import math
import os

import numpy as np

from bottlenet_tf.codec.base import check_point
from bottlenet_tf.runtime import images, runtimes, unit_file
from bottlenet_tf.runtime.engines import as_batch, fits, open_engine


class Head:
    """Turns images into payloads.

    codes, range = head(image, point)
    payload = format.pack(codes, range, point)

    Operating points are given by their index; None is the unit's default.

    Made by `Head.load`. One call at a time.

    Attributes:
        unit: The deployment's `UnitFile`.
        runtime: Which of `runtimes.RUNTIMES` it runs on.

    Args:
        unit: `UnitFile`.
        engine: Runs the head, as `open_engine` returns it.
        runtime: Name of its runtime.

    Raises:
        ValueError: if the engine's inputs and outputs aren't the unit's.

    Reference:
        Eshratifar, Esmaili, Pedram, 2019, arXiv:1902.01000, section 2.
    """

    def __init__(self, unit, engine, runtime):
        self.unit = unit
        self.runtime = runtime
        self._engine = engine
        self._image, self._point = self._find_inputs()
        self._codes, self._range = self._find_outputs()

    @classmethod
    def load(cls, folder, runtime=None, threads=None):
        """Opens the head of a deployment.

        Args:
            folder: The deployment folder or its `edge` folder.
            runtime: One of `runtimes.RUNTIMES`; None takes the first of
                tensorrt, onnx and litert whose file and library are there.
            threads: CPU threads of one call; the library's choice if None.

        Raises:
            FileNotFoundError: if unit.json or the head's file is missing.
            ImportError: if the runtime's library is missing.
            ValueError: if a file is damaged, or of another deployment.
        """
        folder = unit_file.find_folder(folder, "edge")
        unit = unit_file.read(os.path.join(folder, unit_file.NAME))
        if runtime is None:
            runtime = runtimes.choose(folder)
        path = os.path.join(folder, runtimes.file_of(runtime))
        unit_file.check_network(unit, path)
        return cls(unit, open_engine(path, threads), runtime)

    def encode(self, image, point=None):
        """Returns the payload (bytes) of one image; see `prepare`.

        Raises:
            ValueError: if the unit has no such operating point; see `codes`.
        """
        return self.pack(*self.codes(image, point), point)

    def prepare(self, image):
        """Returns the pixels that the network sees, uint8 `(S, S, 3)`.

        Args:
            image: Path of an image file, Pillow image, or uint8 array
                `(height, width, 3)`, RGB. An array of `(S, S, 3)` is taken
                for prepared and passes untouched.

        Raises:
            OSError, TypeError, ValueError: see `images`.
        """
        return images.pixels(image, self.unit.image_size, self.unit.resize)

    def codes(self, image, point=None):
        """Runs the network.

        Args:
            image: As for `prepare`.
            point: Index of an operating point.

        Returns:
            Codes of the format's shape and its codec's type; and `(low,
            high)`, rounded to float16, or None if the unit sends no range.

        Raises:
            ValueError: if the network's codes don't fit their type, or its
                range isn't finite and ordered.
        """
        message = self.unit.format
        inputs = {self._image: as_batch(self._engine, self.prepare(image))}
        point = self._index(point)
        if self._point is not None:
            value = self.unit.points[point]
            inputs[self._point] = np.array([value], np.float32)
        outputs = self._engine(inputs)
        codes = outputs[self._codes][0]
        if self._engine.channels_first and codes.ndim == 3:
            codes = codes.transpose(1, 2, 0)
        codes = _whole(codes, message.codec.code_dtype)
        if self._range is None:
            return codes, None
        return codes, _float16_range(outputs[self._range])

    def pack(self, codes, code_range, point=None):
        """Returns the payload (bytes) of what `codes` returned."""
        return self.unit.format.pack(codes, code_range, self._index(point))

    def _index(self, point):
        if point is None:
            return self.unit.default_point
        check_point(point, self.unit.points)
        return point

    def _find_inputs(self):
        """Returns the names of image and point, told by their rank.

        Not by their names: LiteRT has none of its own. The second is None if
        the unit's networks take no point.
        """
        size = self.unit.image_size
        shape = (1, size, size, 3)
        if self._engine.channels_first:
            shape = (1, 3, size, size)
        inputs = self._engine.inputs
        images = [name for name in inputs if len(inputs[name]) == 4]
        points = [name for name in inputs if len(inputs[name]) == 1]
        if not self.unit.takes_point:
            if len(inputs) != 1:
                self._refuse("one input, the image", inputs)
            points = [None]
        elif len(inputs) != 2 or len(points) != 1:
            self._refuse("two inputs, image and operating point", inputs)
        elif not fits(inputs[points[0]], (1,)):
            self._refuse("an operating point of shape (1,)", inputs)
        if len(images) != 1 or not fits(inputs[images[0]], shape):
            self._refuse(f"an input of shape {shape}", inputs)
        return images[0], points[0]

    def _find_outputs(self):
        """Returns the names of codes and range, told by their shape.

        As in `_find_inputs`; the name decides only between a range and two
        codes. The second is None if the unit sends no range.
        """
        shape, outputs = self.unit.format.shape, self._engine.outputs
        if self._engine.channels_first and len(shape) == 3:
            shape = (shape[2], *shape[:2])
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
        file = runtimes.file_of(self.runtime)
        raise ValueError(
            f"The head of {self.unit.name!r} ({file}) must have {rule}, by "
            "its unit.json; files of different exports may have been mixed. "
            f"Received: {received}"
        )


def _whole(codes, dtype):
    """Returns the codes that float32 whole numbers stand for."""
    whole, limits = np.rint(codes), np.iinfo(dtype)
    # Also refuses NaN.
    if not (whole.min() >= limits.min and whole.max() <= limits.max):
        raise ValueError(
            f"Codes must be finite and within {limits.min}..{limits.max}, "
            f"because they travel as {limits.dtype}; the head's file is not "
            "what the export checked. "
            f"Received: smallest={np.min(whole)}, largest={np.max(whole)}"
        )
    return whole.astype(dtype)


def _float16_range(values):
    """Returns `(low, high)` as the payload can hold them.

    Rounded here whatever the engine did: TensorRT may drop the network's
    cast.
    """
    with np.errstate(over="ignore"):  # Becomes infinite, which is refused.
        low, high = map(float, values.ravel().astype(np.float16))
    if not -math.inf < low <= high < math.inf:  # Also refuses NaN.
        raise ValueError(
            "A range must be finite in float16 and ordered. "
            f"Received: range={values.ravel().tolist()}"
        )
    return low, high

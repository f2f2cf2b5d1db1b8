"""The device's half: images in, payloads out."""

import math
import os

import numpy as np

from bottlenet_tf.runtime import images, runtimes, unit_file
from bottlenet_tf.runtime.engines import as_batch, fits, open_engine


class Head:
    """Turns images into payloads.

    payload = format.pack(codes, range), codes and range = head(image)

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
        self._input = self._find_input()
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

    def encode(self, image):
        """Returns the payload (bytes) of one image; see `prepare`."""
        return self.pack(*self.codes(image))

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

    def codes(self, image):
        """Runs the network.

        Args:
            image: As for `prepare`.

        Returns:
            uint8 codes `(h, w, c)`; and `(low, high)`, rounded to float16, or
            None if the unit sends no range.

        Raises:
            ValueError: if the network's codes don't fit uint8, or its range
                isn't finite and ordered.
        """
        batch = as_batch(self._engine, self.prepare(image))
        outputs = self._engine({self._input: batch})
        codes = outputs[self._codes][0]
        if self._engine.channels_first:
            codes = codes.transpose(1, 2, 0)
        if self._range is None:
            return _whole(codes), None
        return _whole(codes), _float16_range(outputs[self._range])

    def pack(self, codes, code_range):
        """Returns the payload (bytes) of what `codes` returned."""
        return self.unit.format.pack(codes, code_range)

    def _find_input(self):
        size = self.unit.image_size
        shape = (1, size, size, 3)
        if self._engine.channels_first:
            shape = (1, 3, size, size)
        if len(self._engine.inputs) != 1:
            self._refuse("one input, the image", self._engine.inputs)
        ((name, received),) = self._engine.inputs.items()
        if not fits(received, shape):
            self._refuse(f"an input of shape {shape}", self._engine.inputs)
        return name

    def _find_outputs(self):
        """Returns the names of the codes and the range, told by their rank.

        Not by their names: LiteRT has none of its own.
        """
        height, width, channels = self.unit.format.shape
        shape = (1, height, width, channels)
        if self._engine.channels_first:
            shape = (1, channels, height, width)
        outputs = self._engine.outputs
        codes = [name for name in outputs if len(outputs[name]) == 4]
        ranges = [name for name in outputs if len(outputs[name]) == 2]
        if len(codes) != 1 or not fits(outputs[codes[0]], shape):
            self._refuse(f"codes of shape {shape}", outputs)
        if not self.unit.format.sends_range:
            if len(outputs) != 1:
                self._refuse("no output but the codes", outputs)
            return codes[0], None
        if len(outputs) != 2 or len(ranges) != 1:
            self._refuse("two outputs, codes and range", outputs)
        if not fits(outputs[ranges[0]], (1, 2)):
            self._refuse("a range of shape (1, 2)", outputs)
        return codes[0], ranges[0]

    def _refuse(self, rule, received):
        file = runtimes.file_of(self.runtime)
        raise ValueError(
            f"The head of {self.unit.name!r} ({file}) must have {rule}, by "
            "its unit.json; files of different exports may have been mixed. "
            f"Received: {received}"
        )


def _whole(codes):
    """Returns the uint8 codes that float32 whole numbers stand for."""
    whole = np.rint(codes)
    if not (whole.min() >= 0 and whole.max() <= 255):  # Also refuses NaN.
        raise ValueError(
            "Codes must be finite and within 0..255, because they travel as "
            "uint8; the head's file is not what the export checked. "
            f"Received: smallest={np.min(whole)}, largest={np.max(whole)}"
        )
    return whole.astype(np.uint8)


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

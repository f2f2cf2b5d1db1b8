"""Image files in, answers out: the server's form of the unsplit network.

For cloud-only. The files come from outside: size, format and dimensions are
bounded before decoding.
"""

import io
import os

import numpy as np
from PIL import Image

from bottlenet_tf.codec import PayloadError
from bottlenet_tf.runtime import decoder, images
from bottlenet_tf.runtime.answers import Answers
from bottlenet_tf.runtime.whole import Whole, identity

try:
    from PIL import AvifImagePlugin
except ImportError:
    pass
else:  # Pillow has no other setting; small images take no more.
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1

FORMATS = ("JPEG", "PNG", "WEBP", "AVIF")
MOST_BYTES = 4 << 20
MOST_PIXELS = 4 << 20
# A progressive JPEG is decoded completely once per scan, however short. Inside
# a scan the marker can't occur.
_SCAN, _MOST_SCANS = b"\xff\xda", 64


class WholeImages(Answers):
    """Answers image files by the network without a split, a `Whole`.

    pixels = decode(file)
    answer = softmax(network(pixels))
    """

    def __init__(self, whole):
        self.about = whole.about
        self._network = _Network(whole)
        super().__init__([self._network])

    @classmethod
    def load(cls, folder, device="cpu", threads=None):
        """Opens `whole.onnx` and `whole.json` of a folder; see `Whole.load`."""
        folder = os.fspath(folder)
        return cls(Whole.load(folder, "onnx", threads, device))

    def warm_up(self):
        size = self.about.image_size
        self._network.whole.logits(np.zeros((size, size, 3), np.uint8))

    def find(self, data):
        """See `Answers.find`; each message is checked later."""
        return self._network


class _Network:
    """A `Whole` with the interface for `Answers`."""

    def __init__(self, whole):
        self.whole, self.about = whole, whole.about
        self.name, self.classes = whole.about.name, whole.classes
        self.output = whole.output
        self.unit_id = identity(whole.about)

    def try_logits(self, files):
        """Returns logits and statuses; see `Tail.try_logits`."""
        logits = np.zeros((len(files), len(self.classes)), np.float32)
        status = []
        for i, data in enumerate(files):
            try:
                pixels = decode(data, self.about)
            except PayloadError as error:
                status.append(error.status)
            else:
                logits[i] = self.whole.logits(pixels)
                status.append("ok")
        return logits, status


def decode(data, about):
    """Returns the network's input pixels uint8 `(S, S, 3)` of a file.

    A square one no larger than the network's was prepared, and perhaps shrunk,
    by a device: it is enlarged as in the measurement of cloud-only's accuracy.
    Any other is prepared as on the device.

    Args:
        data: Bytes of a JPEG, PNG, WebP or AVIF; if it has several pictures,
            the first is read.
        about: `WholeFile`.

    Raises:
        PayloadError: with the status "wrong size" for bytes or dimensions
            beyond bounds, "undecodable" for bytes that are not an image of
            these formats.
    """
    if not 0 < len(data) <= MOST_BYTES:
        raise PayloadError(
            "An image must be a file of at most {} bytes. Received: {} "
            "bytes".format(MOST_BYTES, len(data)),
            "wrong size",
        )
    try:
        if data.count(_SCAN) > _MOST_SCANS and data[:2] == b"\xff\xd8":
            raise ValueError("a JPEG of too many scans")
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            _check_size(*image.size)
        return _prepared(decoder.decode(data, FORMATS), about)
    except PayloadError:
        raise
    except Image.DecompressionBombError as error:
        raise PayloadError(str(error), "wrong size") from None
    except Exception as error:  # Each format's reader has its own errors.
        raise PayloadError(
            "An image must be a complete file of {}: {}. Received: {} "
            "bytes".format(", ".join(FORMATS), error, len(data)),
            "undecodable",
        ) from None


def _check_size(width, height):
    if width * height > MOST_PIXELS:
        raise PayloadError(
            "An image must have at most {} pixels, since anyone may send one. "
            "Received: {}x{}".format(MOST_PIXELS, width, height),
            "wrong size",
        )


def _prepared(pixels, about):
    side = about.image_size
    height, width = pixels.shape[:2]
    if width == side == height:
        return pixels
    if width != height or width > side:
        return images.prepare(pixels, side, about.resize)
    enlarged = Image.fromarray(pixels).resize((side, side), Image.BICUBIC)
    return np.asarray(enlarged)

"""What every codec offers: the byte form, and the name of its graph form."""

import abc
import inspect

import numpy as np

from bottlenet_tf.common.registry import Registry

CODECS = Registry("codec")
MAX_POINTS = 64  # A payload has 6 bits for the index.


class PayloadError(ValueError):
    """Bytes from outside that are not a valid payload for this receiver.

    Args:
        message: Rule, reason and what was received, for people.
        status: The rule in a few words, for programs; a served tail answers
            it for that payload. One of `layers.STATUSES`.
    """

    def __init__(self, message, status="undecodable"):
        super().__init__(message)
        self.status = status


class Codec(abc.ABC):
    """Turns the integer codes of one image into bytes and back.

    A codec is one registered class. Its byte form is this interface, which
    imports no TensorFlow and runs on the device. Its graph form is the Keras
    layer that training differentiates through, named by `graph_layer` and
    looked up by `bottlenet_tf.layers.codec_layer`; a codec that names none
    gets a generic one that calls the byte form. `name` must be the name it is
    registered under: saved models find their codec by it.

    A codec has a finite number of *operating points*, by which it trades
    bytes for accuracy. Whatever travels or is stored names a point by its
    index in `points`.

    Attributes:
        name: What it is registered as.
        graph_layer: Dotted path of its graph form's class, or None.
        code_dtype: NumPy's type of the codes.
        points: What each operating point is, in order, as JSON types: JPEG's
            qualities; `(None,)` where there is nothing to choose. At most
            `MAX_POINTS`.
        min_bytes: Fewest bytes of image data; 0 for a codec that may leave
            nothing of an image.

    Reference:
        The codec's place in the signal path: Eshratifar, Esmaili, Pedram,
        2019, arXiv:1902.01000, section 2.
    """

    name = None
    graph_layer = None
    code_dtype = np.uint8
    points = (None,)
    min_bytes = 1

    @abc.abstractmethod
    def encode(self, codes, point=0):
        """Returns the image data (bytes) of one image's codes.

        Args:
            codes: Array of a shape that `check_shape` takes, of `code_dtype`.
            point: Index of the operating point.
        """

    @abc.abstractmethod
    def decode(self, data, shape, point=0):
        """Returns the codes of `shape`.

        It need not notice corruption: many a codec makes codes of almost any
        bytes. The payload's checksum is what refuses those.

        Args:
            data: Image data, bytes.
            shape: Of the codes.
            point: Index of the operating point that encoded them.

        Raises:
            PayloadError: if `data` cannot be decoded to that shape.
        """

    def constant_bytes(self, shape):
        """Returns what decoding needs and no payload of `shape` holds.

        Tables and headers of all operating points, say, that each side's own
        library makes. The payload's checksum covers them: a library that
        makes others would decode the image data to other codes without
        notice.
        """
        return b""

    def check_shape(self, shape):
        """Raises ValueError if codes of `shape` cannot be coded.

        Here: unless it is `(h, w, c)`, what most codecs take. One for codes
        of other shapes, such as `(n,)`, overrides this.
        """
        if len(shape) != 3:
            raise ValueError(
                f"Codec {self.name!r} takes codes of shape (h, w, c), three "
                f"positive integers. Received: shape={tuple(shape)}"
            )

    def max_bytes(self, shape):
        """Upper bound on the image data of honest codes, at every point."""
        # Incompressible input costs at most a few bits per element more than
        # its 8; 1 KiB covers what a container adds on tiny shapes.
        return 4 * int(np.prod(shape)) + 1024

    def by_importance(self, shape, point=0):
        """Returns where codes of `shape` lie, flat, the most important first.

        For a sender that must leave some out. Here: in their own order.
        """
        return np.arange(int(np.prod(shape)))

    def get_config(self):
        """Returns the parameters that both sides must share, as JSON types."""
        return {}


def create_codec(name, **config):
    """Returns the codec registered as `name`, built with `config`.

    Raises:
        ValueError: for an unknown name (the choices are listed) or a
            parameter that is unknown or out of range; for a codec whose
            `name` is another.
    """
    factory = CODECS.get(name)
    try:
        inspect.signature(factory).bind(**config)
    except TypeError as error:
        raise ValueError(
            f"Codec {name!r} must be given the parameters it has: {error}. "
            f"Received: {config}"
        ) from None
    codec = factory(**config)
    if codec.name != name:
        raise ValueError(
            f"The codec registered as {name!r} must have that `name`, or a "
            "saved model could not find it again. "
            f"Received: name={codec.name!r}"
        )
    return codec


def check_codes(codes):
    """Raises ValueError unless `codes` is a uint8 array `(h, w, c)`."""
    if getattr(codes, "ndim", None) != 3 or codes.dtype != np.uint8:
        raise ValueError(
            "Codes must be a uint8 array of shape (h, w, c), one image. "
            f"Received: shape={getattr(codes, 'shape', None)}, "
            f"dtype={getattr(codes, 'dtype', type(codes))}"
        )


def check_point(point, points):
    """Raises ValueError unless `point` is the index of an operating point."""
    is_integer = isinstance(point, (int, np.integer))
    if (
        isinstance(point, bool)
        or not is_integer
        or not 0 <= point < len(points)
    ):
        raise ValueError(
            "An operating point is named by its index, an integer from 0 to "
            f"{len(points) - 1} here. Received: point={point!r}"
        )

"""The interface of every codec: its byte form, and its graph form's name."""

import abc
import inspect

import numpy as np

from bottlenet_tf.common.registry import Registry

CODECS = Registry("codec")
MAX_POINTS = 64  # A payload has 6 bits for the index.


class PayloadError(ValueError):
    """Bytes from outside that are not a valid payload for this receiver.

    Args:
        message: Rule, reason and the received value.
        status: The rule in a few words, one of `layers.STATUSES`; a served tail
            reports it for that payload.
    """

    def __init__(self, message, status="undecodable"):
        super().__init__(message)
        self.status = status


class Codec(abc.ABC):
    """Turns the integer codes of one image into bytes and back.

    A codec is one registered class. This byte form imports no TensorFlow and
    runs on the device. The graph form is the Keras layer that training
    differentiates through; `layers.codec_layer` looks it up by `graph_layer`,
    or takes a generic one that calls the byte form. Saved models find their
    codec by `name`.

    A codec has a finite number of *operating points*, which trade bytes for
    accuracy. Payloads and files name a point by its index in `points`.

    Attributes:
        name: Its registered name.
        graph_layer: Dotted path of its graph form's class, or None.
        code_dtype: NumPy's type of the codes.
        points: Values of the operating points, in order, as JSON types: JPEG's
            qualities; `(None,)` if there is no choice. At most `MAX_POINTS`.
        min_bytes: Fewest bytes of image data, maybe 0.

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

        It need not detect corruption: the payload's checksum does.

        Args:
            data: Image data, bytes.
            shape: Shape of the codes.
            point: Index of the operating point that encoded them.

        Raises:
            PayloadError: if `data` cannot be decoded to that shape.
        """

    def constant_bytes(self, shape):
        """Returns constants for decoding that payloads of `shape` leave out.

        E.g. tables and headers of all operating points, made by each side's own
        library. The payload's checksum covers them, so that a library with
        other tables is detected.
        """
        return b""

    def check_shape(self, shape):
        """Raises ValueError if codes of `shape` cannot be coded.

        The base class takes `(h, w, c)`.
        """
        if len(shape) != 3:
            raise ValueError(
                f"Codec {self.name!r} takes codes of shape (h, w, c), three "
                f"positive integers. Received: shape={tuple(shape)}"
            )

    def max_bytes(self, shape):
        """Upper bound on the image data of valid codes, at every point."""
        # Incompressible input costs at most a few bits per element more than
        # its 8; 1 KiB covers a container for tiny shapes.
        return 4 * int(np.prod(shape)) + 1024

    def by_importance(self, shape, point=0):
        """Returns the codes' flat indices, the most important first.

        For a sender that must leave some out. The base class keeps their order.
        """
        return np.arange(int(np.prod(shape)))

    def get_config(self):
        """Returns the parameters that both sides must share, as JSON types."""
        return {}


class Fixed:
    """Base of objects that head and tail share; set only by `__init__`.

    It uses `self.__dict__.update`.
    """

    def __setattr__(self, name, value):
        self._refuse(f"{name}={value!r}")

    def __delattr__(self, name):
        self._refuse(f"del {name}")

    def _refuse(self, received):
        raise AttributeError(
            f"{type(self).__name__} is immutable: head and tail must have the "
            f"same. Received: {received}"
        )


def create_codec(name, **config):
    """Returns the codec registered as `name`, built with `config`.

    Raises:
        ValueError: for an unknown name (the choices are listed), an unknown
            parameter or one out of range, or a codec with another `name`.
    """
    factory = CODECS.get(name)
    try:
        inspect.signature(factory).bind(**config)
    except TypeError as error:
        raise ValueError(
            f"Codec {name!r} must be given its own parameters: {error}. "
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
    is_integer = is_integer and not isinstance(point, bool)
    if not is_integer or not 0 <= point < len(points):
        raise ValueError(
            "An operating point is named by its index, an integer from 0 to "
            f"{len(points) - 1} here. Received: point={point!r}"
        )

"""Entropy codec: integer codes to 20 to 2,000 bytes, by static tables."""

import base64
import binascii
import math

import numpy as np

from bottlenet_tf.codec import range_coder
from bottlenet_tf.codec.base import CODECS, Codec, PayloadError, check_point
from bottlenet_tf.codec.tables import TOTAL, Tables


@CODECS.register("entropy")
class EntropyCodec(Codec):
    """Codes `(n,)` of a learned unit, each by the table of its point; exact.

    A symbol of frequency f costs 16 - log2(f) bits, an escaped one 16 bits
    more, and an image on average a third of a byte more than the sum;
    `range_coder` describes the stream.

    `decode` accepts only streams of `encode`, but nearly every change to a
    stream gives the stream of other codes: the checksum of the payload detects
    corruption.

    Args:
        tables: `Tables`, or the base64 text of their `to_bytes()`.
        points: The operating points, finite numbers in ascending order, as
            many as the tables have.

    Reference:
        Static tables from a learned density for each coefficient: Balle et
        al., 2018, arXiv:1802.01436, section 3.
    """

    name = "entropy"
    graph_layer = "bottlenet_tf.layers.entropy.EntropyCode"
    code_dtype = np.int16
    min_bytes = 0

    def __init__(self, tables, points):
        if not isinstance(tables, Tables):
            tables = _tables_of_text(tables)
        self.tables = tables
        self.points = _ascending(points)
        if len(self.points) != tables.points:
            raise ValueError(
                "`points` must be as many as the tables have. "
                f"Received: {len(self.points)} points, {tables!r}"
            )

    def encode(self, codes, point=0):
        if getattr(codes, "ndim", None) != 1:
            raise _wrong_codes("(n,)", codes)
        return self.encode_batch(codes[None], point)[0]

    def encode_batch(self, codes, point=0):
        """Returns the image data of int16 codes `(images, n)`, a list."""
        if getattr(codes, "ndim", None) != 2 or codes.dtype != np.int16:
            raise _wrong_codes("(images, n)", codes)
        self.check_shape(codes.shape[1:])
        check_point(point, self.points)
        return range_coder.encode_batch(codes, self.tables, int(point))

    def sizes(self, codes, point=0):
        """Returns the image data's bytes of int16 codes `(images, n)`."""
        streams = self.encode_batch(codes, point)
        return np.array([len(stream) for stream in streams], np.int64)

    def decode(self, data, shape, point=0):
        self.check_shape(shape)
        check_point(point, self.points)
        if len(data) > self.max_bytes(shape):
            raise PayloadError(
                "Entropy-coded image data must not be longer than that of any "
                f"codes, {self.max_bytes(shape)} bytes. "
                f"Received: {len(data)} bytes"
            )
        return range_coder.decode(data, self.tables, int(point))

    def check_shape(self, shape):
        if tuple(shape) != (self.tables.coefficients,):
            raise ValueError(
                "The entropy codec takes codes of shape "
                f"({self.tables.coefficients},), one for each coefficient of "
                f"its tables. Received: shape={tuple(shape)}"
            )

    def max_bytes(self, shape):
        # Each coefficient an escape of frequency 1, 16 bits, and its value's
        # 16; a flag's 16 bits. Rounding costs less than 2**-15 bits a symbol
        # and the end at most 8.
        symbols = 2 * int(np.prod(shape)) + 1
        return 2 * symbols + symbols // 2**18 + 2

    def by_importance(self, shape, point=0):
        """Returns the positions of codes, those of most energy first.

        By the tables; the energy, the mean square, is the cost of leaving a
        code out.
        """
        self.check_shape(shape)
        check_point(point, self.points)
        energies = _energies(self.tables)[self.tables.index[int(point)]]
        return np.argsort(-energies, kind="mergesort")  # Stable.

    def get_config(self):
        text = base64.b64encode(self.tables.to_bytes()).decode()
        return {"tables": text, "points": list(self.points)}


def _energies(tables):
    """Returns the mean square of each table's symbols, float64 `(K,)`.

    An escape counts as the symbol after the last.
    """
    widths = np.diff(tables.cumulative)
    places = np.arange(len(tables.cumulative))
    begins = tables.starts[:-1]
    sizes = np.diff(tables.starts)
    symbols = places + np.repeat(tables.firsts - begins, sizes)
    squares = np.append(widths, 0) * np.square(symbols, dtype=np.float64)
    # A table's last entry is its end; the next step belongs to another table.
    squares[tables.starts[1:] - 1] = 0
    return np.add.reduceat(squares, begins) / TOTAL


def _tables_of_text(text):
    """Returns the tables of the base64 text in a configuration."""
    if not isinstance(text, str):
        raise ValueError(
            "`tables` must be `Tables` or their base64 text. "
            f"Received: type={type(text).__name__}"
        )
    try:
        packed = base64.b64decode(text.encode(), validate=True)
    except (binascii.Error, UnicodeError) as error:
        raise ValueError(
            f"`tables` must be base64: {error}. Received: {len(text)} letters"
        ) from None
    return Tables.from_bytes(packed)


def _ascending(points):
    """Returns `points` as a tuple of floats."""
    try:
        numbers = tuple(float(point) for point in points)
    except (TypeError, ValueError):
        numbers = ()
    ordered = all(a < b for a, b in zip(numbers, numbers[1:]))
    if not numbers or not ordered or not all(map(math.isfinite, numbers)):
        raise ValueError(
            "`points` must be finite numbers in ascending order, at least "
            f"one. Received: points={points!r}"
        )
    return numbers


def _wrong_codes(shape, codes):
    return ValueError(
        f"Codes of the entropy codec must be an int16 array of shape {shape}. "
        f"Received: shape={getattr(codes, 'shape', None)}, "
        f"dtype={getattr(codes, 'dtype', type(codes))}"
    )

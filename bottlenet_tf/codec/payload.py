"""The message one image becomes: header, range, image data.

```
without a range                  with a range (the quantizer sends it)
bytes 0-5  version   4 bits      bytes 0-3  version   4 bits
           tag      12 bits                 tag       8 bits
           point     6 bits                 point     4 bits
           checksum 26 bits                 checksum 16 bits
bytes 6-   image data            bytes 4-7  low, high as float16
                                 bytes 8-   image data
```

Fields are big-endian. The tag is the top bits of the unit identity, the point
is the index of the operating point. The checksum is the top bits of the CRC-32
over the whole identity, the format (codec, its parameters, shape, whether a
range is sent), what the codec leaves out because both sides' libraries make
it, the point (one byte), the range and the image data, so a payload of another
unit, format or library is refused like a corrupt one.

A range makes the header shorter, so that both kinds cost little: there, one
corrupt payload in 2**16 passes for honest, not one in 2**26, and one unit in
2**8 has the tag of another, not one in 2**12. A unit on a channel that corrupts
payloads, rather than losing them, is better off without a range.
"""

import json
import math
import operator
import struct
import zlib
from typing import NamedTuple

import numpy as np

from bottlenet_tf.codec.base import MAX_POINTS, PayloadError, check_point

VERSION = 3  # 2 had no point, and no tag in front of a range.
RANGE_BYTES = 4  # low, high as float16.


class Layout(NamedTuple):
    """Bits of a header's fields behind the version's 4, in their order."""

    tag: int
    point: int
    crc: int

    @property
    def size(self):
        """Bytes of the header."""
        return (4 + sum(self)) // 8


_LAYOUTS = {False: Layout(12, 6, 26), True: Layout(8, 4, 16)}


def layout(sends_range):
    """Returns the `Layout` of payloads with or without a range."""
    return _LAYOUTS[sends_range]


def overhead_bytes(sends_range):
    """Returns how many bytes of a payload are not image data: 6, or 8."""
    return layout(sends_range).size + (RANGE_BYTES if sends_range else 0)


class Unpacked(NamedTuple):
    """What a payload holds.

    Attributes:
        codes: Array of the format's shape and its codec's `code_dtype`.
        code_range: `(low, high)`, or None if the format sends no range.
        point: Index of the operating point that it was encoded at.
    """

    codes: np.ndarray
    code_range: tuple
    point: int


class PayloadFormat:
    """Packs and unpacks the payloads of one unit.

    Formats are immutable; those with the same identity, shape, codec (by name,
    parameters and what it leaves out) and range are equal. A plain class, not
    a dataclass: the Python 3.6 of older devices has none.

    Args:
        unit_id: 32-bit identity of the unit (its configuration and weights);
            head and tail of different exports have different ones.
        shape: Of the codes, positive: `(h, w, c)` or `(n,)`, as the codec
            takes.
        codec: The `Codec` of the image data.
        sends_range: Whether the quantizer's range travels with each image.

    Raises:
        ValueError: if `unit_id` does not fit 32 bits, `shape` is not of
            positive integers or the codec refuses it, `sends_range` is no
            bool, or the codec has more operating points than the header can
            tell apart.
        AttributeError: if an attribute is set or deleted.

    Attributes:
        least_bytes, most_bytes: Of a payload, by the codec's `min_bytes` and
            `max_bytes`.
        crc_start: The CRC-32 that both sides start a payload's with.
    """

    def __init__(self, unit_id, shape, codec, sends_range):
        is_integer = isinstance(unit_id, int) and not isinstance(unit_id, bool)
        if not is_integer or not 0 <= unit_id < 2**32:
            raise ValueError(
                "`unit_id` must be an integer that fits 32 unsigned bits. "
                f"Received: unit_id={unit_id!r}"
            )
        if not isinstance(sends_range, bool):
            raise ValueError(
                "`sends_range` must be True or False, since it decides the "
                f"layout. Received: sends_range={sends_range!r}"
            )
        shape = _whole_shape(shape)
        codec.check_shape(shape)
        _check_number_of_points(codec, sends_range)
        content = json.dumps(
            [codec.name, codec.get_config(), shape, sends_range],
            sort_keys=True,
            separators=(",", ":"),
        )
        constant = codec.constant_bytes(shape)
        crc = zlib.crc32(unit_id.to_bytes(4, "big"))
        crc = zlib.crc32(content.encode(), crc)
        # Not by assignment, which `__setattr__` refuses.
        self.__dict__.update(
            unit_id=unit_id,
            shape=shape,
            codec=codec,
            sends_range=sends_range,
            _key=(unit_id, content, constant),
            crc_start=zlib.crc32(constant, crc),
        )
        fields, overhead = layout(sends_range), overhead_bytes(sends_range)
        self.__dict__.update(
            # So that nothing is worked out for every payload again.
            least_bytes=overhead + codec.min_bytes,
            most_bytes=overhead + codec.max_bytes(shape),
            _layout=fields,
            _header_bytes=fields.size,
            # The header's number in front of the checksum, at point 0.
            _first=(VERSION << fields.tag | unit_id >> (32 - fields.tag))
            << fields.point,
        )

    def __setattr__(self, name, value):
        raise AttributeError(
            "A payload format is fixed once made: its checksum covers every "
            f"attribute. Received: {name}={value!r}"
        )

    def __delattr__(self, name):
        raise AttributeError(
            "A payload format is fixed once made: its checksum covers every "
            f"attribute. Received: del {name}"
        )

    def __eq__(self, other):
        if not isinstance(other, PayloadFormat):
            return NotImplemented
        return self._key == other._key

    def __hash__(self):
        return hash(self._key)

    def __repr__(self):
        return (
            f"PayloadFormat(unit_id={self.unit_id!r}, shape={self.shape!r}, "
            f"codec={self.codec!r}, sends_range={self.sends_range!r})"
        )

    @property
    def points(self):
        """What each operating point is, in order; see `Codec.points`."""
        return self.codec.points

    @property
    def overhead_bytes(self):
        """Bytes of a payload that are not image data: 6, or 8 with range."""
        return overhead_bytes(self.sends_range)

    def pack(self, codes, code_range=None, point=0):
        """Returns the payload (bytes) of one image.

        Args:
            codes: Array of `shape`, of the codec's `code_dtype`.
            code_range: `(low, high)`, exactly representable in float16;
                needed if and only if the quantizer sends a range.
            point: Index of the operating point, to which the codes belong.

        Raises:
            ValueError: for codes of another shape or type, or a range that
                is missing, no pair of numbers, not finite, not ordered or not
                float16; for a point that the unit does not have; if the codec
                makes more bytes than its `max_bytes`, or too few.
        """
        check_point(point, self.points)
        point = int(point)  # It may be one of NumPy's.
        self._check_codes(codes, ValueError)
        body = self._pack_range(code_range) + self.codec.encode(codes, point)
        payload = self._header(body, point) + body
        if not self.least_bytes <= len(payload) <= self.most_bytes:
            raise ValueError(
                f"A payload of this unit has {self.least_bytes} to "
                f"{self.most_bytes} bytes, the codec's `min_bytes` and "
                "`max_bytes` with its header, or the receiver would refuse it. "
                f"Received: {len(payload)} bytes from codec "
                f"{self.codec.name!r}"
            )
        return payload

    def unpack(self, payload):
        """Returns what `payload` holds, `Unpacked`.

        Raises:
            PayloadError: if the bytes are truncated, corrupt, oversized, of
                another version or of another unit.
        """
        if not isinstance(payload, (bytes, bytearray, memoryview)):
            raise PayloadError(
                "A payload must be bytes. "
                f"Received: type={type(payload).__name__}"
            )
        payload = bytes(payload)
        self._check_size_and_version(payload)
        start, fields = self._header_bytes, self._layout
        header, body = payload[:start], payload[start:]
        point = int.from_bytes(header, "big") >> fields.crc
        point &= (1 << fields.point) - 1
        if header != self._header(body, point):
            raise PayloadError(
                "A payload's header must match its unit, format and content: "
                "the bytes are corrupt, or head and tail are not of the same "
                "export, or their image libraries have other tables. "
                f"Received: {len(payload)} bytes",
                "foreign or corrupt",
            )
        if point >= len(self.points):
            raise PayloadError(
                "A payload's operating point must be one of the unit's, 0 to "
                f"{len(self.points) - 1}. Received: point={point}",
                "unknown point",
            )
        if not self.sends_range:
            return Unpacked(self._decode(body, point), None, point)
        low, high = struct.unpack("<ee", body[:RANGE_BYTES])
        if not -math.inf < low <= high < math.inf:  # Also refuses NaN.
            raise PayloadError(
                "A range must be finite and ordered. "
                f"Received: low={low}, high={high}",
                "bad range",
            )
        codes = self._decode(body[RANGE_BYTES:], point)
        return Unpacked(codes, (low, high), point)

    def _decode(self, data, point):
        """Returns the codec's codes; whatever goes wrong is a PayloadError."""
        try:
            codes = self.codec.decode(data, self.shape, point)
        except PayloadError:
            raise
        except Exception as error:
            raise PayloadError(
                f"Codec {self.codec.name!r} could not decode the image data: "
                f"{error}. Received: {len(data)} bytes"
            ) from error
        self._check_codes(codes, PayloadError)
        return codes

    def _check_codes(self, codes, error):
        """Raises `error` unless codes have the unit's shape and type."""
        shape, dtype = getattr(codes, "shape", None), self.codec.code_dtype
        if shape != self.shape or codes.dtype != dtype:
            raise error(
                "Codes of one image must be an array of the unit's shape "
                f"{self.shape}, {np.dtype(dtype).name}. "
                f"Received: shape={shape}, "
                f"dtype={getattr(codes, 'dtype', type(codes))}"
            )

    def _check_size_and_version(self, payload):
        if not self.least_bytes <= len(payload) <= self.most_bytes:
            raise PayloadError(
                f"A payload of this unit has {self.least_bytes} to "
                f"{self.most_bytes} bytes. Received: {len(payload)} bytes",
                "wrong size",
            )
        if payload[0] >> 4 != VERSION:
            raise PayloadError(
                f"Payload version must be {VERSION}, so device and server must "
                "have the same release of this package. "
                f"Received: version={payload[0] >> 4}",
                "wrong version",
            )

    def _pack_range(self, code_range):
        if self.sends_range != (code_range is not None):
            raise ValueError(
                "`code_range` is given exactly when the quantizer sends one "
                f"(sends_range={self.sends_range}). "
                f"Received: code_range={code_range!r}"
            )
        if not self.sends_range:
            return b""
        try:
            low, high = code_range
            packed = struct.pack("<ee", low, high)
            exact = struct.unpack("<ee", packed) == (low, high)
            usable = exact and -math.inf < low <= high < math.inf
        except (OverflowError, TypeError, ValueError, struct.error):
            usable = False
        if not usable:
            raise ValueError(
                "`code_range` must be two numbers, finite, ordered and exact "
                "in float16, or the receiver would dequantize with another "
                f"range. Received: code_range={code_range!r}"
            )
        return packed

    def _header(self, body, point=0):
        """Returns the bytes in front of range and image data."""
        bits = self._layout.crc
        crc = zlib.crc32(body, zlib.crc32(bytes((point,)), self.crc_start))
        header = (self._first | point) << bits | crc >> (32 - bits)
        return header.to_bytes(self._header_bytes, "big")


def _check_number_of_points(codec, sends_range):
    most = min(1 << layout(sends_range).point, MAX_POINTS)
    if not 1 <= len(codec.points) <= most:
        raise ValueError(
            f"A unit must have 1 to {MAX_POINTS} operating points, 1 to "
            f"{1 << layout(True).point} if it sends a range: the header has "
            f"no room for more. Received: {len(codec.points)} points, "
            f"sends_range={sends_range}"
        )


def _whole_shape(shape):
    """Returns `shape` as ints, which NumPy's may stand for."""
    try:
        whole = tuple(int(operator.index(side)) for side in shape)
    except TypeError:
        whole = ()
    if len(whole) not in (1, 3) or min(whole) < 1:
        raise ValueError(
            "`shape` must be (h, w, c) or (n,) of the codes, positive "
            f"integers. Received: shape={shape!r}"
        )
    return whole

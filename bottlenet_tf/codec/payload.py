"""The message of one image: header, range, image data.

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
over the complete identity, the format (codec, its parameters, shape, whether a
range is sent), the constants that the codec leaves out because both sides'
libraries make them, the point (one byte), the range and the image data, so a
payload of another unit, format or library is refused like a corrupt one.

With a range, one corrupt payload in 2**16 passes as valid, not one in 2**26,
and one unit in 2**8 has the tag of another, not one in 2**12. On a channel that
corrupts payloads, a unit without a range is better.
"""

import json
import math
import operator
import struct
import zlib
from typing import NamedTuple

import numpy as np

from bottlenet_tf.codec.base import (
    MAX_POINTS,
    Fixed,
    PayloadError,
    check_point,
)
from bottlenet_tf.common.checks import is_whole

VERSION = 3  # Version 2 had no point, and no tag before a range.
RANGE_BYTES = 4  # low, high as float16.


class Layout(NamedTuple):
    """Bits of a header's fields after the version's 4, in their order."""

    tag: int
    point: int
    crc: int

    @property
    def size(self):
        """Bytes of the header."""
        return (4 + sum(self)) // 8


_LAYOUTS = {False: Layout(12, 6, 26), True: Layout(8, 4, 16)}


def overhead_bytes(sends_range):
    """Returns the bytes of a payload that are not image data: 6, or 8."""
    return _LAYOUTS[sends_range].size + (RANGE_BYTES if sends_range else 0)


class Unpacked(NamedTuple):
    """A payload's codes, `(low, high)` or None, and index of the point."""

    codes: np.ndarray
    code_range: tuple
    point: int


class PayloadFormat(Fixed):
    """Packs and unpacks the payloads of one unit.

    Formats are immutable; those with the same identity, shape, codec (by name,
    parameters and omitted constants) and range are equal.

    Args:
        unit_id: 32-bit identity of the unit (its configuration and weights).
        shape: Shape of the codes, `(h, w, c)` or `(n,)`.
        codec: The `Codec` of the image data.
        sends_range: Whether the quantizer's range travels with each image.

    Raises:
        ValueError: for a value out of range, or one that the codec refuses.

    Attributes:
        points: Values of the operating points; see `Codec.points`.
        overhead_bytes: Bytes of a payload that are not image data: 6, or 8.
        least_bytes, most_bytes: Limits of a payload, by the codec's.
        layout: `Layout` of the header.
        first: The header's number before the checksum, at point 0.
        crc_start: The CRC-32 from which both sides start a payload's.
    """

    def __init__(self, unit_id, shape, codec, sends_range):
        if not is_whole(unit_id, most=2**32 - 1):
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
        fields, overhead = _LAYOUTS[sends_range], overhead_bytes(sends_range)
        if not 1 <= len(codec.points) <= min(1 << fields.point, MAX_POINTS):
            raise ValueError(
                f"A unit must have 1 to {1 << fields.point} operating points, "
                f"which fit in the header. Received: {len(codec.points)} "
                f"points, sends_range={sends_range}"
            )
        content = json.dumps(
            [codec.name, codec.get_config(), shape, sends_range],
            sort_keys=True,
            separators=(",", ":"),
        )
        constant = codec.constant_bytes(shape)
        crc = zlib.crc32(unit_id.to_bytes(4, "big"))
        crc = zlib.crc32(content.encode(), crc)
        tag = VERSION << fields.tag | unit_id >> (32 - fields.tag)
        # Everything that is the same for all payloads is computed here.
        self.__dict__.update(
            unit_id=unit_id,
            shape=shape,
            codec=codec,
            sends_range=sends_range,
            points=codec.points,
            overhead_bytes=overhead,
            least_bytes=overhead + codec.min_bytes,
            most_bytes=overhead + codec.max_bytes(shape),
            crc_start=zlib.crc32(constant, crc),
            layout=fields,
            first=tag << fields.point,
            _header_bytes=fields.size,
            _key=(unit_id, content, constant),
        )

    def __eq__(self, other):
        if not isinstance(other, PayloadFormat):
            return NotImplemented
        return self._key == other._key

    def __hash__(self):
        return hash(self._key)

    def pack(self, codes, code_range=None, point=0):
        """Returns the payload (bytes) of one image.

        Args:
            codes: Array of `shape`, of the codec's `code_dtype`.
            code_range: `(low, high)`, exactly representable in float16;
                needed if and only if the quantizer sends a range.
            point: Index of the operating point of the codes.

        Raises:
            ValueError: if an argument is invalid, or the codec makes too few or
                too many bytes.
        """
        check_point(point, self.points)
        point = int(point)  # It may be a NumPy integer.
        self._check_codes(codes, ValueError)
        body = self._pack_range(code_range) + self.codec.encode(codes, point)
        payload = self._header(body, point) + body
        self._check_size(payload, ValueError)
        return payload

    def unpack(self, payload):
        """Returns the `Unpacked` content of `payload`.

        Raises:
            PayloadError: if the bytes are truncated, corrupt, oversized, of
                another version or of another unit.
        """
        if not isinstance(payload, (bytes, bytearray, memoryview)):
            received = f"Received: type={type(payload).__name__}"
            raise PayloadError(f"A payload must be bytes. {received}")
        payload = bytes(payload)
        self._check_size(payload, PayloadError, "wrong size")
        version = payload[0] >> 4
        if version != VERSION:
            raise PayloadError(
                f"Payload version must be {VERSION}: device and server need "
                "the same release of this package. Received: "
                f"version={version}",
                "wrong version",
            )
        header = payload[: self._header_bytes]
        body = payload[self._header_bytes :]
        point = int.from_bytes(header, "big") >> self.layout.crc
        point &= (1 << self.layout.point) - 1
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
            received = f"Received: low={low}, high={high}"
            raise PayloadError(
                f"A range must be finite and ordered. {received}", "bad range"
            )
        codes = self._decode(body[RANGE_BYTES:], point)
        return Unpacked(codes, (low, high), point)

    def _decode(self, data, point):
        """Returns the codec's codes; any failure becomes a PayloadError."""
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
        shape, dtype = getattr(codes, "shape", None), self.codec.code_dtype
        if shape != self.shape or codes.dtype != dtype:
            raise error(
                "Codes of one image must be an array of the unit's shape "
                f"{self.shape}, {np.dtype(dtype).name}. "
                f"Received: shape={shape}, "
                f"dtype={getattr(codes, 'dtype', type(codes))}"
            )

    def _check_size(self, payload, error, *status):
        if not self.least_bytes <= len(payload) <= self.most_bytes:
            raise error(
                f"A payload of this unit has {self.least_bytes} to "
                f"{self.most_bytes} bytes, by its codec {self.codec.name!r}. "
                f"Received: {len(payload)} bytes",
                *status,
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
        """Returns the bytes before range and image data."""
        bits = self.layout.crc
        crc = zlib.crc32(body, zlib.crc32(bytes((point,)), self.crc_start))
        header = (self.first | point) << bits | crc >> (32 - bits)
        return header.to_bytes(self._header_bytes, "big")


def _whole_shape(shape):
    """Returns `shape` as a tuple of int; NumPy's are accepted, too."""
    try:
        whole = tuple(int(operator.index(side)) for side in shape)
    except TypeError:
        whole = ()
    if len(whole) not in (1, 3) or min(whole) < 1:
        raise ValueError(
            "`shape` must be (h, w, c) or (n,), positive integers. "
            f"Received: shape={shape!r}"
        )
    return whole

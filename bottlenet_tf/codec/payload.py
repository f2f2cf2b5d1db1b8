"""The message one image becomes: header, range, image data.

```
without a range                  with a range (the quantizer sends it)
bytes 0-1  version, tag          bytes 0-3  version, checksum (28 bits)
bytes 2-5  checksum (32 bits)    bytes 4-7  low, high as float16
bytes 6-   image data            bytes 8-   image data
```

The version takes 4 bits, the tag is the top 12 bits of the unit identity. The
checksum is CRC-32 (its upper 28 bits, with a range) over the whole identity,
the format (codec, its parameters, shape, whether a range is sent), what the
codec leaves out because both sides' libraries make it, the range and the image
data, so a payload of another unit, format or library is refused like a corrupt
one. 28 bits and no tag, rather than 12 bits of tag and 16 of checksum in the
same 4 bytes: a CRC-16 lets one corruption in 65,536 pass, and a payload has
hundreds of ways to be cut short.
"""

import json
import math
import operator
import struct
import zlib

from bottlenet_tf.codec.base import PayloadError, check_codes

VERSION = 2  # 1 did not cover what the codec leaves out.
RANGE_BYTES = 4  # low, high as float16.


def header_bytes(sends_range):
    """Returns the length of the header: 6 bytes, or 4 in front of a range."""
    return 4 if sends_range else 6


def overhead_bytes(sends_range):
    """Returns how many bytes of a payload are not image data: 6, or 8."""
    return header_bytes(sends_range) + (RANGE_BYTES if sends_range else 0)


class PayloadFormat:
    """Packs and unpacks the payloads of one unit.

    Formats are immutable; those with the same identity, shape, codec (by name,
    parameters and what it leaves out) and range are equal. A plain class, not
    a dataclass: the Python 3.6 of older devices has none.

    Args:
        unit_id: 32-bit identity of the unit (its configuration and weights);
            head and tail of different exports have different ones.
        shape: `(h, w, c)` of the codes, positive.
        codec: The `Codec` of the image data.
        sends_range: Whether the quantizer's range travels with each image.

    Raises:
        ValueError: if `unit_id` does not fit 32 bits, `shape` is not three
            positive integers or too large for the codec, or `sends_range` is
            no bool.
        AttributeError: if an attribute is set or deleted.
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
            # The CRC-32 that both sides start a payload's with.
            _seed=zlib.crc32(constant, crc),
        )
        limit = self.overhead_bytes + codec.max_bytes(shape)
        self.__dict__["_limit"] = limit

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
    def overhead_bytes(self):
        """Bytes of a payload that are not image data: 6, or 8 with range."""
        return overhead_bytes(self.sends_range)

    def pack(self, codes, code_range=None):
        """Returns the payload (bytes) of one image.

        Args:
            codes: uint8 array of `shape`.
            code_range: `(low, high)`, exactly representable in float16;
                needed if and only if the quantizer sends a range.

        Raises:
            ValueError: for codes of another shape or type, or a range that
                is missing, no pair of numbers, not finite, not ordered or not
                float16; if the codec makes more bytes than its `max_bytes`.
        """
        check_codes(codes)
        if tuple(codes.shape) != self.shape:
            raise ValueError(
                f"Codes must have the unit's shape {self.shape}. "
                f"Received: shape={codes.shape}"
            )
        body = self._pack_range(code_range) + self.codec.encode(codes)
        payload = self._header(body) + body
        if not self.overhead_bytes < len(payload) <= self._limit:
            raise ValueError(
                f"A payload of this unit has {self.overhead_bytes + 1} to "
                f"{self._limit} bytes, the codec's `max_bytes` with its "
                "header, or the receiver would refuse it. "
                f"Received: {len(payload)} bytes from codec "
                f"{self.codec.name!r}"
            )
        return payload

    def unpack(self, payload):
        """Returns `(codes, (low, high) or None)` of `payload`.

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
        start = header_bytes(self.sends_range)
        body = payload[start:]
        if payload[:start] != self._header(body):
            raise PayloadError(
                "A payload's header must match its unit, format and content: "
                "the bytes are corrupt, or head and tail are not of the same "
                "export, or their image libraries have other tables. "
                f"Received: {len(payload)} bytes",
                "foreign or corrupt",
            )
        if not self.sends_range:
            return self._decode(body), None
        low, high = struct.unpack("<ee", body[:RANGE_BYTES])
        if not -math.inf < low <= high < math.inf:  # Also refuses NaN.
            raise PayloadError(
                "A range must be finite and ordered. "
                f"Received: low={low}, high={high}",
                "bad range",
            )
        return self._decode(body[RANGE_BYTES:]), (low, high)

    def _decode(self, data):
        """Returns the codec's codes; whatever goes wrong is a PayloadError."""
        try:
            codes = self.codec.decode(data, self.shape)
            check_codes(codes)
        except PayloadError:
            raise
        except Exception as error:
            raise PayloadError(
                f"Codec {self.codec.name!r} could not decode the image data: "
                f"{error}. Received: {len(data)} bytes"
            ) from error
        if codes.shape != self.shape:
            raise PayloadError(
                f"Decoded codes must have the unit's shape {self.shape}. "
                f"Received: shape={codes.shape}"
            )
        return codes

    def _check_size_and_version(self, payload):
        if not self.overhead_bytes < len(payload) <= self._limit:
            raise PayloadError(
                f"A payload of this unit has {self.overhead_bytes + 1} to "
                f"{self._limit} bytes. Received: {len(payload)} bytes",
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

    def _header(self, body):
        crc = zlib.crc32(body, self._seed)
        if self.sends_range:
            header = VERSION << 28 | crc >> 4
        else:
            header = VERSION << 44 | self.unit_id >> 20 << 32 | crc
        return header.to_bytes(header_bytes(self.sends_range), "big")


def _whole_shape(shape):
    """Returns `shape` as three ints, which NumPy's may stand for."""
    try:
        whole = tuple(int(operator.index(side)) for side in shape)
    except TypeError:
        whole = ()
    if len(whole) != 3 or min(whole) < 1:
        raise ValueError(
            "`shape` must be three positive integers, (h, w, c) of the codes. "
            f"Received: shape={shape!r}"
        )
    return whole

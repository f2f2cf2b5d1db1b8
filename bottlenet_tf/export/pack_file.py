"""The file of a rate pack: a header and arrays, complete or refused.

    "BTPK", version (1 byte), bytes of the header (4, big-endian)
    header        JSON; `arrays` has an encoding and a shape for each
    arrays        one after the other, little-endian, C order, deflated
    SHA-256       of everything before

An array is float32, int32, float16, or "int8": integers -127..127 with a
float32 scale for each column (over the last axis but one), scales first. "int7"
and "int6" are the same with -63..63 and -31..31, a byte each, which deflates to
less.

The SHA-256 detects damage; it proves no origin. A pack contains no code.
"""

import hashlib
import json
import math
import struct
import zlib

import numpy as np

VERSION = 2
MAX_BYTES = 1_000_000
# The arrays of a pack, inflated.
_MOST_INFLATED = 16 * MAX_BYTES
_START = struct.Struct(">4sBI")
_MAGIC = b"BTPK"
_DIGEST = hashlib.sha256().digest_size
# The largest whole number of an encoding with a scale for each column.
_LARGEST = {"int8": 127, "int7": 63, "int6": 31}
_DTYPES = {"float32": "<f4", "int32": "<i4", "float16": "<f2"}
_DTYPES.update(dict.fromkeys(_LARGEST, "i1"))
_MOST_FLOAT16 = 60_000
_MAX_SIDE = 1 << 16
# Wrong values raise one of these; deeply nested JSON a RecursionError.
REFUSALS = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
    zlib.error,
)


def encode(array, encoding):
    """Returns an array's `(encoding, shape, bytes)`.

    Args:
        encoding: One of `_DTYPES`. An integer array stays int32, and one beyond
            float16 or without columns float32.
    """
    if array.dtype == np.int32:
        encoding = "int32"
    elif encoding == "float16" and np.abs(array).max() > _MOST_FLOAT16:
        encoding = "float32"
    elif encoding in _LARGEST and array.ndim < 2:
        encoding = "float32"
    start = b""
    if encoding in _LARGEST:
        largest = np.float32(_LARGEST[encoding])
        scale = np.abs(array).max(axis=-2, keepdims=True) / largest
        start = scale.astype("<f4").tobytes()
        array = np.rint(array / np.maximum(scale, np.finfo("f4").tiny))
    data = start + array.astype(_DTYPES[encoding]).tobytes()
    return encoding, list(array.shape), data


def join(header, encoded):
    """Returns the bytes of a pack, from a header and results of `encode`."""
    arrays = [[encoding, shape] for encoding, shape, _ in encoded]
    body = zlib.compress(b"".join(data for *_, data in encoded), 9)
    return _join({**header, "arrays": arrays}, body)


def with_header(data, **changes):
    """Returns the bytes of a pack with other entries in its header."""
    header, body = _split(data)
    return _join({**header, **changes}, body)


def parse(data):
    """Returns a pack's header and its float32 and int32 arrays.

    Args:
        data: Bytes, which may be untrusted.

    Raises:
        One of `REFUSALS`: if they are not a complete pack of this version.
    """
    if len(data) > MAX_BYTES:
        raise ValueError(f"it is larger than {MAX_BYTES:,} bytes")
    header, body = _split(data)
    kinds = header.pop("arrays")
    sizes = [_size(*kind) for kind in kinds]
    body = _inflate(body, sum(sizes))
    arrays, at = [], 0
    for (encoding, shape), size in zip(kinds, sizes, strict=True):
        array = _decode(body[at : at + size], encoding, shape)
        if not np.isfinite(array).all():
            raise ValueError("a weight is not finite")
        arrays.append(array)
        at += size
    return header, arrays


def check_whole(values, count, least=1, most=_MAX_SIDE):
    """Raises ValueError unless values are integers in a range."""
    whole = isinstance(values, list) and len(values) == count
    if not whole or not all(
        type(value) is int and least <= value <= most for value in values
    ):
        raise ValueError(
            f"its numbers must be integers, {least} to {most}: {values!r}"
        )


def _join(header, body):
    text = json.dumps(header, allow_nan=False).encode()
    data = _START.pack(_MAGIC, VERSION, len(text)) + text + body
    return data + hashlib.sha256(data).digest()


def _split(data):
    """Returns a pack's header and deflated arrays."""
    if len(data) < _START.size + _DIGEST:
        raise ValueError("it is too short")
    magic, version, length = _START.unpack_from(data)
    if (magic, version) != (_MAGIC, VERSION):
        raise ValueError(f"it begins with {data[:5]!r}")
    if hashlib.sha256(data[:-_DIGEST]).digest() != data[-_DIGEST:]:
        raise ValueError("it is damaged or cut short")
    body = data[_START.size : -_DIGEST]
    header = json.loads(body[:length].decode())
    if not isinstance(header, dict):
        raise ValueError("its header must be an object")
    return header, body[length:]


def _size(encoding, shape):
    """Returns the bytes of an array; a few may request gigabytes."""
    check_whole(shape, len(shape))
    size = math.prod(shape) * np.dtype(_DTYPES[encoding]).itemsize
    if encoding in _LARGEST:
        size += 4 * math.prod(shape) // shape[-2]
    if size > _MOST_INFLATED:
        raise ValueError(f"a weight of shape {shape} is too large")
    return size


def _inflate(body, size):
    if size > _MOST_INFLATED:
        raise ValueError("its weights are too large")
    inflater = zlib.decompressobj()
    found = inflater.decompress(body, size + 1)
    if len(found) != size or not inflater.eof or inflater.unused_data:
        raise ValueError("its weights are not as many as its header says")
    return found


def _decode(data, encoding, shape):
    dtype = np.dtype(_DTYPES[encoding])
    if encoding not in _LARGEST:
        wide = np.int32 if encoding == "int32" else np.float32
        return np.frombuffer(data, dtype).reshape(shape).astype(wide)
    columns = [*shape[:-2], 1, shape[-1]]
    count = math.prod(columns)
    scale = np.frombuffer(data, "<f4", count).reshape(columns)
    whole = np.frombuffer(data, dtype, offset=4 * count).reshape(shape)
    if np.abs(whole.astype(int)).max() > _LARGEST[encoding]:
        raise ValueError(f"an integer exceeds its encoding, {encoding}")
    return whole.astype(np.float32) * scale.astype(np.float32)

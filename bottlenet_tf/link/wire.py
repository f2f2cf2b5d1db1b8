"""Protocol Buffers' wire format, as needed by questions and answers.

The packages with generated classes for the two servers' messages don't run on
a device: one needs TensorFlow, the other a Python newer than 3.6.

Reference:
    Protocol Buffers documentation, "Encoding".
"""

from bottlenet_tf.link.transport import BadAnswer

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MOST_VARINT_BYTES = 10
_MOST_FIELDS = 4096


def number(field, value):
    """Returns a field of a non-negative integer."""
    return _varint(field << 3 | _VARINT) + _varint(value)


def data(field, value):
    """Returns a field of bytes, a text or an encoded message."""
    if isinstance(value, str):
        value = value.encode("utf-8")
    return _varint(field << 3 | _BYTES) + _varint(len(value)) + value


def read(message):
    """Returns the fields of an encoded message: `{field: [values]}`.

    Values are ints or bytes, in their order.
    """
    found, place, count = {}, 0, 0
    while place < len(message):
        count += 1
        key, place = _read_varint(message, place)
        field, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, place = _read_varint(message, place)
        else:
            size = {_FIXED64: 8, _FIXED32: 4}.get(kind)
            if kind == _BYTES:
                size, place = _read_varint(message, place)
            if size is None or place + size > len(message):
                raise BadAnswer("An answer's fields must be complete.")
            value = bytes(message[place : place + size])
            place += size
        if count > _MOST_FIELDS:
            raise BadAnswer("An answer must have few fields.")
        found.setdefault(field, []).append(value)
    return found


def one(fields, field, kind, otherwise):
    """Returns the last value of a field; `otherwise` if it is missing.

    Raises `BadAnswer` unless it is of the `kind`, `int` or `bytes`.
    """
    value = fields.get(field, [otherwise])[-1]
    if not isinstance(value, kind):
        raise BadAnswer("An answer's fields must be of their types.")
    return value


def many(fields, field):
    """Returns all values of a field, which must be bytes."""
    values = fields.get(field, [])
    if not all(isinstance(value, bytes) for value in values):
        raise BadAnswer("An answer's fields must be of their types.")
    return values


def numbers(fields, field):
    """Returns the integers of a repeated int32 field, packed or not."""
    found = []
    for value in fields.get(field, []):
        if isinstance(value, int):
            found.append(value)
            continue
        place = 0
        while place < len(value):
            each, place = _read_varint(value, place)
            found.append(each)
    return [each - 2**64 if each >= 2**63 else each for each in found]


def _varint(value):
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    found.append(value)
    return bytes(found)


def _read_varint(message, place):
    value = 0
    for i in range(_MOST_VARINT_BYTES):
        if place + i >= len(message):
            break
        byte = message[place + i]
        value |= (byte & 127) << 7 * i
        if byte < 128:
            return value & (2**64 - 1), place + i + 1
    raise BadAnswer("An answer's numbers must be complete.")

"""The message that answers one payload: an image's classes in a few bytes.

```
byte  0      version 4 bits, number of top classes 4 bits
byte  1      status, an index of `STATUSES`
bytes 2-5    unit identity of the tail that answered, 0 if none did
bytes 6-9    CRC-32 of the payload, xor the CRC-32 of all other bytes here
bytes 10-11  milliseconds that the batch took on the server, float16
bytes 12-13  milliseconds that the payload waited for it, float16
byte  14     payloads in that batch; 255 stands for more, too
bytes 15-    top classes: index and probability * 65535, 2 bytes each
```

Fields are big-endian. Class names don't travel: a device has them in its
`unit.json`. The checksum detects an answer to another payload, late or mixed up
on the way, and a damaged one, which then seems to be another payload's. It
doesn't keep attackers out.
"""

import math
import struct
import zlib
from typing import NamedTuple

VERSION = 2  # The checksum of version 1 didn't cover the answer itself.
# The result for a payload; its status is the index. The first broken rule
# counts, in the order of `PayloadFormat.unpack`.
PAYLOAD_STATUSES = (
    "ok",
    "wrong size",
    "wrong version",
    "foreign or corrupt",
    "unknown point",
    "bad range",
    "undecodable",
)
STATUSES = PAYLOAD_STATUSES + (
    "unknown unit",  # No unit here has the payload's tag.
    "failed",  # The network itself did.
    "refused",  # With a word that isn't among these.
)
TOP = 5
MOST_TOP = 15  # The most that 4 bits count; for images of several labels.
MAX_CLASSES = 65535  # One number more stands for no class.
_NO_CLASS = 65535
_HEAD = struct.Struct(">BBIIeeB")
_CLASS = struct.Struct(">HH")
_MOST_MS = 65504.0  # Largest float16.
_CHECKSUM = slice(6, 10)  # In an answer's bytes.


class AnswerError(ValueError):
    """Bytes that are not an answer of this version."""


class CompactAnswer(NamedTuple):
    """A server's answer to one payload.

    Attributes:
        status: One of `STATUSES`; "ok", or why there is no class.
        unit_id: 32-bit identity of the unit that decoded the payload, or 0.
        payload_crc: CRC-32 of the payload.
        computed_ms: Milliseconds that the batch took on the server, from
            bytes to probabilities.
        queued_ms: Milliseconds that the payload waited before.
        batch: Payloads in that batch.
        top: Tuple of `(class index, probability)`, the most likely first; empty
            unless the status is "ok".
    """

    status: str
    unit_id: int
    payload_crc: int
    computed_ms: float
    queued_ms: float
    batch: int
    top: tuple

    @property
    def class_index(self):
        """The most likely class, -1 if there is none."""
        return self.top[0][0] if self.top else -1

    def answers(self, payload):
        """Whether this answers `payload` (bytes)."""
        return self.payload_crc == zlib.crc32(payload)


def answer_bytes(num_top):
    """Returns the size of an answer with room for `num_top` classes."""
    return _HEAD.size + _CLASS.size * num_top


def pack(answer, num_top):
    """Returns the bytes of a `CompactAnswer` with room for `num_top` classes.

    All answers of a batch have one size: missing classes are left blank.
    """
    if not len(answer.top) <= num_top <= MOST_TOP:
        raise ValueError(
            f"An answer has at most {MOST_TOP} top classes. "
            f"Received: {len(answer.top)} of num_top={num_top}"
        )
    if answer.status not in STATUSES:
        raise ValueError(
            f"A status must be one of {', '.join(STATUSES)}. "
            f"Received: status={answer.status!r}"
        )
    blank = [(_NO_CLASS, 0.0)] * (num_top - len(answer.top))
    try:
        data = _HEAD.pack(
            VERSION << 4 | num_top,
            STATUSES.index(answer.status),
            answer.unit_id,
            answer.payload_crc,
            min(answer.computed_ms, _MOST_MS),
            min(answer.queued_ms, _MOST_MS),
            min(answer.batch, 255),
        )
        data += b"".join(
            _CLASS.pack(index, int(round(65535 * float(probability))))
            for index, probability in [*answer.top, *blank]
        )
        return _sealed(data)
    except (struct.error, OverflowError) as error:
        raise ValueError(
            "An answer's numbers must fit its fields, classes be below "
            f"{MAX_CLASSES}, probabilities within 0..1: {error}. "
            f"Received: {answer}"
        ) from None


def _sealed(data):
    """Returns an answer's bytes, the payload's CRC-32 turned into the checksum.

    It is its own inverse.
    """
    rest = zlib.crc32(
        data[_CHECKSUM.stop :], zlib.crc32(data[: _CHECKSUM.start])
    )
    crc = int.from_bytes(data[_CHECKSUM], "big") ^ rest
    return (
        data[: _CHECKSUM.start]
        + crc.to_bytes(4, "big")
        + data[_CHECKSUM.stop :]
    )


def unpack(data):
    """Returns the `CompactAnswer` in bytes; others raise `AnswerError`."""
    if len(data) < _HEAD.size or data[0] >> 4 != VERSION:
        raise AnswerError(
            f"An answer must have version {VERSION} and at least "
            f"{_HEAD.size} bytes; server and device must have the same "
            f"release of this package. Received: {len(data)} bytes, "
            f"{bytes(data[:1])!r} first"
        )
    first, status, unit_id, crc, *times, batch = _HEAD.unpack_from(
        _sealed(bytes(data))
    )
    num_top = first & 15
    size = answer_bytes(num_top)
    if len(data) != size or status >= len(STATUSES):
        raise AnswerError(
            "An answer must have the size that it states and a status that is "
            f"known. Received: {len(data)} bytes of {size}, status={status}"
        )
    top = []
    for start in range(_HEAD.size, size, _CLASS.size):
        index, share = _CLASS.unpack_from(data, start)
        if index != _NO_CLASS:
            top.append((index, share / 65535))
    answered = STATUSES[status] == "ok"
    repeats = len(dict(top)) < len(top)
    if (
        repeats
        or answered != bool(top)
        or not all(0 <= t < math.inf for t in times)
    ):
        raise AnswerError(
            "An answer must have a class if and only if its status is ok, "
            "each once, and times that are numbers. "
            f"Received: status={STATUSES[status]!r}, {len(top)} classes, "
            f"computed_ms and queued_ms {times}"
        )
    return CompactAnswer(
        STATUSES[status], unit_id, crc, *times, batch, tuple(top)
    )

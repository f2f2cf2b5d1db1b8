"""The answer to one payload, byte for byte, and what is refused."""

import zlib

import pytest

from bottlenet_tf.codec import answer
from bottlenet_tf.codec.answer import AnswerError, CompactAnswer

PAYLOAD = b"payload"
OK = CompactAnswer(
    "ok", 0x12345678, zlib.crc32(PAYLOAD), 1.5, 2.0, 3, ((7, 1.0), (2, 0.0))
)


def test_the_bytes_are_those_of_the_layout():
    # 1.5 is 0x3E00 in float16, 2.0 is 0x4000; 65535 is probability 1.
    start = bytes.fromhex("22 00 12345678")
    end = bytes.fromhex("3e00 4000 03 0007 ffff 0002 0000")
    checksum = zlib.crc32(PAYLOAD) ^ zlib.crc32(start + end)
    assert answer.pack(OK, 2) == start + checksum.to_bytes(4, "big") + end


@pytest.mark.parametrize("bit", range(8 * answer.answer_bytes(2)))
def test_an_answer_with_any_bit_turned_is_not_the_payloads(bit):
    data = bytearray(answer.pack(OK, 2))
    data[bit // 8] ^= 1 << bit % 8
    try:
        assert not answer.unpack(bytes(data)).answers(PAYLOAD)
    except AnswerError:
        pass


@pytest.mark.parametrize("num_top", [2, 3, 5])
def test_what_is_packed_comes_back(num_top):
    data = answer.pack(OK, num_top)
    assert len(data) == answer.answer_bytes(num_top)
    assert answer.unpack(data) == OK


def test_five_classes_take_35_bytes():
    assert answer.answer_bytes(5) == 15 + 5 * 4
    assert answer.answer_bytes(2) == 15 + 2 * 4


@pytest.mark.parametrize("status", answer.STATUSES[1:])
def test_a_refusal_has_no_class(status):
    refused = OK._replace(status=status, top=(), unit_id=0)
    found = answer.unpack(answer.pack(refused, 5))
    assert found == refused and found.class_index == -1


def test_an_answer_knows_its_payload():
    assert OK.answers(PAYLOAD) and not OK.answers(PAYLOAD + b"x")
    assert OK.class_index == 7


def test_large_numbers_are_cut_to_what_fits():
    found = answer.unpack(
        answer.pack(OK._replace(computed_ms=1e9, batch=999), 2)
    )
    assert (found.computed_ms, found.batch) == (65504.0, 255)


@pytest.mark.parametrize(
    "changed, num_top",
    [
        ({"status": "fine"}, 2),
        ({"top": ((70000, 0.5),)}, 2),
        ({"top": ((1, 1.5),)}, 2),
        ({"top": ((1, float("inf")),)}, 2),
        ({"unit_id": 2**32}, 2),
        ({}, 1),
        ({}, 16),
    ],
)
def test_what_does_not_fit_is_refused(changed, num_top):
    with pytest.raises(ValueError, match="Received"):
        answer.pack(OK._replace(**changed), num_top)


def _changed(index, value):
    data = bytearray(answer.pack(OK, 2))
    data[index] = value
    return bytes(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x22" * 12,
        answer.pack(OK, 2)[:-1],
        answer.pack(OK, 2) + b"\0",
        _changed(0, 0x12),  # Another version.
        _changed(0, 0x23),  # Three classes, of which two are there.
        _changed(0, 0x2F) + bytes(13 * 4),  # Fifteen of them.
        _changed(1, len(answer.STATUSES)),
        _changed(1, 3),  # Refused, yet with classes.
        _changed(10, 0x7C),  # Infinite time.
        _changed(10, 0xBE),  # Negative time.
        _changed(12, 0x7E),  # No number.
        answer.pack(OK._replace(status="failed", top=()), 2)[:1]
        + b"\0"
        + answer.pack(OK._replace(status="failed", top=()), 2)[2:],
    ],
)
def test_what_no_server_writes_is_refused(data):
    with pytest.raises(AnswerError, match="Received"):
        answer.unpack(data)

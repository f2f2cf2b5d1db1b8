"""Tests of the payload: sizes, round trips, and bytes from outside."""

import pickle
import struct
import warnings
import zlib

import numpy as np
import pytest

from bottlenet_tf.codec import (
    Codec,
    PayloadError,
    PayloadFormat,
    create_codec,
)
from tests.jpeg_libraries import OTHER_TABLES, encoding_by

UNIT_ID = 0x12345678
RANGE = (-0.5, 3.25)  # Both exact in float16.
BUILT_IN = ["jpeg", "png", "raw"]


@pytest.fixture(autouse=True)
def warnings_are_errors():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def small_format(name="jpeg", sends_range=True, unit_id=UNIT_ID):
    return PayloadFormat(unit_id, (9, 7, 3), create_codec(name), sends_range)


def pack(message, codes):
    return message.pack(codes, RANGE if message.sends_range else None)


def sealed(message, image_data, code_range=RANGE):
    """A payload of any image data, with the header an insider would give."""
    body = struct.pack("<ee", *code_range) if message.sends_range else b""
    body += image_data
    return message._header(body) + body


@pytest.fixture(params=[True, False], ids=["range", "no range"])
def sends_range(request):
    return request.param


@pytest.mark.parametrize("name", BUILT_IN)
@pytest.mark.parametrize("sends_range, overhead", [(True, 8), (False, 6)])
def test_overhead_is_eight_bytes_with_a_range_and_six_without(
    name, sends_range, overhead, codes
):
    message = small_format(name, sends_range)
    image_data = message.codec.encode(codes)
    assert len(pack(message, codes)) == len(image_data) + overhead
    assert message.overhead_bytes == overhead


@pytest.mark.parametrize("name", BUILT_IN)
def test_codes_come_back_as_the_codec_decodes_them(
    library, name, sends_range, codes
):
    message = small_format(name, sends_range)
    decoded, _ = message.unpack(pack(message, codes))
    codec = message.codec
    want = codec.decode(codec.encode(codes), codes.shape)
    np.testing.assert_array_equal(decoded, want)


def test_the_range_comes_back_exactly(codes):
    message = small_format()
    assert message.unpack(pack(message, codes))[1] == RANGE


def test_without_a_range_none_comes_back(codes):
    message = small_format(sends_range=False)
    assert message.unpack(pack(message, codes))[1] is None


@pytest.mark.parametrize(
    "code_range", [(2.0, 2.0), (-0.0, 0.0), (-65504.0, 65504.0), (0.0, 6e-8)]
)
def test_extreme_ranges_come_back(code_range, codes):
    # 2**-24 = 5.96e-8 is float16's smallest positive number.
    code_range = tuple(float(np.float16(v)) for v in code_range)
    message = small_format()
    assert message.unpack(message.pack(codes, code_range))[1] == code_range


@pytest.mark.parametrize("wrap", [bytearray, memoryview])
def test_any_buffer_of_bytes_is_accepted(wrap, codes):
    message = small_format("raw")
    decoded, _ = message.unpack(wrap(pack(message, codes)))
    np.testing.assert_array_equal(decoded, codes)


@pytest.mark.parametrize(
    "sends_range, golden",
    [
        # Version 2; the checksum's upper 28 bits; -0.5 is 0xb800 and 3.25 is
        # 0x4280, low byte first; the codes 00 aa 55 ff in a zlib stream.
        (True, "22a7d06b00b8804278da635815fa1f0003ab01ff"),
        # Version 2 and tag 0x123; all 32 bits of the checksum.
        (False, "2123d61ec77e78da635815fa1f0003ab01ff"),
    ],
)
def test_the_layout_is_the_one_written_down(sends_range, golden):
    codes = np.array([[[0, 85], [170, 255]]], np.uint8)
    message = PayloadFormat(
        UNIT_ID, (1, 2, 2), create_codec("raw"), sends_range
    )
    assert pack(message, codes).hex() == golden
    decoded, code_range = message.unpack(bytes.fromhex(golden))
    np.testing.assert_array_equal(decoded, codes)
    assert code_range == (RANGE if sends_range else None)


@pytest.mark.parametrize(
    "sends_range, start, bits, word",
    [(True, 4, 28, "true"), (False, 6, 32, "false")],
)
def test_the_checksum_is_crc_32_of_identity_format_tables_and_body(
    sends_range, start, bits, word, codes
):
    message = small_format(sends_range=sends_range)
    payload = pack(message, codes)
    text = '["jpeg",{"quality":20},[9,7,3],%s]' % word
    tables = message.codec.constant_bytes((9, 7, 3))
    content = b"\x12\x34\x56\x78" + text.encode() + tables + payload[start:]
    checksum = int.from_bytes(payload[:start], "big") % 2**bits
    assert checksum == zlib.crc32(content) >> (32 - bits)


@pytest.mark.parametrize(
    "unit_id, start",
    [(0xFFF00000, "2fff"), (0x000FFFFF, "2000"), (0x80100000, "2801")],
)
def test_the_tag_is_the_top_12_bits_of_the_identity(unit_id, start, codes):
    message = small_format(sends_range=False, unit_id=unit_id)
    assert message.pack(codes)[:2].hex() == start


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_truncation_is_refused(name, sends_range, codes):
    message = small_format(name, sends_range)
    payload = pack(message, codes)
    for length in range(len(payload)):
        with pytest.raises(PayloadError):
            message.unpack(payload[:length])


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_flipped_bit_is_refused(name, sends_range, codes):
    message = small_format(name, sends_range)
    payload = pack(message, codes)
    whole = int.from_bytes(payload, "big")
    for bit in range(8 * len(payload)):
        flipped = (whole ^ 1 << bit).to_bytes(len(payload), "big")
        with pytest.raises(PayloadError):
            message.unpack(flipped)


@pytest.mark.parametrize("name", BUILT_IN)
def test_random_corruption_is_refused(name, sends_range, codes):
    message = small_format(name, sends_range)
    payload = pack(message, codes)
    rng = np.random.default_rng(5)
    for _ in range(2000):
        damaged = bytearray(payload)
        at, length = rng.integers(len(payload)), rng.integers(1, 9)
        damaged[at : at + length] = rng.bytes(length)
        if damaged != payload:
            with pytest.raises(PayloadError):
                message.unpack(damaged)


def test_random_bytes_are_refused(sends_range):
    message = small_format(sends_range=sends_range)
    rng = np.random.default_rng(6)
    for _ in range(2000):
        with pytest.raises(PayloadError):
            message.unpack(rng.bytes(rng.integers(200)))


def test_appended_bytes_are_refused(sends_range, codes):
    message = small_format(sends_range=sends_range)
    payload = pack(message, codes)
    for extra in (b"\0", b"\xff\xd9", payload):
        with pytest.raises(PayloadError):
            message.unpack(payload + extra)


def test_a_cut_stream_is_refused_where_16_bits_let_some_pass():
    # With a CRC-16, 4 of 231,000 such truncations passed.
    codec = create_codec("raw")
    message = PayloadFormat(UNIT_ID, (12, 12, 1), codec, True)
    rng = np.random.default_rng(0)
    for _ in range(300):
        codes = rng.integers(0, 256, (12, 12, 1), np.uint8)
        payload = message.pack(codes, RANGE)
        for length in range(9, len(payload)):
            part = payload[:length]
            assert message._header(part[4:]) != part[:4]


def test_a_foreign_unit_with_the_same_tag_is_refused(sends_range, codes):
    # The tag is the top 12 bits: 0x123 for both.
    foreign = small_format(sends_range=sends_range, unit_id=0x12345679)
    with pytest.raises(PayloadError, match="not of the same export"):
        small_format(sends_range=sends_range).unpack(pack(foreign, codes))


def test_every_identity_one_bit_away_is_refused(sends_range, codes):
    payload = pack(small_format(sends_range=sends_range), codes)
    for bit in range(32):
        foreign = small_format(
            sends_range=sends_range, unit_id=UNIT_ID ^ 1 << bit
        )
        with pytest.raises(PayloadError):
            foreign.unpack(payload)


FORMATS = {
    "the format": ("jpeg", {"quality": 20}, (9, 7, 3)),
    "quality": ("jpeg", {"quality": 21}, (9, 7, 3)),
    "sides": ("jpeg", {"quality": 20}, (7, 9, 3)),
    "channels": ("jpeg", {"quality": 20}, (9, 7, 4)),
    "png": ("png", {}, (9, 7, 3)),
    "raw": ("raw", {}, (9, 7, 3)),
}


@pytest.mark.parametrize("sent", FORMATS)
@pytest.mark.parametrize("expected", FORMATS)
def test_another_format_of_the_same_unit_is_refused(
    sent, expected, sends_range
):
    sender, receiver = (
        PayloadFormat(UNIT_ID, shape, create_codec(name, **config), sends_range)
        for name, config, shape in (FORMATS[sent], FORMATS[expected])
    )
    # Grey codes: small enough for every format's limit.
    payload = pack(sender, np.full(sender.shape, 128, np.uint8))
    if sent == expected:
        receiver.unpack(payload)
        return
    with pytest.raises(PayloadError, match="not of the same export"):
        receiver.unpack(payload)


@pytest.mark.parametrize("tables", OTHER_TABLES)
def test_a_payload_made_with_other_tables_is_refused(
    tables, sends_range, codes
):
    with encoding_by(OTHER_TABLES[tables]):
        theirs = small_format(sends_range=sends_range)
        payload = pack(theirs, codes)
        theirs.unpack(payload)  # Their own library would know what to do.
    ours = small_format(sends_range=sends_range)
    assert ours != theirs
    with pytest.raises(PayloadError, match="other tables"):
        ours.unpack(payload)


def test_whether_a_range_is_sent_is_in_the_checksum():
    with_range, without = (
        small_format("raw", sends_range)._seed for sends_range in (True, False)
    )
    assert with_range != without


def test_a_payload_with_range_is_refused_where_none_is_sent(codes):
    payload = pack(small_format(sends_range=True), codes)
    with pytest.raises(PayloadError):
        small_format(sends_range=False).unpack(payload)


def test_another_version_is_named_in_the_error(codes):
    message = small_format()
    payload = bytearray(pack(message, codes))
    payload[0] = 0x10 | payload[0] & 0x0F
    with pytest.raises(PayloadError, match="must be 2,.*Received: version=1"):
        message.unpack(payload)


def test_an_oversized_payload_is_refused_by_its_length():
    message = small_format()
    limit = 8 + message.codec.max_bytes((9, 7, 3))
    with pytest.raises(PayloadError, match=f"to {limit} bytes"):
        message.unpack(bytes(limit + 1))
    # The longest one passes that check and fails the next.
    with pytest.raises(PayloadError, match="version=0"):
        message.unpack(bytes(limit))


@pytest.mark.parametrize("payload", [b"", b"\x10", bytes(8)])
def test_a_payload_without_image_data_is_refused(payload):
    with pytest.raises(PayloadError, match="has 9 to"):
        small_format().unpack(payload)


@pytest.mark.parametrize("payload", ["text", None, 7, [1, 2]])
def test_what_is_not_bytes_is_refused_by_its_type(payload):
    kind = type(payload).__name__
    with pytest.raises(PayloadError, match=f"Received: type={kind}"):
        small_format().unpack(payload)


@pytest.mark.parametrize(
    "code_range",
    [
        (float("nan"), 1.0),
        (0.0, float("nan")),
        (0.0, float("inf")),
        (-float("inf"), 0.0),
        (1.0, 0.5),
    ],
)
def test_an_insider_s_impossible_range_is_refused(code_range, codes):
    message = small_format()
    payload = sealed(message, message.codec.encode(codes), code_range)
    with pytest.raises(PayloadError, match="finite and ordered"):
        message.unpack(payload)


@pytest.mark.parametrize("name", BUILT_IN)
def test_an_insider_s_image_data_gives_codes_or_a_payload_error(library, name):
    message = small_format(name)
    rng = np.random.default_rng(7)
    for _ in range(500):
        image_data = rng.bytes(rng.integers(1, 500))
        try:
            codes, _ = message.unpack(sealed(message, image_data))
        except PayloadError:
            continue
        assert codes.shape == (9, 7, 3) and codes.dtype == np.uint8


@pytest.mark.parametrize(
    "code_range",
    [
        (float("nan"), 1.0),
        (0.0, float("inf")),
        (0.0, 1e6),
        (1.0, 0.5),
        (0.0, 0.1),  # Not exact: float16 has 0.09998.
        5,
        "ab",
        (1.0,),
        (0.0, 1.0, 2.0),
        (None, 1.0),
        ("0", "1"),
        (0.0, 1j),
        (0.0, [1.0]),
    ],
)
def test_a_range_the_receiver_could_not_use_is_not_packed(code_range, codes):
    with pytest.raises(ValueError, match="Received: code_range="):
        small_format().pack(codes, code_range)


@pytest.mark.parametrize(
    "sends_range, code_range", [(True, None), (False, RANGE)]
)
def test_a_range_is_given_exactly_when_it_is_sent(
    sends_range, code_range, codes
):
    with pytest.raises(ValueError, match="Received: code_range="):
        small_format(sends_range=sends_range).pack(codes, code_range)


def test_codes_of_another_shape_are_not_packed():
    with pytest.raises(ValueError, match="Received: shape="):
        small_format().pack(np.zeros((9, 7, 4), np.uint8), RANGE)


@pytest.mark.parametrize("unit_id", [-1, 2**32, 1.5, True, None])
def test_an_identity_must_fit_32_bits(unit_id):
    with pytest.raises(ValueError, match=f"Received: unit_id={unit_id}"):
        small_format(unit_id=unit_id)


@pytest.mark.parametrize(
    "shape",
    [(9, 7), (9, 7, 3, 1), (9, 0, 3), (-9, 7, 3), (9.0, 7, 3), "973", 9, None],
)
def test_a_shape_must_be_three_positive_integers(shape):
    with pytest.raises(ValueError, match="three positive.*Received: shape="):
        PayloadFormat(UNIT_ID, shape, create_codec("raw"), True)


def test_a_shape_of_numpy_s_integers_makes_the_same_payloads(codes):
    message = small_format()
    shape = np.array([9, 7, 3])
    twin = PayloadFormat(UNIT_ID, shape, create_codec("jpeg"), True)
    assert twin.shape == (9, 7, 3) and type(twin.shape[0]) is int
    twin.unpack(pack(message, codes))


def test_a_shape_beyond_the_codec_s_limit_is_refused():
    with pytest.raises(ValueError, match=r"65500.*padded to \(65504, 8\)"):
        PayloadFormat(UNIT_ID, (65497, 1, 1), create_codec("jpeg"), True)


def test_formats_of_the_same_values_are_equal():
    first, second = (
        PayloadFormat(1, shape, create_codec("jpeg", quality=30), True)
        for shape in ((9, 7, 3), [9, 7, 3])
    )
    assert first == second and hash(first) == hash(second)


@pytest.mark.parametrize(
    "other",
    [
        PayloadFormat(2, (9, 7, 3), create_codec("jpeg"), True),
        PayloadFormat(1, (7, 9, 3), create_codec("jpeg"), True),
        PayloadFormat(1, (9, 7, 3), create_codec("jpeg", quality=21), True),
        PayloadFormat(1, (9, 7, 3), create_codec("raw"), True),
        PayloadFormat(1, (9, 7, 3), create_codec("jpeg"), False),
        "a format",
    ],
    ids=["unit", "shape", "quality", "codec", "range", "string"],
)
def test_formats_that_differ_in_one_value_are_not_equal(other):
    assert PayloadFormat(1, (9, 7, 3), create_codec("jpeg"), True) != other


@pytest.mark.parametrize("name", ["unit_id", "shape", "new", "_seed"])
def test_an_attribute_can_neither_be_set_nor_deleted(name):
    message = small_format()
    with pytest.raises(AttributeError, match=f"Received: {name}=7"):
        setattr(message, name, 7)
    with pytest.raises(AttributeError, match=f"Received: del {name}"):
        delattr(message, name)


def test_a_format_shows_its_values():
    shown = repr(small_format(sends_range=False))
    assert shown.startswith("PayloadFormat(unit_id=305419896, shape=(9, 7, 3)")
    assert shown.endswith("sends_range=False)")


def test_a_copy_by_pickle_makes_the_same_payloads(codes):
    message = small_format()
    twin = pickle.loads(pickle.dumps(message))
    assert twin == message
    assert pack(twin, codes) == pack(message, codes)


@pytest.mark.parametrize("sends_range", [None, 1, "yes"])
def test_sends_range_must_be_a_bool(sends_range):
    with pytest.raises(ValueError, match="Received: sends_range="):
        small_format(sends_range=sends_range)


class CarelessCodec(Codec):
    """Encodes to `data` and decodes to `decoded`, or raises it."""

    name = "careless"

    def __init__(self, data=b"x", decoded=None):
        self.data = data
        self.decoded = decoded

    def encode(self, codes):
        return self.data

    def decode(self, data, shape):
        if isinstance(self.decoded, Exception):
            raise self.decoded
        return self.decoded


@pytest.mark.parametrize(
    "decoded",
    [
        KeyError("table"),
        ValueError("broken"),
        struct.error("short"),
        MemoryError(),
        None,
        np.zeros((9, 7, 4), np.uint8),
        np.zeros((9, 7), np.uint8),
        np.zeros((9, 7, 3), np.float32),
        [[[0]]],
    ],
    ids=lambda decoded: type(decoded).__name__,
)
def test_a_codec_that_fails_or_makes_other_codes_is_a_payload_error(
    decoded, sends_range, codes
):
    codec = CarelessCodec(decoded=decoded)
    message = PayloadFormat(UNIT_ID, (9, 7, 3), codec, sends_range)
    with pytest.raises(PayloadError, match="Received: "):
        message.unpack(pack(message, codes))


def test_a_codec_s_own_payload_error_passes_as_it_is(sends_range, codes):
    own = PayloadError("Mine.")
    codec = CarelessCodec(decoded=own)
    message = PayloadFormat(UNIT_ID, (9, 7, 3), codec, sends_range)
    with pytest.raises(PayloadError) as caught:
        message.unpack(pack(message, codes))
    assert caught.value is own


def test_a_payload_that_unpack_would_refuse_is_not_packed(sends_range, codes):
    def message(size):
        codec = CarelessCodec(bytes(size), codes)
        return PayloadFormat(UNIT_ID, (9, 7, 3), codec, sends_range)

    # Four bytes an element and 1 KiB.
    limit = 4 * 9 * 7 * 3 + 1024
    for size in (0, limit + 1):
        with pytest.raises(ValueError, match="bytes from codec 'careless'"):
            pack(message(size), codes)
    for size in (1, limit):
        message(size).unpack(pack(message(size), codes))

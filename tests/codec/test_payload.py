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


def several_qualities(sends_range=True):
    codec = create_codec("jpeg", quality=[10, 40, 95])
    return PayloadFormat(UNIT_ID, (9, 7, 3), codec, sends_range)


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
    decoded = message.unpack(pack(message, codes)).codes
    codec = message.codec
    want = codec.decode(codec.encode(codes), codes.shape)
    np.testing.assert_array_equal(decoded, want)


def test_the_range_comes_back_exactly(codes):
    message = small_format()
    assert message.unpack(pack(message, codes)).code_range == RANGE


def test_without_a_range_none_comes_back(codes):
    message = small_format(sends_range=False)
    assert message.unpack(pack(message, codes)).code_range is None


@pytest.mark.parametrize(
    "code_range", [(2.0, 2.0), (-0.0, 0.0), (-65504.0, 65504.0), (0.0, 6e-8)]
)
def test_extreme_ranges_come_back(code_range, codes):
    # 2**-24 = 5.96e-8 is float16's smallest positive number.
    code_range = tuple(float(np.float16(v)) for v in code_range)
    message = small_format()
    unpacked = message.unpack(message.pack(codes, code_range))
    assert unpacked.code_range == code_range


@pytest.mark.parametrize("wrap", [bytearray, memoryview])
def test_any_buffer_of_bytes_is_accepted(wrap, codes):
    message = small_format("raw")
    decoded = message.unpack(wrap(pack(message, codes))).codes
    np.testing.assert_array_equal(decoded, codes)


@pytest.mark.parametrize(
    "sends_range, golden",
    [
        # Version 3, tag 0x12, point 0; the checksum's upper 16 bits; -0.5 is
        # 0xb800 and 3.25 is 0x4280, low byte first; the codes 00 aa 55 ff in
        # a zlib stream.
        (True, "3120099a00b8804278da635815fa1f0003ab01ff"),
        # Version 3, tag 0x123; point 0 and the checksum's upper 26 bits.
        (False, "3123033c792e78da635815fa1f0003ab01ff"),
    ],
)
def test_the_layout_is_the_one_written_down(sends_range, golden):
    codes = np.array([[[0, 85], [170, 255]]], np.uint8)
    message = PayloadFormat(
        UNIT_ID, (1, 2, 2), create_codec("raw"), sends_range
    )
    assert pack(message, codes).hex() == golden
    unpacked = message.unpack(bytes.fromhex(golden))
    np.testing.assert_array_equal(unpacked.codes, codes)
    assert unpacked.code_range == (RANGE if sends_range else None)
    assert unpacked.point == 0


@pytest.mark.parametrize("point, quality", [(0, 10), (1, 40), (2, 95)])
@pytest.mark.parametrize("word, start", [("true", 4), ("false", 6)])
def test_the_header_is_written_down_bit_by_bit(
    word, start, point, quality, codes
):
    message = several_qualities(word == "true")
    payload = message.pack(codes, RANGE if start == 4 else None, point)
    text = '["jpeg",{"quality":[10,40,95]},[9,7,3],%s]' % word
    tables = b"".join(
        create_codec("jpeg", quality=q).constant_bytes((9, 7, 3))
        for q in (10, 40, 95)
    )
    content = b"\x12\x34\x56\x78" + text.encode() + tables
    content += bytes([point]) + payload[start:]
    crc = f"{zlib.crc32(content):032b}"
    if word == "true":  # Version 4 bits, tag 8, point 4, checksum 16.
        bits = "0011" + "00010010" + f"{point:04b}" + crc[:16]
    else:  # Version 4 bits, tag 12, point 6, checksum 26.
        bits = "0011" + "000100100011" + f"{point:06b}" + crc[:26]
    assert payload[:start] == int(bits, 2).to_bytes(start, "big")
    one = create_codec("jpeg", quality=quality)
    assert payload[message.overhead_bytes :] == one.encode(codes)


@pytest.mark.parametrize(
    "sends_range, unit_id, start",
    [
        (False, 0xFFF00000, "3fff"),
        (False, 0x000FFFFF, "3000"),
        (False, 0x80100000, "3801"),
        # Point 0 comes behind the 8 bits.
        (True, 0xFF000000, "3ff0"),
        (True, 0x00FFFFFF, "3000"),
        (True, 0x81000000, "3810"),
    ],
)
def test_the_tag_is_the_top_bits_of_the_identity(
    sends_range, unit_id, start, codes
):
    message = small_format(sends_range=sends_range, unit_id=unit_id)
    assert pack(message, codes)[:2].hex() == start


def test_each_payload_is_decoded_at_its_own_point(library, sends_range, codes):
    message = several_qualities(sends_range)
    payloads = [
        message.pack(codes, RANGE if sends_range else None, point)
        for point in (2, 0, 1)
    ]
    for payload, point, quality in zip(payloads, (2, 0, 1), (95, 10, 40)):
        unpacked = message.unpack(payload)
        one = create_codec("jpeg", quality=quality)
        want = one.decode(one.encode(codes), codes.shape)
        np.testing.assert_array_equal(unpacked.codes, want)
        assert unpacked.point == point


def test_a_point_that_the_unit_has_not_is_refused_as_unknown(
    sends_range, codes
):
    message = several_qualities(sends_range)
    body = struct.pack("<ee", *RANGE) if sends_range else b""
    body += message.codec.encode(codes)
    for point in (3, 15):
        with pytest.raises(PayloadError, match=f"point={point}") as caught:
            message.unpack(message._header(body, point) + body)
        assert caught.value.status == "unknown point"


def test_a_point_is_unknown_only_if_the_checksum_is_right(sends_range, codes):
    message = several_qualities(sends_range)
    payload = bytearray(pack(message, codes))
    # The highest bit of the point: behind 4 + 8 or 4 + 12 bits.
    payload[1 if sends_range else 2] ^= 0x08 if sends_range else 0x80
    with pytest.raises(PayloadError) as caught:
        message.unpack(payload)
    assert caught.value.status == "foreign or corrupt"


@pytest.mark.parametrize("point", [-1, 3, 1.0, True, None])
def test_only_a_point_that_the_unit_has_is_packed(point, sends_range, codes):
    with pytest.raises(ValueError, match=f"Received: point={point}"):
        several_qualities(sends_range).pack(
            codes, RANGE if sends_range else None, point
        )


@pytest.mark.parametrize("sends_range, most", [(True, 16), (False, 64)])
def test_a_header_has_room_for_so_many_points(sends_range, most, codes):
    def message(count):
        codec = CarelessCodec(decoded=codes)
        codec.points = tuple(range(count))
        return PayloadFormat(UNIT_ID, (9, 7, 3), codec, sends_range)

    full = message(most)
    payload = full.pack(codes, RANGE if sends_range else None, most - 1)
    assert full.unpack(payload).point == most - 1
    for count in (0, most + 1):
        with pytest.raises(ValueError, match=f"Received: {count} points"):
            message(count)


def test_the_points_are_the_codec_s():
    assert several_qualities().points == (10, 40, 95)
    assert small_format("png").points == (None,)


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


@pytest.mark.parametrize("sends_range, bits", [(True, 16), (False, 26)])
def test_a_cut_stream_passes_as_seldom_as_the_checksum_s_bits_say(
    sends_range, bits
):
    codec = create_codec("raw")
    message = PayloadFormat(UNIT_ID, (12, 12, 1), codec, sends_range)
    rng, start = np.random.default_rng(0), 4 if sends_range else 6
    passed = trials = 0
    for _ in range(1000):
        codes = rng.integers(0, 256, (12, 12, 1), np.uint8)
        payload = pack(message, codes)
        for length in range(message.overhead_bytes + 1, len(payload)):
            part = payload[:length]
            passed += message._header(part[start:]) == part[:start]
            trials += 1
    # 154,000 trials: 2.3 are expected with 16 bits, 0.002 with 26. More than
    # 9 come up once in 5,000 times.
    assert trials > 150_000
    assert passed <= (9 if bits == 16 else 0)


def test_16_bits_find_every_flipped_bit_of_10_kilobytes():
    # A flipped bit changes the CRC-32 by what so many shifts of the register
    # make of it, whatever the message.
    polynomial, register = 0xEDB88320, 1
    for _ in range(8 * 10_000):
        register = register >> 1 ^ (polynomial if register & 1 else 0)
        assert register >> 16


def test_a_foreign_unit_with_the_same_tag_is_refused(sends_range, codes):
    # The tag is the top 8 or 12 bits: 0x12 or 0x123 for both.
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
    "qualities": ("jpeg", {"quality": [20, 21]}, (9, 7, 3)),
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
        small_format("raw", sends_range).crc_start
        for sends_range in (True, False)
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
    with pytest.raises(PayloadError, match="must be 3:.*Received: version=1"):
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
            codes = message.unpack(sealed(message, image_data)).codes
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
    [
        (), (9, 7), (9, 7, 3, 1), (9, 0, 3), (-9, 7, 3), (0,), (9.0, 7, 3),
        "973", 9, None,
    ],
)  # fmt: skip
def test_a_shape_must_be_one_or_three_positive_integers(shape):
    with pytest.raises(ValueError, match="positive.*Received: shape="):
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


@pytest.mark.parametrize("name", BUILT_IN)
def test_an_image_codec_refuses_codes_of_one_axis(name):
    with pytest.raises(ValueError, match=r"\(h, w, c\).*shape=\(189,\)"):
        PayloadFormat(UNIT_ID, (189,), create_codec(name), True)


class VectorCodec(Codec):
    """int16 codes `(n,)`; nothing at all for zeros, at either point."""

    name = "vector"
    code_dtype = np.int16
    points = (-1.0, 1.0)
    min_bytes = 0

    def encode(self, codes, point=0):
        shift = b"" if point == 0 else b"\1"
        return codes.astype(">i2").tobytes() + shift if codes.any() else b""

    def decode(self, data, shape, point=0):
        if not data:
            return np.zeros(shape, np.int16)
        return np.frombuffer(data[: 2 * shape[0]], ">i2").astype(np.int16)

    def check_shape(self, shape):
        if len(shape) != 1:
            raise ValueError(f"One axis. Received: shape={shape}")


@pytest.mark.parametrize("point", [0, 1])
def test_codes_of_one_axis_and_another_type_come_back(point, sends_range):
    message = PayloadFormat(UNIT_ID, (3,), VectorCodec(), sends_range)
    codes = np.array([-300, 0, 32767], np.int16)
    payload = message.pack(codes, RANGE if sends_range else None, point)
    unpacked = message.unpack(payload)
    np.testing.assert_array_equal(unpacked.codes, codes)
    assert unpacked.codes.dtype == np.int16 and unpacked.point == point


def test_image_data_may_be_empty_where_the_codec_says_so(sends_range):
    message = PayloadFormat(UNIT_ID, (3,), VectorCodec(), sends_range)
    payload = pack(message, np.zeros(3, np.int16))
    assert len(payload) == message.overhead_bytes
    assert not message.unpack(payload).codes.any()
    with pytest.raises(PayloadError):
        message.unpack(payload[:-1])


def test_codes_of_another_type_are_not_packed():
    message = PayloadFormat(UNIT_ID, (3,), VectorCodec(), False)
    with pytest.raises(ValueError, match="int16. .*dtype=uint8"):
        message.pack(np.zeros(3, np.uint8))


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
        PayloadFormat(
            1, (9, 7, 3), create_codec("jpeg", quality=[20, 21]), True
        ),
        PayloadFormat(1, (9, 7, 3), create_codec("raw"), True),
        PayloadFormat(1, (9, 7, 3), create_codec("jpeg"), False),
        "a format",
    ],
    ids=["unit", "shape", "quality", "points", "codec", "range", "string"],
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

    def encode(self, codes, point=0):
        return self.data

    def decode(self, data, shape, point=0):
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
        with pytest.raises(
            ValueError,
            match=f"'careless'.*: {size + 6 + 2 * sends_range} bytes",
        ):
            pack(message(size), codes)
    for size in (1, limit):
        message(size).unpack(pack(message(size), codes))

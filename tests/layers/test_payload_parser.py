"""Tests of the payload parser, held against the byte side it mirrors."""

import functools
import struct
import subprocess
import sys
import time
import zlib

import numpy as np
import pytest
import tensorflow as tf

from bottlenet_tf.codec import (
    Codec,
    PayloadError,
    PayloadFormat,
    create_codec,
)
from bottlenet_tf.layers import STATUSES, CodecLayer, PayloadParser
from bottlenet_tf.layers.payload import Crc32
from tests.jpeg_libraries import OTHER_TABLES, encoding_by

UNIT_ID = 0x12345678
SHAPE = (9, 7, 3)
RANGE = (-0.5, 3.25)  # Both exact in float16.
NAMES = ("jpeg", "qualities", "png", "raw")
FORMATS = [
    (name, sends_range) for name in NAMES for sends_range in (True, False)
]
CODECS = {name: create_codec(name) for name in ("jpeg", "png", "raw")} | {
    "qualities": create_codec("jpeg", quality=[60, 5, 20])
}
OK, SIZE, VERSION, CHECKSUM, POINT, BAD_RANGE, UNDECODABLE = range(
    len(STATUSES)
)


@functools.cache
def message_and_parser(name, sends_range=True, shape=SHAPE):
    message = PayloadFormat(UNIT_ID, shape, CODECS[name], sends_range)
    return message, PayloadParser(message)


def parse(parser, payloads):
    return tuple(t.numpy() for t in parser(tf.constant(payloads, tf.string)))


def pack(message, codes, point=0):
    return message.pack(codes, RANGE if message.sends_range else None, point)


def sealed(message, image_data, code_range=RANGE, point=0):
    """A payload of any image data, with the header an insider would give."""
    body = struct.pack("<ee", *code_range) if message.sends_range else b""
    body += image_data
    return message._header(body, point) + body


def random_points(message, rng, count):
    return rng.integers(len(message.points), size=count)


def random_codes(rng, count, shape=SHAPE):
    """From nearly constant images to noise: short and long payloads."""
    spread = rng.choice([1, 20, 80], (count, 1, 1, 1))
    codes = 128 + spread * rng.normal(size=(count, *shape))
    return np.clip(codes, 0, 255).astype(np.uint8)


def mutations(payload, rng):
    """Yields what may become of one payload on its way, and worse."""
    whole = int.from_bytes(payload, "big")
    for bit in range(8 * len(payload)):
        yield (whole ^ 1 << bit).to_bytes(len(payload), "big")
    for length in range(len(payload)):
        yield payload[:length]
    for extra in range(1, 20):
        yield payload + rng.bytes(extra)
        yield rng.bytes(extra) + payload
    for version in range(16):
        yield bytes([version << 4 | payload[0] & 15]) + payload[1:]
    for _ in range(200):
        swapped = bytearray(payload)
        i, j = rng.integers(len(payload), size=2)
        swapped[i], swapped[j] = swapped[j], swapped[i]
        yield bytes(swapped)
        yield rng.bytes(len(payload))
    yield payload + payload
    yield payload + b"\xff\xd9"


def crafted(honest, rng):
    """Image data that an insider would seal: damaged, cut, random."""
    kind = rng.integers(5)
    if kind == 0:
        data = rng.bytes(rng.integers(1, 500))
    elif kind == 1:
        data = honest[: rng.integers(1, len(honest) + 1)]
    elif kind == 2:
        data = honest + rng.bytes(rng.integers(1, 50))
    else:
        data = bytearray(honest)
        for _ in range(kind - 2):
            data[rng.integers(len(data))] = rng.integers(256)
        data = bytes(data)
    # Half of them get past JPEG's ban on markers.
    return data.replace(b"\xff", b"\xff\0") if rng.random() < 0.5 else data


def assert_same_as_unpack(message, parser, payloads):
    """Holds all that the parser gives against the byte side."""
    codes, code_range, point, status = parse(parser, payloads)
    accepted = 0
    for i, payload in enumerate(payloads):
        try:
            want = message.unpack(payload)
        except PayloadError as error:
            assert STATUSES[status[i]] == error.status, (payload.hex(), error)
            assert np.all(codes[i] == 128) and point[i] == 0
            want_range = None
        else:
            assert status[i] == OK, (payload.hex(), STATUSES[status[i]])
            np.testing.assert_array_equal(codes[i], want.codes)
            assert point[i] == want.point
            want_range = want.code_range
            accepted += 1
        assert tuple(code_range[i]) == (want_range or (0, 1))
    return accepted


@pytest.mark.parametrize("seed", [0, 0xFFFFFFFF, 0x89ABCDEF])
@pytest.mark.parametrize("max_bytes", [8188, 30000])
def test_the_checksum_is_zlib_s(seed, max_bytes, rng):
    # Around whole units of 128 bytes and chunks of 8192, less the 4 bytes of
    # the prefix.
    lengths = [0, 1, 3, 4, 5, 123, 124, 125, 252, 253, 1000, 8187, 8188]
    lengths += [8189, 8192, 16380, 16381, 30000]
    messages = [rng.bytes(n) for n in lengths if n <= max_bytes]
    messages += [bytes(n) for n in lengths if n <= max_bytes]
    got = tf.function(Crc32(seed, max_bytes))(tf.constant(messages))
    assert got.numpy().tolist() == [zlib.crc32(m, seed) for m in messages]
    assert Crc32(seed, max_bytes)(tf.constant([], tf.string)).shape == (0,)


@pytest.mark.parametrize("name, sends_range", FORMATS)
def test_honest_payloads_give_what_unpack_gives(name, sends_range, rng):
    message, parser = message_and_parser(name, sends_range)
    points = random_points(message, rng, 40)
    payloads = [
        pack(message, codes, point)
        for codes, point in zip(random_codes(rng, 40), points)
    ]
    assert assert_same_as_unpack(message, parser, payloads) == 40


@pytest.mark.parametrize("name, sends_range", FORMATS)
def test_mutated_payloads_get_the_same_verdict(name, sends_range, rng):
    message, parser = message_and_parser(name, sends_range)
    honest = pack(message, random_codes(rng, 1)[0])
    payloads = [*mutations(honest, rng), honest, b""]
    foreign = PayloadFormat(UNIT_ID ^ 1, SHAPE, message.codec, sends_range)
    payloads.append(pack(foreign, random_codes(rng, 1)[0]))
    assert len(payloads) > 1000
    accepted = assert_same_as_unpack(message, parser, payloads)
    # The honest one, its own version again, and bytes swapped with equals.
    assert 2 <= accepted < 100


@pytest.mark.parametrize("name, sends_range", FORMATS)
def test_crafted_image_data_give_what_unpack_gives(name, sends_range, rng):
    message, parser = message_and_parser(name, sends_range)
    for _ in range(20):
        data = map(message.codec.encode, random_codes(rng, 30))
        points = random_points(message, rng, 30)
        payloads = [
            sealed(message, crafted(honest, rng), point=int(point))
            for honest, point in zip(data, points)
        ]
        assert_same_as_unpack(message, parser, payloads)


@pytest.mark.parametrize("name", NAMES)
def test_neighbours_of_a_bad_payload_are_as_if_alone(name, rng):
    message, parser = message_and_parser(name)
    points = random_points(message, rng, 20)
    honest = [
        pack(message, codes, point)
        for codes, point in zip(random_codes(rng, 20), points)
    ]
    alone = np.concatenate([parse(parser, [each])[0] for each in honest])
    for _ in range(20):
        payloads = list(honest)
        bad = rng.choice(20, rng.integers(1, 6), replace=False)
        for i in bad:
            image_data = crafted(
                message.codec.encode(random_codes(rng, 1)[0]), rng
            )
            payloads[i] = sealed(message, image_data)
        codes, _, point, status = parse(parser, payloads)
        good = np.delete(np.arange(20), bad)
        np.testing.assert_array_equal(codes[good], alone[good])
        np.testing.assert_array_equal(point[good], points[good])
        assert np.all(status[good] == OK)


@pytest.mark.parametrize("sends_range", [True, False])
def test_payloads_made_with_other_tables_are_refused(sends_range, rng):
    message, parser = message_and_parser("jpeg", sends_range)
    codes = random_codes(rng, 1)[0]
    payloads = [pack(message, codes)]
    for encode_file in OTHER_TABLES.values():
        with encoding_by(encode_file):
            theirs = PayloadFormat(UNIT_ID, SHAPE, message.codec, sends_range)
            payloads.append(pack(theirs, codes))
    assert assert_same_as_unpack(message, parser, payloads) == 1
    assert parse(parser, payloads)[3].tolist() == [OK, *[CHECKSUM] * 5]


def broken_payloads(message, codes):
    """Payloads by the status they must get."""
    honest = pack(message, codes)
    data = message.codec.encode(codes)
    start = len(honest) - len(data) - 4 * message.sends_range
    other_version = bytes([honest[0] ^ 0x30]) + honest[1:]
    payloads = {
        SIZE: [b"", b"\x10", honest[: message.overhead_bytes]],
        VERSION: [bytes(20), b"\xff" * 20, other_version],
        CHECKSUM: [honest[:-1], honest + b"\0", honest[:start] + bytes(20)],
        UNDECODABLE: [sealed(message, b"\xff")],
        # The first that it has not, and the last that the header holds.
        POINT: [
            sealed(message, data, point=len(message.points)),
            sealed(message, data, point=15 if message.sends_range else 63),
            sealed(message, b"\xff", (1, 0), point=9),
        ],
    }
    payloads[SIZE].append(bytes(message.most_bytes + 1))
    # The longest one passes that rule and breaks the next.
    payloads[VERSION].append(bytes(message.most_bytes))
    if message.sends_range:
        nan, inf = float("nan"), float("inf")
        pairs = [(nan, 1), (0, nan), (0, inf), (-inf, 0), (1, 0.5), (inf, inf)]
        payloads[BAD_RANGE] = [sealed(message, data, pair) for pair in pairs]
        # The first rule it breaks counts.
        payloads[BAD_RANGE].append(sealed(message, b"\xff", (1, 0)))
    return payloads


@pytest.mark.parametrize("name, sends_range", FORMATS)
def test_the_status_names_the_first_rule_that_is_broken(name, sends_range, rng):
    message, parser = message_and_parser(name, sends_range)
    cases = broken_payloads(message, random_codes(rng, 1)[0])
    want = [status for status, bad in cases.items() for _ in bad]
    payloads = [payload for bad in cases.values() for payload in bad]
    codes, code_range, point, status = parse(parser, payloads)
    assert status.tolist() == want
    assert np.all(codes == 128) and np.all(code_range == [0, 1])
    assert not point.any()


def test_every_float16_comes_back_as_a_bound():
    message, parser = message_and_parser("jpeg", shape=(1, 1, 1))
    halves = np.arange(2**16, dtype=np.uint16).view(np.float16)
    data = message.codec.encode(np.zeros((1, 1, 1), np.uint8))
    payloads = [sealed(message, data, (low, 2.0)) for low in halves]
    _, code_range, _, status = parse(parser, payloads)
    usable = np.isfinite(halves) & (halves <= 2)
    np.testing.assert_array_equal(status, np.where(usable, OK, BAD_RANGE))
    want = halves[usable].astype(np.float32)
    np.testing.assert_array_equal(code_range[usable, 0], want)


@pytest.mark.parametrize("name, sends_range", FORMATS)
def test_an_empty_batch_stays_empty(name, sends_range):
    _, parser = message_and_parser(name, sends_range)
    codes, code_range, point, status = parse(parser, [])
    assert codes.shape == (0, *SHAPE)
    assert code_range.shape == (0, 2)
    assert point.shape == status.shape == (0,)


@pytest.mark.parametrize("name", ["jpeg", "png", "raw"])
def test_long_payloads_are_parsed_among_short_ones(name, rng):
    # Noise of 96 x 96 pixels: up to 9.5 KB, more than a chunk of 8 KiB.
    codec = create_codec(name, **({"quality": 100} if name == "jpeg" else {}))
    message = PayloadFormat(UNIT_ID, (96, 96, 1), codec, True)
    noise = rng.integers(0, 256, (96, 96, 1), np.uint8)
    long, short = pack(message, noise), pack(message, noise // 255)
    assert len(long) > 8192 > 500 > len(short)
    damaged = [long[:-1], long[:9000] + b"\0" + long[9001:], bytes(9500)]
    payloads = [short, long, *damaged, short]
    parser = PayloadParser(message)
    assert assert_same_as_unpack(message, parser, payloads) == 3


def test_an_oversized_payload_costs_its_neighbours_nothing():
    message, parser = message_and_parser("jpeg")
    honest = pack(message, np.full(SHAPE, 7, np.uint8))
    status = parse(parser, [honest, bytes(10**7), honest])[3]
    assert status.tolist() == [OK, SIZE, OK]


def test_a_function_with_a_batch_of_any_size_may_call_it(rng):
    message, parser = message_and_parser("jpeg")
    spec = tf.TensorSpec([None], tf.string)
    run = tf.function(lambda p: parser(p)[0] + 1, input_signature=[spec])
    for batch in (0, 1, 3):
        codes = random_codes(rng, batch)
        payloads = [pack(message, each) for each in codes]
        want = parse(parser, payloads)[0] + 1
        got = run(tf.constant(payloads, tf.string))
        np.testing.assert_array_equal(got, want)


def test_output_shapes_are_known_but_for_the_batch():
    _, parser = message_and_parser("png")
    outputs = parser.__call__.get_concrete_function().outputs
    shapes = [output.shape.as_list() for output in outputs]
    assert shapes == [[None, *SHAPE], [None, 2], [None], [None]]


PROGRAM = """
import sys
sys.modules["bottlenet_tf"] = None  # An import of it would raise.
import numpy as np
import tensorflow as tf
for name in sys.argv[1:]:
    file = np.load(name + ".npz")
    payloads = [bytes.fromhex(payload) for payload in file["payloads"]]
    parser = tf.saved_model.load(name)
    for i, output in enumerate(parser(tf.constant(payloads))):
        np.testing.assert_array_equal(output, file[f"output_{i}"])
    for output in parser(tf.constant([], tf.string)):
        assert output.shape[0] == 0
"""


@pytest.mark.slow
def test_a_saved_model_parses_where_only_tensorflow_is(tmp_path, rng):
    for name in NAMES:
        message, parser = message_and_parser(name)
        payloads = [
            pack(message, codes, i % len(message.points))
            for i, codes in enumerate(random_codes(rng, 4))
        ]
        payloads.insert(2, payloads[0][:-1])
        payloads.insert(3, sealed(message, payloads[0][8:-2] + b"\xff"))
        outputs = parse(parser, payloads)
        assert outputs[3].tolist() == [OK, OK, CHECKSUM, UNDECODABLE, OK, OK]
        tf.saved_model.save(parser, str(tmp_path / name))
        np.savez(
            tmp_path / name,
            payloads=[payload.hex() for payload in payloads],
            **{f"output_{i}": output for i, output in enumerate(outputs)},
        )
    command = [sys.executable, "-c", PROGRAM, *NAMES]
    subprocess.run(command, check=True, cwd=tmp_path)


def test_a_batch_mixes_operating_points(rng):
    message, parser = message_and_parser("qualities")
    codes = random_codes(rng, 12)
    points = [2, 0, 1, 1, 0, 2, 2, 2, 0, 1, 0, 2]
    payloads = [pack(message, *each) for each in zip(codes, points)]
    got, _, point, _ = parse(parser, payloads)
    assert point.tolist() == points
    for each, quality in zip(zip(got, codes), [(60, 5, 20)[p] for p in points]):
        one = create_codec("jpeg", quality=quality)
        want = one.decode(one.encode(each[1]), SHAPE)
        np.testing.assert_array_equal(each[0], want)


class VectorCodec(Codec):
    """int16 codes `(n,)` as they are, big-endian; nothing at all for zeros."""

    name = "vector"
    graph_layer = "tests.layers.test_payload_parser.VectorLayer"
    code_dtype = np.int16
    points = (-1.0, 0.0, 1.0)
    min_bytes = 0

    def encode(self, codes, point=0):
        return codes.astype(">i2").tobytes() if codes.any() else b""

    def decode(self, data, shape, point=0):
        data = data or bytes(2 * shape[0])
        return np.frombuffer(data, ">i2").astype(np.int16).reshape(shape)

    def check_shape(self, shape):
        pass


class VectorLayer(CodecLayer):
    """Its graph form."""

    def graph_decoder(self, shape):
        def decode(image_data, point):
            size = tf.strings.length(image_data)
            whole = tf.where(
                size == 2 * shape[0], image_data, bytes(2 * shape[0])
            )
            codes = tf.io.decode_raw(whole, tf.int16, little_endian=False)
            codes = tf.ensure_shape(codes, (None, *shape))
            decodable = (size == 0) | (size == 2 * shape[0])
            return tf.cast(codes, tf.float32), decodable

        return decode


@pytest.mark.parametrize("sends_range", [True, False])
def test_codes_of_one_axis_and_another_type_are_parsed(sends_range, rng):
    message = PayloadFormat(UNIT_ID, (5,), VectorCodec(), sends_range)
    codes = rng.integers(-300, 300, (6, 5)).astype(np.int16)
    codes[3] = 0
    payloads = [pack(message, each, i % 3) for i, each in enumerate(codes)]
    assert len(payloads[3]) == message.overhead_bytes
    payloads += [payloads[0][:-1], sealed(message, bytes(3)), b""]
    got, _, point, status = parse(PayloadParser(message), payloads)
    np.testing.assert_array_equal(got[:6], codes)
    assert not got[6:].any()  # Blank codes are zeros.
    assert point.tolist() == [0, 1, 2, 0, 1, 2, 0, 0, 0]
    assert status.tolist() == [OK] * 6 + [CHECKSUM, UNDECODABLE, SIZE]


def test_it_has_no_variables():
    assert not message_and_parser("jpeg")[1].variables


class ForeignCodec(Codec):
    """A byte form only, as a third party writes it."""

    name = "foreign"

    def encode(self, codes, point=0):
        return codes.tobytes()

    def decode(self, data, shape, point=0):
        return np.frombuffer(data, np.uint8).reshape(shape)


def test_a_codec_without_a_decoder_in_the_graph_is_refused():
    message = PayloadFormat(UNIT_ID, SHAPE, ForeignCodec(), True)
    with pytest.raises(NotImplementedError, match="Received: codec='foreign'"):
        PayloadParser(message)


@pytest.mark.parametrize(
    "name, shape, limit",
    [
        # 1024 x 1024 blocks of 8x8 = 2**20.
        ("jpeg", (8192, 8192, 1), r"2\*\*20 blocks"),
        # 65,496 x 8,200 = 537,067,200 pixels; 2**29 = 536,870,912.
        ("png", (65496, 8200, 1), r"2\*\*29"),
        ("png", (1, 10**6 + 1, 1), r"10\*\*6 a side"),
    ],
)
def test_a_plane_beyond_the_decoder_s_limit_is_refused(name, shape, limit):
    message = PayloadFormat(UNIT_ID, shape, create_codec(name), True)
    with pytest.raises(ValueError, match=f"{limit}.*shape=.{shape[0]}, "):
        PayloadParser(message)


@pytest.mark.parametrize("name", ["raw", "png"])
@pytest.mark.parametrize("honest_bytes", [0, 60_000])
def test_what_inflates_without_end_is_refused_in_bounded_time(
    name, honest_bytes, rng
):
    message, parser = message_and_parser(name, False, (40, 40, 80))
    # 200 MB and more, TensorFlow's op alone would take half a second.
    start = rng.integers(0, 5, honest_bytes, np.uint8).tobytes()
    data = zlib.compress(start + bytes(200_000_000), 1)
    data = data[: message.most_bytes - message.overhead_bytes]
    bomb = sealed(message, data)
    parse(parser, [bomb])
    began = time.perf_counter()
    status = parse(parser, [bomb])[3]
    assert time.perf_counter() - began < 0.25
    assert status == UNDECODABLE

"""Tests of JPEG in the graph, held against the byte side and TensorFlow."""

import io

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from bottlenet_tf.codec import create_codec, tiling
from bottlenet_tf.codec.jpeg import jpeg_prefix
from bottlenet_tf.layers import JpegRoundTrip
from bottlenet_tf.layers.jpeg_rate import quantization_table
from bottlenet_tf.layers.jpeg_stack import StackDecoder

# Planes of whole blocks, of odd sizes, and with spare tiles.
SHAPES = [(28, 28, 1), (16, 24, 1), (7, 7, 3), (9, 5, 2), (14, 14, 5)]
# Where in a block the k-th number of a JPEG table belongs: along the
# anti-diagonals, turning at each end.
ZIGZAG = sorted(
    np.ndindex(8, 8),
    key=lambda i: (sum(i), i[0] if sum(i) % 2 else i[1]),
)


def jpeg_layer(quality=20):
    return JpegRoundTrip(create_codec("jpeg", quality=quality))


def noise(shape, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, shape, np.uint8)


def smooth(shape):
    """Codes like a trained unit's: mostly low frequencies."""
    n, height, width, channels = shape
    rng = np.random.default_rng(1)
    small = rng.uniform(0, 255, (n, -(-height // 7), -(-width // 7), channels))
    image = small.repeat(7, axis=1).repeat(7, axis=2)[:, :height, :width]
    return np.clip(image + rng.normal(0, 4, shape), 0, 255).astype(np.uint8)


def one_file_each(codes, quality):
    """Pixels of one TensorFlow JPEG file for each plane."""
    decoded = []
    for image in codes:
        plane = tiling.tile(image)[..., None]
        file = tf.io.encode_jpeg(plane, quality=quality)
        pixels = tf.io.decode_jpeg(file, dct_method="INTEGER_ACCURATE")
        decoded.append(tiling.untile(pixels.numpy()[..., 0], image.shape))
    return np.stack(decoded)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("batch", [1, 5])
@pytest.mark.parametrize("quality", [1, 20, 75, 100])
def test_pixels_equal_one_file_for_each_plane(shape, batch, quality):
    codes = noise((batch, *shape))
    decoded, _ = jpeg_layer(quality)(codes.astype("float32"))
    np.testing.assert_array_equal(decoded, one_file_each(codes, quality))


@pytest.mark.parametrize("off", [-1e-4, 1e-4])
def test_codes_a_little_off_a_whole_number_are_rounded(off):
    whole = noise((3, 14, 14, 2)).astype("float32")
    codes = np.clip(whole + np.float32(off), 0, 255)
    layer = jpeg_layer(75)
    for got, want in zip(layer(codes), layer(whole), strict=True):
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("batch", [300, 585])
def test_a_batch_beyond_one_file_s_height_loses_nothing(batch):
    # libjpeg stops at 65,500 rows: 292 planes of 224. 585 = 2 * 292 + 1.
    codes = noise((batch, 224, 8, 1))
    decoded, _ = jpeg_layer()(codes.astype("float32"))
    some = [0, 1, 149, 150, 194, 195, 292, batch - 1]
    want = one_file_each(codes[some], 20)
    np.testing.assert_array_equal(decoded.numpy()[some], want)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("quality", [1, 20, 100])
def test_both_sides_of_the_codec_agree(shape, quality):
    codes = noise((4, *shape))
    layer = jpeg_layer(quality)
    decoded, _ = layer(codes.astype("float32"))
    data = [layer.codec.encode(image) for image in codes]
    pixels = [layer.codec.decode(d, shape) for d in data]
    np.testing.assert_array_equal(decoded, pixels)
    # TensorFlow's encoder writes the same image data, within its own file.
    planes = [tiling.tile(image) for image in codes]
    prefix = len(jpeg_prefix(quality, *planes[0].shape))
    files = [tf.io.encode_jpeg(p[..., None], quality=quality) for p in planes]
    assert [file.numpy()[prefix:-2] for file in files] == data


@pytest.mark.parametrize("quality", [1, 33, 100])
def test_the_variable_quality_encoder_writes_tensorflow_s_bytes(quality):
    plane = noise((28, 28, 1))
    variable = tf.raw_ops.EncodeJpegVariableQuality(
        images=plane, quality=quality
    )
    assert variable == tf.io.encode_jpeg(plane, quality=quality)


def test_the_gradient_is_the_identity(rng):
    codes = tf.constant(noise((3, 7, 7, 3)).astype("float32"))
    weights = tf.constant(rng.normal(size=codes.shape).astype("float32"))
    with tf.GradientTape() as tape:
        tape.watch(codes)
        loss = tf.reduce_sum(weights * jpeg_layer()(codes)[0])
    np.testing.assert_array_equal(tape.gradient(loss, codes), weights)


def test_the_size_carries_no_gradient():
    codes = tf.constant(noise((1, 8, 8, 1)).astype("float32"))
    with tf.GradientTape() as tape:
        tape.watch(codes)
        _, size = jpeg_layer()(codes)
    # The identity's share of an untouched output: zero, or none at all.
    assert not np.any(tape.gradient(size, codes))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("make", [noise, smooth])
def test_image_data_bytes_is_close_to_the_real_mean(shape, make):
    codes = make((32, *shape))
    layer = jpeg_layer()
    _, size = layer(codes.astype("float32"))
    real = np.mean([len(layer.codec.encode(image)) for image in codes])
    # A plane's first DC is coded against its predecessor's last, a few bits
    # apart, and only the last file is filled up to a whole byte.
    assert abs(size - real) <= 2


def test_a_graph_takes_any_batch_size():
    layer = jpeg_layer()
    spec = tf.TensorSpec((None, 7, 7, 3))
    run = tf.function(lambda x: layer(x), input_signature=[spec])
    for batch in (1, 3):
        codes = noise((batch, 7, 7, 3))
        decoded, _ = run(codes.astype("float32"))
        np.testing.assert_array_equal(decoded, one_file_each(codes, 20))


@pytest.mark.parametrize("wrap", [lambda f: f, tf.function])
def test_an_empty_batch_stays_empty(wrap):
    layer = jpeg_layer()
    empty = tf.zeros((0, 9, 5, 2))
    layer.build(empty.shape)
    decoded, size = wrap(layer.call)(empty)
    assert decoded.shape == empty.shape and np.isfinite(size)


def test_a_saved_model_gives_identical_output(revive):
    codes = noise((2, 7, 7, 3)).astype("float32")
    model, loaded = revive(jpeg_layer(37), codes)
    for want, got in zip(model(codes), loaded(codes)):
        np.testing.assert_array_equal(got, want)


def test_the_annealed_quality_is_saved(revive):
    layer = jpeg_layer()
    layer.build((None, 8, 8, 1))
    layer.quality.assign(77)
    _, loaded = revive(layer, noise((1, 8, 8, 1)).astype("float32"))
    assert int(loaded.layers[-1].quality) == 77


def test_get_config_rebuilds_the_layer():
    layer = jpeg_layer(37)
    twin = JpegRoundTrip.from_config(layer.get_config())
    assert twin.get_config() == layer.get_config()


def test_a_changed_quality_takes_effect_in_a_traced_graph():
    layer = jpeg_layer(20)
    codes = noise((2, 8, 8, 1))
    run = tf.function(lambda x: layer(x))
    run(codes.astype("float32"))
    layer.quality.assign(90)
    decoded, _ = run(codes.astype("float32"))
    np.testing.assert_array_equal(decoded, one_file_each(codes, 90))


def test_quality_is_not_trained():
    layer = jpeg_layer()
    layer.build((None, 8, 8, 1))
    assert layer.trainable_variables == []


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_leaves_codes_exact(policy):
    codes = noise((2, 8, 8, 1))
    layer = JpegRoundTrip(create_codec("jpeg"), dtype=policy)
    decoded, _ = layer(codes.astype("float32"))
    np.testing.assert_array_equal(decoded, one_file_each(codes, 20))


def test_keras_does_not_let_xla_compile_it():
    inputs = keras.Input((8, 8, 1))
    model = keras.Model(inputs, jpeg_layer()(inputs))
    with pytest.warns(UserWarning, match="jit_compile"):
        model.compile("sgd", "mse", jit_compile=True)
    assert not model.jit_compile


@pytest.mark.parametrize("wrap", [lambda f: f, tf.function])
def test_the_table_is_the_one_libjpeg_writes(wrap):
    table = wrap(quantization_table)
    for quality in range(1, 101):
        buffer = io.BytesIO()
        Image.new("L", (8, 8)).save(buffer, "JPEG", quality=quality)
        file = buffer.getvalue()
        # Marker, length (2 bytes), precision and number (1), 64 steps.
        at = file.index(b"\xff\xdb") + 5
        want = np.zeros((8, 8))
        for place, step in zip(ZIGZAG, file[at : at + 64]):
            want[place] = step
        np.testing.assert_array_equal(table(tf.constant(quality)), want)


def test_rate_of_a_constant_plane_matches_a_hand_worked_value():
    # 8 * (136 - 128) = 64 is the DC; its step at quality 50 is table K.1's
    # 16. One block, no other coefficient: 1 + log2(1 + 64 / 16).
    layer = jpeg_layer(50)
    layer.build((None, 8, 8, 1))
    rate = layer.rate(tf.fill((1, 8, 8, 1), 136.0))
    # The transform's 64 float32 terms leave coefficients of about 1e-5.
    np.testing.assert_allclose(rate, [1 + np.log2(5)], atol=1e-3)


@pytest.mark.parametrize(("axis", "step"), [(1, 61.0), (0, 72.0)])
def test_rate_divides_a_frequency_by_its_own_step(axis, step):
    # At quality 50 the highest horizontal frequency has table K.1's 61, the
    # highest vertical one its 72. A wave of amplitude a makes one coefficient,
    # 8 / sqrt(2) * a, here 144, and no other: 1 + log2(1 + 144 / step).
    wave = np.cos((2 * np.arange(8) + 1) * 7 * np.pi / 16)
    wave *= 144 * np.sqrt(2) / 8
    plane = 128 + (wave[None] if axis else wave[:, None]) * np.ones((8, 8))
    layer = jpeg_layer(50)
    layer.build((None, 8, 8, 1))
    rate = layer.rate(tf.constant(plane[None, ..., None], tf.float32))
    np.testing.assert_allclose(rate, [1 + np.log2(1 + 144 / step)], atol=1e-3)


def test_rate_codes_dc_against_the_block_before():
    # Two equal blocks: the second's difference is zero.
    layer = jpeg_layer(50)
    layer.build((None, 8, 16, 1))
    rate = layer.rate(tf.fill((1, 8, 16, 1), 136.0))
    np.testing.assert_allclose(rate, [1 + np.log2(5)], atol=1e-3)


def test_rate_is_never_zero():
    layer = jpeg_layer()
    layer.build((None, 8, 8, 1))
    assert layer.rate(tf.fill((1, 8, 8, 1), 128.0)) >= 1


def test_rate_follows_the_quality():
    layer = jpeg_layer(10)
    codes = noise((1, 16, 16, 1)).astype("float32")
    layer.build(codes.shape)
    rate = tf.function(layer.rate)
    low = rate(codes)
    layer.quality.assign(90)
    assert rate(codes) > low


def test_rate_and_bytes_rank_planes_alike():
    layer = jpeg_layer()
    sharp = noise((8, 28, 28, 1))
    # From a constant plane to full noise.
    codes = np.stack([128 + (x - 128.0) * k / 7 for k, x in enumerate(sharp)])
    layer.build(codes.shape)
    rates = layer.rate(codes.round().astype("float32")).numpy()
    sizes = [len(layer.codec.encode(c.round().astype("uint8"))) for c in codes]
    assert np.all(np.diff(rates) > 0) and np.all(np.diff(sizes) >= 0)


def test_descending_the_rate_saves_bytes():
    layer = jpeg_layer()
    codes = tf.Variable(smooth((4, 14, 14, 2)).astype("float32"))
    _, before = layer(codes)
    for _ in range(20):
        with tf.GradientTape() as tape:
            rate = tf.reduce_mean(layer.rate(codes))
        codes.assign_sub(20.0 * tape.gradient(rate, codes))
    _, after = layer(tf.clip_by_value(codes, 0.0, 255.0))
    assert after < before


def test_a_plane_beyond_libjpeg_s_limit_is_refused():
    # 65,496 = 8 * 8187; one more is padded to 65,504.
    jpeg_layer().build((None, 65496, 8, 1))
    message = r"65500.*Received: plane shape=\(65497, 8\), padded to \(65504, 8"
    with pytest.raises(ValueError, match=message):
        jpeg_layer().build((None, 65497, 8, 1))


def test_another_codec_is_refused():
    with pytest.raises(TypeError, match="Received: codec=PngCodec"):
        JpegRoundTrip(create_codec("png"))


def unstuffed(data):
    """Whether the byte form refuses the data for a marker."""
    return any(
        data[i] == 0xFF and data[i + 1 : i + 2] != b"\0"
        for i in range(len(data))
    )


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("quality", [1, 20, 100])
def test_the_server_decodes_the_byte_form_s_pixels(shape, quality):
    layer = jpeg_layer(quality)
    any_number = [
        tf.TensorSpec([None], tf.string),
        tf.TensorSpec([None], tf.int32),
    ]
    decode = tf.function(layer.graph_decoder(shape), any_number)
    for batch in (0, 1, 2, 9, 17):
        data = [layer.codec.encode(image) for image in noise((batch, *shape))]
        decoded, decodable = decode(tf.constant(data, tf.string), [0] * batch)
        assert decoded.shape == (batch, *shape) and np.all(decodable)
        for got, one in zip(decoded, data):
            np.testing.assert_array_equal(got, layer.codec.decode(one, shape))


@pytest.mark.parametrize("points", [[], [2], [0, 0], [2, 0, 1, 1, 0, 2, 2]])
def test_the_server_decodes_each_image_at_its_own_quality(points):
    codec = create_codec("jpeg", quality=[80, 5, 30])
    codes = noise((len(points), 9, 5, 2))
    data = [codec.encode(*each) for each in zip(codes, points)]
    decode = tf.function(JpegRoundTrip(codec).graph_decoder((9, 5, 2)))
    decoded, decodable = decode(
        tf.constant(data, tf.string), tf.constant(points, tf.int32)
    )
    assert decoded.shape == (len(points), 9, 5, 2) and np.all(decodable)
    for got, one, point in zip(decoded, data, points):
        want = codec.decode(one, (9, 5, 2), point)
        np.testing.assert_array_equal(got, want)


def test_a_marker_is_refused_alone_among_several_qualities():
    codec = create_codec("jpeg", quality=[80, 5])
    honest = [codec.encode(noise((9, 5, 2)), point) for point in (0, 1)]
    decode = JpegRoundTrip(codec).graph_decoder((9, 5, 2))
    data = [honest[1], b"\xff\xd0" + honest[0], honest[0], b"\xff"]
    decoded, decodable = decode(tf.constant(data), [1, 0, 0, 1])
    assert decodable.numpy().tolist() == [True, False, True, False]
    for i, point in ((0, 1), (2, 0)):
        want = codec.decode(data[i], (9, 5, 2), point)
        np.testing.assert_array_equal(decoded[i], want)


@pytest.mark.parametrize("batch", [292, 293, 585])
def test_a_batch_beyond_one_stack_loses_nothing(batch):
    # libjpeg stops at 65,500 rows: 292 planes of 224. 585 = 2 * 292 + 1.
    codec = create_codec("jpeg")
    codes = smooth((batch, 224, 8, 1))
    data = [codec.encode(image) for image in codes]
    data[batch // 2] = b"\x55"
    planes, _ = StackDecoder(20, 224, 8)(tf.constant(data))
    want = [codec.decode(one, (224, 8, 1)) for one in data]
    np.testing.assert_array_equal(planes, want)


def test_planes_beyond_a_restart_interval_are_decoded_one_by_one():
    # 257 x 256 = 65,792 blocks; an interval has 16 bits.
    shape = (8 * 257, 8 * 256, 1)
    codec = create_codec("jpeg")
    codes = np.broadcast_to(np.arange(shape[1], dtype=np.uint8)[:, None], shape)
    data = [codec.encode(codes), b"\x55" * 99, codec.encode(codes // 2)]
    planes, decodable = StackDecoder(20, *shape[:2])(tf.constant(data))
    assert np.all(decodable)
    for plane, one in zip(planes, data):
        np.testing.assert_array_equal(plane, codec.decode(one, shape))


def test_image_data_with_a_marker_are_refused_alone():
    codec = create_codec("jpeg")
    honest = codec.encode(smooth((1, 28, 28, 1))[0])
    # Restarts above all: they would move the planes behind them.
    markers = [bytes([0xFF, second]) for second in range(256)]
    foreign = [honest[:9] + marker + honest[9:] for marker in markers]
    foreign += [marker + honest for marker in markers]
    foreign += [honest + marker for marker in markers]
    foreign += [honest + b"\xff", b"\xff", b"\xff\0\xff", b"\xff\xff\0"]
    mixed = [each for data in foreign for each in (data, honest)]
    decode = StackDecoder(20, 28, 28)
    planes, decodable = decode(tf.constant(mixed))
    want = [unstuffed(data) for data in foreign]
    np.testing.assert_array_equal(decodable[::2], np.logical_not(want))
    assert np.all(decodable[1::2])
    alone = codec.decode(honest, (28, 28, 1))
    for plane in planes[1::2]:
        np.testing.assert_array_equal(plane, alone)


@pytest.mark.parametrize("shape", [(28, 28, 1), (9, 5, 2)])
def test_malformed_image_data_stay_within_their_plane(shape, rng):
    # Random bytes, cut and prolonged data: in any number, next to each other.
    layer = jpeg_layer()
    honest = [layer.codec.encode(image) for image in smooth((200, *shape))]
    data = []
    for one in honest:
        kind = rng.integers(5)
        if kind == 0:
            one = rng.bytes(rng.integers(1, 2000))
        elif kind == 1:
            one = one[: rng.integers(len(one))]
        elif kind == 2:
            one = one + rng.bytes(rng.integers(1, 300))
        data.append(one.replace(b"\xff", b"\xff\0") if kind < 3 else one)
    decoded, decodable = layer.graph_decoder(shape)(
        tf.constant(data), [0] * len(data)
    )
    assert np.all(decodable)
    for got, one in zip(decoded, data):
        np.testing.assert_array_equal(got, layer.codec.decode(one, shape))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 5000,
        b"\xff\0" * 5000,  # The longest codes there are.
        b"\xfe" * 5000,
        b"\xaa" * 1,
    ],
    ids=["nothing", "zeros", "ones", "almost ones", "a byte"],
)
def test_extreme_image_data_stay_within_their_plane(data):
    layer = jpeg_layer()
    honest = layer.codec.encode(smooth((1, 28, 28, 1))[0])
    decode = layer.graph_decoder((28, 28, 1))
    decoded, _ = decode(tf.constant([honest, data, honest, data]), [0] * 4)
    alone = layer.codec.decode(honest, (28, 28, 1))
    np.testing.assert_array_equal(decoded[0], alone)
    np.testing.assert_array_equal(decoded[2], alone)
    np.testing.assert_array_equal(decoded[1], decoded[3])


def test_the_server_decodes_at_the_codec_s_own_quality():
    layer = jpeg_layer(20)
    codes = noise((2, 8, 8, 1))
    layer.build(codes.shape)
    layer.quality.assign(90)
    data = tf.constant([layer.codec.encode(image) for image in codes])
    decoded, _ = layer.graph_decoder((8, 8, 1))(data, [0, 0])
    np.testing.assert_array_equal(decoded, one_file_each(codes, 20))

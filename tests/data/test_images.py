"""Tests of decoding, resizing and cropping."""

import numpy as np
import pytest
import tensorflow as tf

from bottlenet_tf.data import images
from bottlenet_tf.data.images import Preprocessing
from bottlenet_tf.runtime import decoder
from tests import image_variants

RNG = np.random.default_rng(0)
LOSSLESS = image_variants.lossless()
ACCEPTED = {
    **{name: file for name, (file, _) in LOSSLESS.items()},
    **image_variants.lossy(),
    **image_variants.turned(),
}
REFUSED = image_variants.refused()


@pytest.fixture(scope="module")
def decode():
    """Decodes in a graph, as the input pipeline does."""
    return tf.function(
        images.decode_image, input_signature=[tf.TensorSpec((), tf.string)]
    )


@pytest.mark.parametrize("name", ACCEPTED)
def test_training_sees_the_pixels_that_the_device_sees(decode, name):
    np.testing.assert_array_equal(
        decode(ACCEPTED[name]), decoder.decode(ACCEPTED[name])
    )


@pytest.mark.parametrize("name", REFUSED)
def test_training_refuses_what_the_device_refuses(decode, name):
    file, reason = REFUSED[name]
    with pytest.raises(ValueError, match=reason):
        decoder.decode(file)
    with pytest.raises(tf.errors.InvalidArgumentError):
        decode(file)
    with pytest.raises(ValueError, match=reason):
        images.decode_image(tf.constant(file))


@pytest.mark.parametrize("name", ["PNG", "PNG by Pillow", "PNG grey"])
@pytest.mark.parametrize("damage", range(20))
def test_a_plain_png_with_a_flipped_bit_is_refused(decode, name, damage):
    file = bytearray(LOSSLESS[name][0])
    file[8 + damage * (len(file) - 8) // 20] ^= 1 << damage % 8
    with pytest.raises(ValueError):
        decoder.decode(bytes(file))
    with pytest.raises(tf.errors.InvalidArgumentError):
        decode(bytes(file))


@pytest.mark.parametrize("name", image_variants.lossy())
def test_a_jpeg_has_the_pixels_of_tensorflows_accurate_transform(name):
    # What results were recorded with: they must not change.
    want = tf.io.decode_jpeg(
        ACCEPTED[name], channels=3, dct_method="INTEGER_ACCURATE"
    )
    np.testing.assert_array_equal(decoder.decode(ACCEPTED[name]), want)


@pytest.mark.parametrize("shape", [(20, 160), (60, 45), (300, 400)])
def test_up_to_8_to_1_the_whole_image_is_resized(shape):
    image = RNG.integers(0, 256, (*shape, 3), np.uint8)
    sides = [round(32 * side / min(shape)) for side in shape]
    whole = tf.image.resize(
        image.astype(np.float32) + 0.5, sides, antialias=min(shape) > 32
    )
    top, left = ((side - 28) // 2 for side in sides)
    want = whole[top : top + 28, left : left + 28].numpy().astype(np.uint8)
    steps = Preprocessing("none", 28, 32, False)
    np.testing.assert_array_equal(steps.evaluate(tf.constant(image)), want)
    assert steps.evaluation_key == "bilinear-centre-v1/32/28"


def test_image_of_the_wanted_size_is_left_untouched():
    image = RNG.integers(0, 256, (32, 32, 3), np.uint8)
    result = Preprocessing.resolve("none", 32).evaluate(tf.constant(image))
    np.testing.assert_array_equal(result, image)


def test_enlarging_matches_bilinear_interpolation_by_hand():
    # Half-pixel centres: 4 outputs sample at -0.25, 0.25, 0.75, 1.25.
    row = np.array([[[0] * 3, [100] * 3], [[0] * 3, [100] * 3]], np.uint8)
    result = Preprocessing.resolve("none", 4).evaluate(tf.constant(row))
    np.testing.assert_array_equal(result[0, :, 0], [0, 25, 75, 100])


def test_shrinking_averages_instead_of_skipping_pixels():
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 200
    result = Preprocessing.resolve("none", 16).evaluate(tf.constant(stripes))
    # Every triangle spans 4 bright and 4 dark columns with equal weights,
    # but for those that the border cuts.
    np.testing.assert_array_equal(result[:, 1:-1], 100)


def test_evaluation_cuts_the_centre_of_a_wide_image():
    image = np.zeros((10, 30, 3), np.uint8)
    image[:, 10:20] = 255
    result = Preprocessing.resolve("none", 10).evaluate(tf.constant(image))
    assert result.numpy().min() == 255


@pytest.mark.parametrize("sides", [(8, 8), (9, 7), (40, 33), (3, 30), (99, 5)])
def test_a_size_that_a_graph_does_not_know_changes_no_pixel(sides):
    image = RNG.integers(0, 256, (*sides, 3), np.uint8)
    steps = Preprocessing.resolve("none", 16)
    spec = tf.TensorSpec((None, None, 3), tf.uint8)
    unknown = tf.function(steps.evaluate, input_signature=[spec])
    np.testing.assert_array_equal(unknown(image), steps.evaluate(image))


def test_paper_policy_resizes_to_eight_sevenths():
    resolved = Preprocessing.resolve("resize_crop", 224)
    assert (resolved.resize, resolved.image_size) == (256, 224)


@pytest.mark.parametrize(
    ("size", "policy"),
    [(32, "pad_crop"), (64, "pad_crop"), (65, "resize_crop")],
)
def test_auto_pads_small_images_and_resizes_large_ones(size, policy):
    assert Preprocessing.resolve("auto", size).policy == policy


def windows(image, size):
    spans = [range(n - size + 1) for n in image.shape[:2]]
    return [
        image[y : y + size, x : x + size] for y in spans[0] for x in spans[1]
    ]


@pytest.mark.parametrize("policy", ["pad_crop", "resize_crop"])
def test_augmented_image_is_a_window_and_all_offsets_occur(policy):
    image = RNG.integers(1, 256, (8, 8, 3), np.uint8)
    steps = Preprocessing.resolve(policy, 8, flip=False)
    if policy == "pad_crop":
        large = np.pad(image, [(1, 1), (1, 1), (0, 0)])
    else:
        large = images.resize_shorter_side(image, 9)
        large = large.numpy().astype(np.uint8)
    expected = [w.tobytes() for w in windows(large, 8)]
    augment = tf.function(steps.augment)
    seen = {
        augment(tf.constant(image), tf.constant([0, k], tf.int64))
        .numpy()
        .tobytes()
        for k in range(100)
    }
    # 9 or 4 windows; 100 draws miss one of 9 with probability below 1e-4.
    assert seen == set(expected)


def test_flip_mirrors_about_half_of_the_images():
    image = RNG.integers(0, 256, (8, 8, 3), np.uint8)
    steps = Preprocessing.resolve("none", 8, flip=True)
    augment = tf.function(steps.augment)
    mirrored = 0
    for k in range(200):
        key = tf.constant([3, k], tf.int64)
        result = augment(tf.constant(image), key).numpy()
        if (result == image[:, ::-1]).all():
            mirrored += 1
        else:
            np.testing.assert_array_equal(result, image)
    assert 70 <= mirrored <= 130  # four standard deviations


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"policy": "mixup"}, "Received: augmentation='mixup'"),
        ({"image_size": 0}, "Received: image_size=0"),
        ({"resize": 40}, "belongs to augmentation='resize_crop'"),
        (
            {"policy": "resize_crop", "resize": 16},
            "Received: resize=16, image_size=32",
        ),
    ],
)
def test_unusable_preprocessing_is_named_in_the_error(arguments, message):
    given = {"policy": "pad_crop", "image_size": 32, **arguments}
    with pytest.raises(ValueError, match=message):
        Preprocessing.resolve(**given)

"""Tests of decoding, resizing and cropping."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from bottlenet_tf.data import images
from bottlenet_tf.data.images import Preprocessing

RNG = np.random.default_rng(0)
# Smooth, so that JPEG keeps it nearly as it is.
RAMP = np.stack(np.meshgrid(np.arange(30), np.arange(20)), -1) * 6
RAMP = np.concatenate([RAMP, RAMP[..., :1]], -1).astype(np.uint8)


def encode(fmt, mode="RGB"):
    buffer = io.BytesIO()
    Image.fromarray(RAMP).convert(mode).save(buffer, fmt)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("fmt", "mode"),
    [
        ("JPEG", "RGB"),
        ("JPEG", "L"),
        ("JPEG", "CMYK"),
        ("PNG", "RGB"),
        ("PNG", "L"),
        ("PNG", "LA"),
        ("PNG", "P"),
        ("PNG", "RGBA"),
        ("PNG", "1"),
        ("BMP", "RGB"),
        ("GIF", "P"),
    ],
)
def test_every_accepted_form_decodes_to_the_rgb_that_pillow_sees(fmt, mode):
    data = encode(fmt, mode)
    expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), int)
    decoded = images.decode_image(tf.constant(data)).numpy()
    # CMYK is turned into RGB by either library in its own way.
    tolerance = 4 if mode == "CMYK" else 0
    assert np.abs(decoded - expected).max() <= tolerance


def test_sixteen_bit_png_keeps_the_high_byte():
    buffer = io.BytesIO()
    levels = RAMP[..., 0].astype(np.uint16) * 256 + 17
    Image.fromarray(levels).save(buffer, "PNG")
    decoded = images.decode_image(tf.constant(buffer.getvalue())).numpy()
    np.testing.assert_array_equal(decoded[..., 1], RAMP[..., 0])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no image at all",
        encode("BMP", "P"),
        encode("JPEG")[:-200],
        encode("PNG")[:-30],
    ],
    ids=["empty", "text", "palette BMP", "cut JPEG", "cut PNG"],
)
def test_unusable_bytes_are_refused(data):
    with pytest.raises(tf.errors.InvalidArgumentError):
        images.decode_image(tf.constant(data))


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

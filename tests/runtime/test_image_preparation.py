"""Tests of the device's image preparation against training's, in TensorFlow."""

import resource

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from bottlenet_tf.data import images as training
from bottlenet_tf.runtime import images

RAMP = np.stack(np.meshgrid(np.arange(30), np.arange(20)), -1) * 6
RAMP = np.concatenate([RAMP, RAMP[..., :1]], -1).astype(np.uint8)


def noise(height, width):
    rng = np.random.default_rng(height)
    return rng.integers(0, 256, (height, width, 3), np.uint8)


def scene(height, width):
    """Noise whose spectrum falls like a photograph's, as 1 / frequency."""
    rng = np.random.default_rng(width)
    rows, columns = np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)
    falling = 1 / (np.hypot(rows, columns) + 1 / max(height, width))
    spectrum = np.fft.fft2(rng.normal(size=(3, height, width))) * falling
    plane = np.fft.ifft2(spectrum).real.transpose(1, 2, 0)
    plane = (plane - plane.mean()) / plane.std() * 60 + 128
    return np.clip(plane, 0, 255).astype(np.uint8)


def evaluated(image, image_size, resize):
    steps = training.Preprocessing("none", image_size, resize, False)
    return steps.evaluate(tf.constant(image)).numpy()


@pytest.mark.parametrize("make", [noise, scene])
@pytest.mark.parametrize(
    "shape, resize, image_size",
    [
        ((375, 500), 256, 224),
        ((480, 640), 256, 224),
        ((100, 37), 64, 56),
        ((192, 300), 32, 32),
        ((96, 96), 32, 32),
        ((84, 84), 96, 84),
        ((84, 84), 256, 224),
        ((28, 28), 32, 32),
    ],
    ids=str,
)
def test_prepared_images_are_the_ones_that_training_evaluates(
    make, shape, resize, image_size
):
    image = make(*shape)
    want = evaluated(image, image_size, resize).astype(int)
    error = np.abs(images.prepare(image, image_size, resize) - want)
    # Both compute in float and round once: only sums that lie within float
    # noise of a half may fall to the other side.
    assert error.max() <= 1
    assert np.mean(error == 0) >= 0.999


def test_ratios_with_many_exact_halves_differ_by_one_level_at_most():
    # 32 to 36 px: weights in 18ths, so that one sum in 300 is a half.
    image = noise(32, 32)
    error = images.prepare(image, 32, 36) - evaluated(image, 32, 36).astype(int)
    assert np.abs(error).max() <= 1
    assert np.mean(error == 0) >= 0.99


@pytest.mark.parametrize("shape", [(32, 32), (32, 45), (45, 32), (33, 32)])
def test_pixels_that_need_no_resizing_pass_untouched(shape):
    image = noise(*shape)
    top, left = (shape[0] - 32) // 2, (shape[1] - 32) // 2
    want = image[top : top + 32, left : left + 32]
    np.testing.assert_array_equal(images.prepare(image, 32, 32), want)
    np.testing.assert_array_equal(evaluated(image, 32, 32), want)


def test_enlarging_matches_bilinear_interpolation_by_hand():
    # Half-pixel centres: 4 outputs sample at -0.25, 0.25, 0.75, 1.25.
    image = np.array([[[0] * 3, [100] * 3]] * 2, np.uint8)
    prepared = images.prepare(image, 4, 4)
    np.testing.assert_array_equal(prepared[0, :, 0], [0, 25, 75, 100])


def test_shrinking_averages_instead_of_skipping_pixels():
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 200
    prepared = images.prepare(stripes, 16, 16)
    np.testing.assert_array_equal(prepared[:, 1:-1], 100)


@pytest.mark.parametrize(
    "shape", [(1, 1000), (1000, 1), (3, 1001), (2, 10000), (13, 106)], ids=str
)
def test_of_a_strip_the_middle_is_prepared_as_in_training(shape):
    image = noise(*shape)
    prepared = images.prepare(image, 28, 32).astype(int)
    assert np.abs(prepared - evaluated(image, 28, 32)).max() <= 1


@pytest.mark.parametrize("shape", [(1, 1000), (1000, 1), (2, 10000)], ids=str)
def test_the_middle_of_a_strip_is_that_of_the_whole(shape):
    image = noise(*shape)
    sides = [round(32 * side / min(shape)) for side in shape]
    whole = tf.image.resize(image, sides).numpy()
    top, left = ((side - 28) // 2 for side in sides)
    want = whole[top : top + 28, left : left + 28]
    assert np.abs(images.prepare(image, 28, 32) - want).max() <= 0.51


@pytest.mark.parametrize("shape", [(1, 1_000_000), (1_000_000, 1)], ids=str)
def test_a_strip_takes_bounded_memory(shape):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    images.prepare(noise(*shape), 224, 256)
    evaluated(noise(*shape), 224, 256)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert after - before < 100_000  # KiB


def test_the_longer_side_rounds_halves_to_even_as_in_training():
    # 2 * 5 / 4 = 2.5 becomes 2: no column is left to crop.
    image = noise(4, 5)
    np.testing.assert_array_equal(
        images.prepare(image, 2, 2), evaluated(image, 2, 2)
    )


def test_one_pixel_is_enlarged_to_a_flat_image():
    image = np.full((1, 1, 3), 7, np.uint8)
    np.testing.assert_array_equal(
        images.prepare(image, 5, 6), np.full((5, 5, 3), 7)
    )


def test_a_pillow_image_is_prepared_like_its_pixels():
    np.testing.assert_array_equal(
        images.prepare(Image.fromarray(RAMP), 16, 18),
        images.prepare(RAMP, 16, 18),
    )


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8, 4), np.uint8),
        np.zeros((8, 8, 3), np.float32),
        np.zeros((0, 8, 3), np.uint8),
    ],
    ids=["grey", "alpha", "float", "empty"],
)
def test_another_array_is_refused(image):
    with pytest.raises(ValueError, match="Received: shape="):
        images.prepare(image, 8, 8)


def test_what_is_no_image_is_refused():
    with pytest.raises(TypeError, match="type=list"):
        images.prepare([[[0, 0, 0]]], 1, 1)


def test_a_file_is_decoded_and_prepared(tmp_path):
    path = tmp_path / "image.png"
    Image.fromarray(RAMP).save(path)
    np.testing.assert_array_equal(
        images.load_image(path, 16, 18), images.prepare(RAMP, 16, 18)
    )


def test_a_damaged_file_is_named(tmp_path):
    path = tmp_path / "image.jpg"
    path.write_bytes(b"no image at all")
    with pytest.raises(ValueError, match="complete JPEG, PNG.*image.jpg"):
        images.load_image(path, 16, 18)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere.png"):
        images.load_image(tmp_path / "nowhere.png", 16, 18)


def test_an_image_of_floats_is_refused():
    with pytest.raises(ValueError, match="mode='F'"):
        images.prepare(Image.fromarray(RAMP[..., 0]).convert("F"), 16, 18)

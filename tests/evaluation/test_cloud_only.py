"""Tests of the cloud-only sweep."""

import io

import numpy as np
import pytest
from PIL import Image

from bottlenet_tf import evaluation
from bottlenet_tf.edge import image_files
from bottlenet_tf.evaluation import image_codecs
from bottlenet_tf.evaluation.cloud_only import round_trip
from bottlenet_tf.runtime import whole, whole_images


def _file(image, kind, **settings):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, kind, **settings)
    return buffer.getvalue()


def _constant(array):
    return np.broadcast_to(
        np.array(array, np.uint8)[:, None, None, :], (len(array), 16, 16, 3)
    ).copy()


def test_enlarged_images_are_also_sent_as_they_are_stored(
    red_classifier, make_dataset
):
    # Flat 8x8 squares, enlarged to 16x16.
    red = [[32, 10, 10], [96, 10, 10], [160, 10, 10], [224, 10, 10]]
    flat = make_dataset(_constant(red), np.arange(4, dtype=np.int32))
    flat.stored_size = 8
    points = evaluation.cloud_only(
        red_classifier, flat, [90], codecs=("jpeg",), progress=False
    )
    assert [(p.side, p.accuracy) for p in points] == [(8, 100.0), (16, 100.0)]
    small = [_file(i[:8, :8], "JPEG", quality=90) for i in flat.images]
    assert points[0].file_bytes_mean == np.mean([len(f) for f in small])


def test_sizes_are_those_of_the_files(red_classifier, dataset):
    jpeg, webp, *others = evaluation.cloud_only(
        red_classifier, dataset, [40], batch_size=7, progress=False
    )
    files = [
        _file(i, "JPEG", quality=40, subsampling="4:2:0")
        for i in dataset.images
    ]
    assert (jpeg.codec, jpeg.quality) == ("jpeg", 40)
    assert jpeg.file_bytes_mean == np.mean([len(f) for f in files])
    # The colour file's constant part: SOI 2, APP0 18, two DQT of 69, SOF0 19,
    # four DHT of 33 + 183 + 33 + 183, SOS 14, EOI 2 = 625; our header 6.
    assert jpeg.file_bytes_mean - jpeg.bytes_mean == 625 - 6
    files = [_file(i, "WEBP", quality=40, method=6) for i in dataset.images]
    assert webp.file_bytes_mean == np.mean([len(f) for f in files])
    # RIFF container of five words, start code and size; our header 6. Some
    # frames are padded by a byte, and all share some bytes of their headers.
    saved = webp.file_bytes_mean - webp.bytes_mean
    assert 20 + 7 - 6 < saved < 20 + 7 - 6 + 10
    names = tuple(point.codec for point in (jpeg, webp, *others))
    assert names == image_codecs.usable_codecs()
    assert all(20 < p.bytes_mean < p.file_bytes_mean for p in others)


def test_accuracy_is_that_of_the_decoded_pixels(red_classifier, make_dataset):
    # Flat images survive any codec to within a few levels, far from the
    # classifier's borders at 64, 128 and 192; the last label is wrong.
    red = [[32, 10, 10], [96, 10, 10], [160, 10, 10], [224, 10, 10]]
    flat = make_dataset(_constant(red), np.array([0, 1, 2, 0], np.int32))
    points = evaluation.cloud_only(
        red_classifier, flat, [90, 10], progress=False
    )
    codecs = image_codecs.usable_codecs()
    assert [p.accuracy for p in points] == [75.0] * 2 * len(codecs)
    assert [(p.codec, p.quality) for p in points] == [
        (codec, quality) for codec in codecs for quality in (10, 90)
    ]


def test_network_sees_what_jpeg_left_over(make_dataset):
    # One red pixel on white: 4:2:0 and quality 1 wash it out, so its
    # green is 0 before and bright after.
    image = np.full((1, 16, 16, 3), 255, np.uint8)
    image[0, 0, 0] = (255, 0, 0)

    def green_at_corner(images):
        green = images[:, 0, 0, 1:2] - 128.0
        return np.array([[-1.0, 1.0]], np.float32) * green

    data = make_dataset(image, np.ones(1, np.int32))
    before = evaluation.network_accuracy(green_at_corner, data, progress=False)
    (point,) = evaluation.cloud_only(
        green_at_corner, data, [1], codecs=("jpeg",), progress=False
    )
    assert (before, point.accuracy) == (0.0, 100.0)


def test_network_accuracy_by_hand(red_classifier, make_dataset):
    red = [[32, 0, 0], [96, 0, 0], [160, 0, 0], [224, 0, 0]]
    flat = make_dataset(_constant(red), np.array([0, 1, 3, 3], np.int32))
    accuracy = evaluation.network_accuracy(
        red_classifier, flat, batch_size=3, progress=False
    )
    assert accuracy == 75.0


def test_unknown_codec_lists_the_choices(red_classifier, dataset):
    with pytest.raises(ValueError, match="jpeg, jxl, webp.*name='gif'"):
        evaluation.cloud_only(red_classifier, dataset, [20], codecs=("gif",))


@pytest.mark.parametrize("qualities", [[], [0], [101]])
def test_quality_out_of_range_is_refused(red_classifier, dataset, qualities):
    with pytest.raises(ValueError, match="from 1 to 100"):
        evaluation.cloud_only(red_classifier, dataset, qualities)


def test_grey_images_are_sent_without_colour(red_classifier, make_dataset):
    grey = _constant([[32, 32, 32], [224, 224, 224]])
    grey[:, ::3] //= 2
    data = make_dataset(grey, np.array([0, 3], np.int32))
    (point,) = evaluation.cloud_only(
        red_classifier, data, [90], codecs=("jpeg",), progress=False
    )
    files = [_file(image[..., 0], "JPEG", quality=90) for image in grey]
    assert point.file_bytes_mean == np.mean([len(file) for file in files])


def test_sweep_goes_on_without_a_codec(red_classifier, dataset, monkeypatch):
    monkeypatch.setattr(image_codecs, "imagecodecs", None)
    points = evaluation.cloud_only(
        red_classifier, dataset, [50], progress=False
    )
    assert [p.codec for p in points] == ["jpeg", "webp", "avif"]
    with pytest.raises(ValueError, match="JPEG XL.*is missing.*codec='jxl'"):
        evaluation.cloud_only(red_classifier, dataset, [50], codecs=("jxl",))


@pytest.mark.parametrize("codec", ["jpeg", "webp", "avif"])
@pytest.mark.parametrize("side", [8, 16])
def test_the_served_network_sees_what_was_measured(codec, side):
    if image_files.why_not(codec) is not None:
        pytest.skip(image_files.why_not(codec))
    shape = (16, 16, 3)
    pixels = np.random.RandomState(0).randint(0, 256, shape).astype(np.uint8)
    about = whole.WholeFile("net", 16, 16, ("cat", "dog"), {}, None)
    sent = image_files.encode(pixels, codec, 90, side)
    measured, _, sizes = round_trip(pixels[None], codec, 90, side)
    assert len(sent) == sizes[0]
    np.testing.assert_array_equal(whole_images.decode(sent, about), measured[0])

"""Tests of the cloud-only sweep."""

import io

import numpy as np
import pytest
from PIL import Image

from bottlenet_tf import evaluation
from bottlenet_tf.evaluation.cloud_only import jpeg_image_data


def _file(image, kind, **settings):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, kind, **settings)
    return buffer.getvalue()


def _constant(array):
    return np.broadcast_to(
        np.array(array, np.uint8)[:, None, None, :], (len(array), 16, 16, 3)
    ).copy()


@pytest.mark.parametrize("quality", [1, 20, 75, 95])
def test_dropped_jpeg_headers_are_the_same_for_every_image(
    make_images, quality
):
    heads = set()
    for image in make_images(8):
        file = _file(image, "JPEG", quality=quality, subsampling="4:2:0")
        data = jpeg_image_data(file)
        assert file.endswith(data + b"\xff\xd9")
        heads.add(file[: -len(data) - 2])
    assert len(heads) == 1


def test_dropped_webp_bytes_are_the_same_but_for_lengths(make_images):
    heads = set()
    for image in make_images(8):
        file = _file(image, "WEBP", quality=50, method=6)
        # Without the two lengths; the frame tag, bytes 20 to 23, is sent.
        heads.add(file[:4] + file[8:16] + file[23:30])
    assert heads == {b"RIFFWEBPVP8 " + b"\x9d\x01\x2a" + b"\x10\0\x10\0"}


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


def test_file_without_a_scan_is_refused():
    with pytest.raises(ValueError, match="scan.*Received: file of 4 bytes"):
        jpeg_image_data(b"\xff\xd8\xff\xd9")


def test_sizes_are_those_of_the_files(red_classifier, dataset):
    jpeg, webp = evaluation.cloud_only(
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
    # RIFF container of five words, start code and size; our header 6.
    assert webp.file_bytes_mean - webp.bytes_mean == 20 + 7 - 6


def test_accuracy_is_that_of_the_decoded_pixels(red_classifier, make_dataset):
    # Flat images survive any codec to within a few levels, far from the
    # classifier's borders at 64, 128 and 192; the last label is wrong.
    red = [[32, 10, 10], [96, 10, 10], [160, 10, 10], [224, 10, 10]]
    flat = make_dataset(_constant(red), np.array([0, 1, 2, 0], np.int32))
    points = evaluation.cloud_only(
        red_classifier, flat, [90, 10], progress=False
    )
    assert [p.accuracy for p in points] == [75.0] * 4
    assert [(p.codec, p.quality) for p in points] == [
        ("jpeg", 10), ("jpeg", 90), ("webp", 10), ("webp", 90),
    ]  # fmt: skip


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
    with pytest.raises(ValueError, match="jpeg, webp.*name='gif'"):
        evaluation.cloud_only(red_classifier, dataset, [20], codecs=("gif",))


@pytest.mark.parametrize("qualities", [[], [0], [101]])
def test_quality_out_of_range_is_refused(red_classifier, dataset, qualities):
    with pytest.raises(ValueError, match="from 1 to 100"):
        evaluation.cloud_only(red_classifier, dataset, qualities)

"""Tests of JPEG's byte form."""

import io

import numpy as np
import pytest
from PIL import Image

from bottlenet_tf.codec import PayloadError, create_codec, jpeg, tiling
from tests.jpeg_libraries import encoding_by, pillow_file

SHAPES = [(28, 28, 1), (7, 7, 3), (8, 16, 2), (9, 17, 1)]
QUALITIES = [1, 20, 50, 75, 100]


def noise(shape):
    return np.random.default_rng(1).integers(0, 256, shape, np.uint8)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("quality", QUALITIES)
def test_image_data_is_pillow_s_file_without_its_constant_ends(
    library, shape, quality
):
    codes = noise(shape)
    file = pillow_file(tiling.tile(codes), quality)
    # SOI 2, APP0 18, DQT 69, SOF0 13, DHT 33 + 183, SOS 10; EOI 2.
    want = file[2 + 18 + 69 + 13 + 33 + 183 + 10 : -2]
    assert create_codec("jpeg", quality=quality).encode(codes) == want


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("quality", QUALITIES)
def test_decoded_codes_are_pillow_s_pixels(library, shape, quality):
    codes = noise(shape)
    codec = create_codec("jpeg", quality=quality)
    with Image.open(io.BytesIO(pillow_file(tiling.tile(codes), quality))) as i:
        want = tiling.untile(np.asarray(i), shape)
    np.testing.assert_array_equal(
        codec.decode(codec.encode(codes), shape), want
    )


def test_a_slice_of_a_larger_array_is_coded_like_its_copy(library):
    whole = noise((16, 16, 4))
    part = whole[::2, ::2, 1:2]
    codec = create_codec("jpeg")
    assert codec.encode(part) == codec.encode(part.copy())


def test_a_grey_plane_at_quality_20_takes_one_byte_a_block(library):
    # Level shift makes 128 zero: a DC category (2 bits) and an end-of-block
    # (4 bits) for each of 16 blocks = 12 bytes.
    grey = np.full((32, 32, 1), 128, np.uint8)
    assert len(create_codec("jpeg", quality=20).encode(grey)) == 12


def test_data_of_another_plane_size_does_not_change_the_shape(library):
    codec = create_codec("jpeg")
    data = codec.encode(noise((32, 32, 1)))
    assert codec.decode(data, (9, 7, 3)).shape == (9, 7, 3)


@pytest.mark.parametrize(
    "marker",
    [b"\xff\xd8", b"\xff\xc0", b"\xff\xc4", b"\xff\xdc", b"\xff\xd0", b"\xff"],
    ids=["SOI", "SOF0", "DHT", "DNL", "RST0", "cut off"],
)
def test_a_marker_in_image_data_is_refused(library, marker, codes):
    codec = create_codec("jpeg")
    data = codec.encode(codes)
    with pytest.raises(PayloadError, match="no marker"):
        codec.decode(data + marker, codes.shape)


@pytest.mark.parametrize("quality", [0, 101, 20.0, True, None, "20"])
def test_an_impossible_quality_is_named_in_the_error(quality):
    with pytest.raises(ValueError, match=f"Received: quality={quality!r}"):
        create_codec("jpeg", quality=quality)


@pytest.mark.parametrize("quality", [[20, 0], (20, 101), [20.0], [None], [[2]]])
def test_an_impossible_one_of_several_qualities_is_refused(quality):
    with pytest.raises(ValueError, match="Received: quality="):
        create_codec("jpeg", quality=quality)


@pytest.mark.parametrize("quality", [[], [20, 20], list(range(1, 66))])
def test_several_qualities_are_distinct_and_at_most_64(quality):
    with pytest.raises(ValueError, match="at most 64.*Received: quality="):
        create_codec("jpeg", quality=quality)


def test_each_of_several_qualities_codes_as_if_alone(library, codes):
    codec = create_codec("jpeg", quality=[75, 5, 20])
    assert codec.points == (75, 5, 20)
    for point, quality in enumerate(codec.points):
        one = create_codec("jpeg", quality=quality)
        data = codec.encode(codes, point)
        assert data == one.encode(codes)
        np.testing.assert_array_equal(
            codec.decode(data, codes.shape, point),
            one.decode(data, codes.shape),
        )


def test_the_constant_bytes_are_those_of_all_qualities():
    got = create_codec("jpeg", quality=[75, 5]).constant_bytes((9, 7, 3))
    one, other = (create_codec("jpeg", quality=q) for q in (75, 5))
    assert got == one.constant_bytes((9, 7, 3)) + other.constant_bytes(
        (9, 7, 3)
    )


@pytest.mark.parametrize("quality, stored", [([75, 5], [75, 5]), ([30], 30)])
def test_the_configuration_is_a_number_if_there_is_one_quality(quality, stored):
    codec = create_codec("jpeg", quality=quality)
    assert codec.get_config() == {"quality": stored}
    assert create_codec("jpeg", **codec.get_config()).points == codec.points


@pytest.mark.parametrize("point", [-1, 2, 1.0, True])
def test_a_quality_is_named_by_its_index(point, codes):
    codec = create_codec("jpeg", quality=[75, 5])
    with pytest.raises(ValueError, match=f"Received: point={point}"):
        codec.encode(codes, point)
    with pytest.raises(ValueError, match=f"Received: point={point}"):
        codec.decode(b"\0", codes.shape, point)


def test_the_largest_plane_is_one_that_stays_in_the_limit_padded():
    # 65,496 = 8 * 8187; one more is padded to 65,504.
    codec = create_codec("jpeg")
    codes = np.zeros((65496, 1, 1), np.uint8)
    decoded = codec.decode(codec.encode(codes), codes.shape)
    np.testing.assert_array_equal(decoded, codes)
    message = r"65500.*Received: plane shape=\(65497, 1\), padded to \(65504, 8"
    with pytest.raises(ValueError, match=message):
        codec.encode(np.zeros((65497, 1, 1), np.uint8))
    with pytest.raises(ValueError, match=message):
        codec.decode(b"\0", (65497, 1, 1))


@pytest.mark.parametrize("size", [(65498, 1), (255, 55808)])
def test_a_size_that_reads_like_a_scan_marker_does_not_end_the_prefix(
    library, size
):
    # The marker is ff da. 65,498 = 0xffda; 255, 55,808 = 0x00ff, 0xda00.
    assert len(jpeg.jpeg_prefix(20, *size)) == 328


def test_codes_of_such_a_size_come_back(library):
    codec = create_codec("jpeg")
    codes = np.zeros((255, 55808, 1), np.uint8)
    data = codec.encode(codes)
    # 32 x 6976 blocks: the first has a DC of -1024 and its end; the others a
    # difference of zero (2 bits) and their end (4 bits), 6 bits each.
    assert abs(len(data) - 32 * 6976 * 6 / 8) < 8
    np.testing.assert_array_equal(codec.decode(data, codes.shape), codes)


def test_the_prefix_fixes_the_size():
    # SOF0 follows SOI, APP0 and DQT; height and width are its bytes 5 to 8.
    at = 2 + 18 + 69 + 5
    assert jpeg.jpeg_prefix(20, 300, 7)[at : at + 4] == b"\x01\x2c\x00\x07"


def test_the_constant_bytes_are_tables_and_headers_that_decide_the_pixels():
    file = pillow_file(np.zeros((9, 14), np.uint8), 20)
    # Without SOI and APP0.
    want = file[2 + 18 : 328]
    assert create_codec("jpeg").constant_bytes((9, 7, 2)) == want


@pytest.mark.parametrize("options", [{"dpi": (300, 300)}, {"comment": b"by"}])
def test_bytes_that_change_no_pixel_are_not_among_them(options, codes):
    codec = create_codec("jpeg")
    want = codec.constant_bytes(codes.shape), codec.encode(codes)
    with encoding_by(lambda *args: pillow_file(*args, **options)):
        assert len(jpeg.jpeg_prefix(20, 9, 7)) >= 328
        assert (codec.constant_bytes(codes.shape), codec.encode(codes)) == want


@pytest.mark.parametrize("options", [{"optimize": True}, {"progressive": True}])
def test_tables_that_change_with_the_image_are_not_left_out(options, codes):
    with encoding_by(lambda *args: pillow_file(*args, **options)):
        with pytest.raises(RuntimeError, match="same tables for all images"):
            create_codec("jpeg").encode(codes)

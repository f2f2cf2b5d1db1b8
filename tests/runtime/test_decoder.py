"""Tests of what the bytes of an image file mean."""

import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageOps

from bottlenet_tf.runtime import decoder
from tests import image_variants
from tests.image_variants import RAMP, chunk, exif, png, saved, with_segments

LOSSLESS = image_variants.lossless()
TURNED = image_variants.turned()


@pytest.mark.parametrize("name", LOSSLESS)
def test_a_file_is_decoded_to_the_pixels_it_was_made_of(name):
    file, pixels = LOSSLESS[name]
    np.testing.assert_array_equal(decoder.decode(file), pixels)


@pytest.mark.parametrize("name", TURNED)
def test_pixels_are_turned_upright(name):
    with Image.open(io.BytesIO(TURNED[name])) as image:
        want = np.asarray(ImageOps.exif_transpose(image))
    np.testing.assert_array_equal(decoder.decode(TURNED[name]), want)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")  # Pillow's own reading.
@pytest.mark.parametrize(
    "note",
    [
        b"",
        b"II*\0",
        b"XX" + exif(6)[2:],
        exif(6)[:20],
        exif(0),
        exif(9),
        exif(6).replace(b"\x12\x01\x03", b"\x12\x01\x02"),
        struct.pack("<4sIH", b"II*\0", 8, 65535),
        struct.pack("<4sI", b"II*\0", 0xFFFFFFFF),
    ],
)
def test_exif_without_an_orientation_turns_nothing(note):
    jpeg = saved(RAMP, "JPEG")
    noted = with_segments(jpeg, b"Exif\0\0" + note)
    np.testing.assert_array_equal(decoder.decode(noted), decoder.decode(jpeg))


def test_a_second_picture_in_the_file_turns_nothing():
    jpeg = saved(RAMP, "JPEG")
    second = with_segments(jpeg, b"Exif\0\0" + exif(6))
    np.testing.assert_array_equal(
        decoder.decode(jpeg + second), decoder.decode(jpeg)
    )


@pytest.mark.parametrize(
    "file",
    [
        png(RAMP, 2, before=chunk(b"teXt", b"") * 5000),
        with_segments(saved(RAMP, "JPEG"), *[b""] * 5000),
        b"RIFF\0\0\0\0WEBP" + (b"JUNK" + bytes(4)) * 5000,
    ],
    ids=["PNG", "JPEG", "WebP"],
)
def test_endless_empty_pieces_are_refused(file):
    with pytest.raises(ValueError, match="complete JPEG"):
        decoder.decode(file)


def test_a_form_that_isnt_asked_for_is_refused():
    with pytest.raises(ValueError, match="complete JPEG, PNG .it is GIF."):
        decoder.decode(LOSSLESS["GIF"][0], ("JPEG", "PNG"))

"""Bytes of an image file to pixels: the same wherever a file is read.

Training, device and server (for cloud-only) decode with this. Of the files that
Pillow reads, only those with the same result in all versions are accepted:
`forms.FORMATS` and the checks below.
"""

import io

import numpy as np
from PIL import Image, features

from bottlenet_tf.runtime import chunks, forms, orientation


def decode(data, formats=forms.FORMATS):
    """Returns an image file's pixels, upright: uint8 `(height, width, 3)`.

    JPEG (grey, colour, or CMYK with Adobe's marker), PNG, BMP (not
    run-length coded), GIF and WebP are read; if a file has several pictures,
    the first. A GIF's is its frame, not the screen around it, and black where
    it is transparent. Other alpha is dropped, not blended; 16-bit samples keep
    their high byte. Pixels are rotated by EXIF (`orientation`). TIFF isn't
    read: its meaning depends on the libraries of each machine.

    JPEG is decoded exactly as by TensorFlow with `INTEGER_ACCURATE` where
    Pillow was built with libjpeg-turbo; IJG's libjpeg (in wheels of Pillow 5
    to 8) differs where colours change from one pixel to the next.
    """
    form = forms.form_of(data)
    try:
        _check(data, form, formats)
        with Image.open(io.BytesIO(data)) as image:
            _check_opened(image)
            turned = orientation.orientation(data, form)
            pixels = _gif(image, data) if form == "GIF" else rgb(image)
    except Exception as error:  # Each format's reader has its own errors.
        reason = str(error)
        if reason.startswith("cannot identify"):  # An object's address follows.
            reason = "its header is invalid"
        raise ValueError(
            "An image file must be a complete {} ({}). "
            "Received: {} bytes".format(", ".join(formats), reason, len(data))
        ) from None
    return orientation.upright(pixels, turned)


def _other_form(data):
    if data[:4] in (b"II*\0", b"MM\0*"):
        return "TIFF"
    return "of another form" if data else "empty"


def _check(data, form, formats):
    """Refuses other forms, and damage that Pillow may ignore."""
    if form not in formats:
        raise ValueError("it is {}".format(form or _other_form(data)))
    if form == "PNG":
        chunks.check_png(data)
    if form == "JPEG" and data.rfind(b"\xff\xd9") < data.find(b"\xff\xda"):
        raise ValueError("it is truncated: no end follows its pixels")
    if form == "WEBP" and not features.check("webp"):
        raise ValueError("this Pillow was built without WebP")


def _check_opened(image):
    """Refuses files that Pillow would read although ambiguous."""
    if image.format == "BMP" and image.info.get("compression", 0) not in (0, 3):
        raise ValueError("it is a run-length coded BMP")
    if image.mode == "CMYK" and "adobe" not in image.info:
        raise ValueError("without Adobe's marker CMYK may be inverted or not")


def rgb(image):
    """Returns a Pillow image as uint8 `(height, width, 3)`."""
    image.load()  # Old NumPy hides errors of decoding.
    if image.mode.startswith("I"):
        grey = (np.asarray(image).astype(np.int64) >> 8).astype(np.uint8)
        return np.stack([grey] * 3, axis=-1)
    if image.mode == "F":
        raise ValueError(
            "An image of floats has no defined brightness. Received: mode='F'"
        )
    if image.mode == "CMYK":
        paper = 255 - np.asarray(image).astype(np.uint16)
        return (paper[..., :3] * paper[..., 3:] // 255).astype(np.uint8)
    if image.mode == "P" and "transparency" in image.info:
        image.info.pop("transparency")  # Pillow warns that it is dropped.
    # Even RGB to RGB would be a copy, 48 MB of a photo of 12 megapixels.
    return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))


def _gif(image, data):
    """Returns the first frame, black where it is transparent."""
    tile = image.tile[0]
    _check_gif(tile, data)
    left, top, right, bottom = tile[1]  # The screen may be larger.
    image.load()
    frame = np.asarray(image.convert("RGBA"))[top:bottom, left:right]
    return frame[..., :3] * (frame[..., 3:] > 0)


def _check_gif(tile, data):
    """Refuses a frame with fewer pixels than its header says.

    Pillow leaves the former content there, which must not matter.
    """
    left, top, right, bottom = tile[1]
    size = right - left, bottom - top
    Image._decompression_bomb_check(size)
    found = []
    for level in (0, 255):
        frame = Image.new("L", size, level)
        decoder = Image._getdecoder("L", "gif", tile[3], ())
        decoder.setimage(frame.im, (0, 0) + size)
        decoder.decode(data[tile[2] :])
        found.append(frame.tobytes())
    if found[0] != found[1]:
        raise ValueError("it has fewer pixels than its header says")

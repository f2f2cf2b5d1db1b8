"""From an image file to the pixels that the head was trained on."""

import os

import numpy as np
from PIL import Image

# What training decodes. MPO is the JPEG of phones: more pictures follow the
# first, which is the one that is read.
FORMATS = ("JPEG", "MPO", "PNG", "BMP", "GIF")


def pixels(image, image_size, resize):
    """Returns what the network sees of an image, in whatever form it comes.

    Args:
        image: Path of an image file, Pillow image, or uint8 array `(height,
            width, 3)`, RGB. An array of the network's size is taken for
            prepared and passes untouched.
        image_size: Side of the result, in pixels.
        resize: Length of the shorter side before the crop.

    Returns:
        uint8 array `(image_size, image_size, 3)`.

    Raises:
        OSError, TypeError, ValueError: see `load_image` and `prepare`.
    """
    if isinstance(image, (str, os.PathLike)):
        return load_image(image, image_size, resize)
    prepared = isinstance(image, np.ndarray) and image.dtype == np.uint8
    if prepared and image.shape == (image_size, image_size, 3):
        return image
    return prepare(image, image_size, resize)


def load_image(path, image_size, resize):
    """Reads an image file: `(image_size, image_size, 3)`, see `prepare`.

    JPEG, PNG, BMP (without a palette) and GIF (its first frame) are read, as
    in training. An orientation noted beside the pixels (EXIF) is passed over,
    as in training. A JPEG's pixels depend on the library that Pillow was
    built with: libjpeg-turbo's differ from training's by a few levels, and
    those of IJG's libjpeg (in wheels of Pillow 5 to 8) by more where colours
    change from one pixel to the next.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if it is damaged or of another format.
    """
    return prepare(_decode(path), image_size, resize)


def prepare(image, image_size, resize):
    """Resizes the shorter side to `resize` and crops the centre.

    Bilinear with half-pixel centres, antialiased when it shrinks, computed in
    float and rounded once: what training evaluates on. Pixels of the right
    size pass untouched.

    Args:
        image: uint8 array `(height, width, 3)`, RGB, or a Pillow image.
        image_size: Side of the result, in pixels.
        resize: Length of the shorter side before the crop.

    Returns:
        uint8 array `(image_size, image_size, 3)`.

    Raises:
        TypeError: if `image` is neither.
        ValueError: for an array of another shape or type, or an image mode
            without a defined conversion.
    """
    if isinstance(image, Image.Image):
        image = rgb(image)
    if not isinstance(image, np.ndarray):
        raise TypeError(
            "An image must be a Pillow image or an array. "
            f"Received: type={type(image).__name__}"
        )
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(
            "An image array must be uint8 of shape (height, width, 3), RGB. "
            f"Received: shape={image.shape}, dtype={image.dtype}"
        )
    height, width = image.shape[:2]
    if min(height, width) < 1:
        raise ValueError(
            "An image must have at least one pixel. "
            f"Received: shape={image.shape}"
        )
    shorter = min(height, width)
    if shorter != resize:
        # Halves round to even, as in TensorFlow.
        height, width = (
            int(round(resize * side / shorter)) for side in (height, width)
        )
        image = _resize(image, height, width)
    top, left = (height - image_size) // 2, (width - image_size) // 2
    window = image[top : top + image_size, left : left + image_size]
    return np.ascontiguousarray(window)


def _resize(image, height, width):
    """Resizes each channel in float: Pillow's bytes round after each pass."""
    result = np.empty((height, width, 3), np.uint8)
    for channel in range(3):
        plane = np.ascontiguousarray(image[..., channel])
        plane = Image.fromarray(plane).convert("F")
        plane = plane.resize((width, height), Image.BILINEAR)
        result[..., channel] = np.asarray(plane) + np.float32(0.5)
    return result


def _decode(path):
    """Returns the pixels of an image file, `(height, width, 3)`."""
    with open(path, "rb") as file:
        try:
            with Image.open(file) as image:
                _check_format(image)
                # Of a PNG, the checksums; reading passes over some damage.
                image.verify()
            file.seek(0)
            with Image.open(file) as image:
                return _gif(image) if image.format == "GIF" else rgb(image)
        except Exception as error:  # Each format's reader has its own.
            raise ValueError(
                "An image file must be a whole JPEG, PNG, GIF or BMP without "
                f"a palette ({error}). Received: {os.fspath(path)!r}"
            ) from error


def _check_format(image):
    if image.format not in FORMATS:
        raise ValueError(f"it is {image.format}")
    if image.format == "BMP" and image.mode not in ("RGB", "RGBA"):
        raise ValueError("it is a BMP with one")


def rgb(image):
    """Returns a Pillow image as uint8 `(height, width, 3)`.

    Alpha is dropped, not blended; 16-bit grey keeps its high byte.
    """
    image.load()  # Old NumPy swallows the errors of decoding.
    if image.mode.startswith("I"):
        grey = (np.asarray(image).astype(np.int64) >> 8).astype(np.uint8)
        return np.stack([grey] * 3, axis=-1)
    if image.mode == "F":
        raise ValueError(
            "An image of floats has no defined brightness. Received: mode='F'"
        )
    # Even RGB to RGB would be a copy, 48 MB of a photo of 12 megapixels.
    return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))


def _gif(image):
    """Returns the first frame, black where it is transparent."""
    left, top, right, bottom = image.tile[0][1]  # The screen may be larger.
    image.load()
    frame = np.asarray(image.convert("RGBA"))[top:bottom, left:right]
    return frame[..., :3] * (frame[..., 3:] > 0)

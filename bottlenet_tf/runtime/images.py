"""From an image file to the pixels that the head was trained on."""

import os

import numpy as np
from PIL import Image

from bottlenet_tf.runtime import decoder

# Of an image this many times longer than wide, only the middle is resized: a
# strip of 1 x 10,000 pixels would take 8 GB at 256 x 2,560,000.
MOST_ASPECT = 8


def pixels(image, image_size, resize):
    """Returns the network's input pixels of an image in any form.

    Args:
        image: Path of an image file, Pillow image, or uint8 array `(height,
            width, 3)`, RGB. An array of the network's size counts as prepared
            and passes untouched.
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
    """Decodes and prepares an image file; see `decoder.decode` and `prepare`.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if it is damaged or of another form; the message names the
            file.
    """
    with open(path, "rb") as file:
        data = file.read()
    try:
        pixels = decoder.decode(data)
    except ValueError as error:
        raise ValueError("{} in {!r}".format(error, os.fspath(path))) from error
    return prepare(pixels, image_size, resize)


def prepare(image, image_size, resize):
    """Resizes the shorter side to `resize` and crops the centre.

    Bilinear with half-pixel centres, antialiased when it shrinks, computed in
    float and rounded once, as in training's evaluation. Pixels of the right
    size pass untouched. The ends of an image more than 8 times as long as wide
    are cut off first, so that memory is bounded.

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
        image = decoder.rgb(image)
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
    image = _shortened(image)
    height, width = image.shape[:2]
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


def _shortened(image):
    """Cuts off the ends of a strip; the centre moves at most half a pixel."""
    height, width = image.shape[:2]
    longest = MOST_ASPECT * min(height, width)
    top, left = (max(0, side - longest) // 2 for side in (height, width))
    return image[top : height - top, left : width - left]


def _resize(image, height, width):
    """Resizes each channel in float: Pillow's bytes round after each pass."""
    result = np.empty((height, width, 3), np.uint8)
    for channel in range(3):
        plane = np.ascontiguousarray(image[..., channel])
        plane = Image.fromarray(plane).convert("F")
        plane = plane.resize((width, height), Image.BILINEAR)
        result[..., channel] = np.asarray(plane) + np.float32(0.5)
    return result

"""The common beginnings of an image codec's files, which needn't be sent.

Frame headers contain quantizers, filters and tools. Most of them follow from
the quality, but at no fixed place, so device and cloud encode the same
synthetic images. A common beginning of two of these files is a *head*; an image
whose file begins with it too leaves it out, and the payload's tag names it.
"""

import functools
import itertools
import os

import numpy as np
from PIL import Image

# Number for each slope of the spectrum; photographs have about 1/f.
_IMAGES_EACH = 8
_POWERS = (1.0, 1.5, 2.0)


@functools.cache
def shared_heads(codec, quality, size, mode):
    """Returns the heads of an `ImageCodec`, including the empty one.

    `size` is `(width, height)` in pixels, `mode` Pillow's "L" or "RGB".
    """
    files = [
        codec.varying(codec.encode(image.convert(mode), quality))
        for image in made_up_images(*size)
    ]
    pairs = itertools.combinations(files, 2)
    return frozenset([b"", *map(os.path.commonprefix, pairs)])


def without_head(data, heads):
    """Returns `data` without the longest of the heads that it begins with."""
    return data[max(len(head) for head in heads if data.startswith(head)) :]


def made_up_images(width, height):
    """Yields Pillow images: coloured clouds, black and white."""
    generator = np.random.default_rng(0)
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width))
    frequency[0, 0] = np.inf  # Leaves out the mean.
    for power in _POWERS * _IMAGES_EACH:
        noise = generator.standard_normal((4, height, width))
        clouds = np.fft.ifft2(np.fft.fft2(noise) * frequency**-power).real
        clouds /= max(clouds.std(), 1e-9)  # A single pixel has no clouds.
        # Brightness varies more than colour.
        image = 60 * clouds[0] + 20 * clouds[1:]
        image += generator.uniform(70, 190, (3, 1, 1))
        image = np.clip(image, 0, 255).astype(np.uint8)
        yield Image.fromarray(image.transpose(1, 2, 0))
    for level in (0, 255):
        yield Image.new("RGB", (width, height), (level,) * 3)

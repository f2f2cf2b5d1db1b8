"""The images that a profile is measured on."""

import os
import pathlib

import numpy as np

from bottlenet_tf.runtime.forms import EXTENSIONS, is_image_name
from bottlenet_tf.runtime.images import load_image

NOISE = (
    "measured on noise: size and coding time of its payloads differ from an "
    "image's"
)


def load(target, folder, count):
    """Returns images for a head, and the reason why they are noise or None.

    Args:
        folder: Folder of image files; None takes images of the run's own
            data set, or noise if it can't be opened here.

    Returns:
        uint8 `(n, S, S, 3)`, and a string or None.
    """
    if folder is not None:
        return _of_folder(target, folder, count), None
    try:
        from bottlenet_tf.profiling.keras_halves import images_of_run

        return images_of_run(target.flags, count), None
    except Exception as error:  # Each data set raises its own.
        generator = np.random.default_rng(0)
        shape = (count, target.image_size, target.image_size, 3)
        noise = generator.integers(0, 256, shape, np.uint8)
        reason = f"the run's data set can't be opened here ({error})"
        return noise, f"{NOISE}; {reason}"


def _of_folder(target, folder, count):
    names = sorted(filter(is_image_name, os.listdir(folder)))[:count]
    if not names:
        raise ValueError(
            f"--images must be a folder of images ({', '.join(EXTENSIONS)}). "
            f"Received: images={folder!r}"
        )
    paths = [pathlib.Path(folder) / name for name in names]
    return np.stack(
        [load_image(path, target.image_size, target.resize) for path in paths]
    )

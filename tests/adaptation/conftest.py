"""A finished run with a learned unit, and photos of a few digits."""

import pathlib

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="session")
def run(finished_tail):
    """Work directory of a run whose tail was trained and is told the point."""
    return pathlib.Path(finished_tail[0].workdir)


@pytest.fixture(scope="session")
def finished(run):
    from bottlenet_tf.export.finished_run import load_run

    return load_run(run)


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    """A function from a number to a folder of so many twos and threes."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    chosen = bunch.images[np.isin(bunch.target, (2, 3))]

    def write(count):
        root = tmp_path_factory.mktemp("photos")
        for i, levels in enumerate(chosen[:count]):
            pixels = np.rint(levels * (255 / 16)).astype(np.uint8)
            Image.fromarray(pixels).convert("RGB").save(root / f"{i:03d}.png")
        return root

    return write

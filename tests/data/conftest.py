"""Small image folders, written anew for every test that wants one."""

import numpy as np
import pytest
from PIL import Image


def _write_image(path, seed, size=(24, 20)):
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (size[1], size[0], 3), np.uint8)
    Image.fromarray(pixels).save(path)


def _truncate(path):
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


@pytest.fixture
def write_image():
    """A function that writes random pixels: (path, seed, size=(w, h))."""
    return _write_image


@pytest.fixture
def truncate():
    """A function that cuts a file in half."""
    return _truncate


@pytest.fixture
def class_folder(tmp_path):
    """Three classes of eight 24x20 images, not divided."""
    root = tmp_path / "pets"
    for label, name in enumerate(("cat", "dog", "newt")):
        for index in range(8):
            seed = 100 * label + index
            _write_image(root / name / f"{index:02d}.png", seed)
    return root


@pytest.fixture
def divided_folder(tmp_path):
    """Two classes, six training and two test images each."""
    root = tmp_path / "divided"
    for label, name in enumerate(("no", "yes")):
        for index in range(8):
            half = "train" if index < 6 else "val"
            path = root / half / name / f"{index}.jpg"
            _write_image(path, 100 * label + index)
    return root

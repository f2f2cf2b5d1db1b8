"""Fixtures of the byte side's tests."""

import numpy as np
import pytest

from bottlenet_tf.codec import jpeg, lossless


@pytest.fixture(params=["imagecodecs", "pillow"])
def library(request, monkeypatch):
    """Runs a test with each image library."""
    if request.param == "pillow":
        monkeypatch.setattr(jpeg, "imagecodecs", None)
        monkeypatch.setattr(lossless, "imagecodecs", None)
    elif jpeg.imagecodecs is None:
        pytest.skip("imagecodecs is not installed")
    jpeg.jpeg_prefix.cache_clear()
    yield request.param
    jpeg.jpeg_prefix.cache_clear()


@pytest.fixture
def codes():
    """Noise: the hardest image, of an odd shape with spare tiles."""
    return np.random.default_rng(0).integers(0, 256, (9, 7, 3), np.uint8)

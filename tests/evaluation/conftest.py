"""A tiny split network and a data set with known pixels."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from bottlenet_tf import tasks
from bottlenet_tf.layers import BottleneckUnit
from bottlenet_tf.models.bottlenet import BottleNet

SIZE = 16


class TinyDataset:
    """What evaluation uses of `data.Dataset`, and as its test `data.Part`."""

    task = tasks.ONE_CLASS

    def __init__(self, images, labels, num_classes=4, name="test"):
        self.name = name
        self.images, self.labels = images, labels
        self.num_classes = num_classes
        self.fingerprint = "0123456789abcdef"
        self.image_size = self.stored_size = images.shape[1]
        self.skipped, self.passed_over = [], {}

    def __len__(self):
        return len(self.labels)

    def batches(self, batch_size):
        pairs = (self.images, self.labels)
        return tf.data.Dataset.from_tensor_slices(pairs).batch(batch_size)

    def guard(self, batches):
        yield from batches


def smooth_images(count, size=SIZE, seed=0):
    """Images with structure: JPEG of pure noise would be no fair input."""
    generator = np.random.default_rng(seed)
    coarse = generator.integers(0, 256, (count, 4, 4, 3), np.uint8)
    return (
        np.asarray(tf.image.resize(coarse, (size, size), "bicubic"))
        .clip(0, 255)
        .astype(np.uint8)
    )


def tiny_bottlenet(seed=0, quantizer="per_image", codec="jpeg", **config):
    """Image 16x16x3 -> feature 8x8x4 -> codes 4x4x3 -> 4 logits."""
    keras.utils.set_random_seed(seed)
    image = keras.Input((SIZE, SIZE, 3))
    x = keras.layers.Rescaling(1 / 255)(image)
    x = keras.layers.Conv2D(4, 3, 2, "same", activation="relu")(x)
    feature = keras.Input((8, 8, 4))
    y = keras.layers.GlobalAveragePooling2D()(feature)
    y = keras.layers.Dense(4)(y)
    unit = BottleneckUnit(
        channels=3, quantizer=quantizer, codec=codec, codec_config=config
    )
    return BottleNet(keras.Model(image, x), unit, keras.Model(feature, y))


@pytest.fixture
def make_bottlenet():
    return tiny_bottlenet


@pytest.fixture
def make_images():
    return smooth_images


@pytest.fixture
def make_dataset():
    return TinyDataset


@pytest.fixture
def dataset():
    """20 images of 4 classes in turn."""
    return TinyDataset(smooth_images(20), np.arange(20, dtype=np.int32) % 4)


@pytest.fixture
def red_classifier():
    """Says how bright an image's red channel is: class 0 to 3."""
    image = keras.Input((SIZE, SIZE, 3))
    mean = keras.layers.GlobalAveragePooling2D()(image)
    # Logit k = 2 * c_k * red - c_k**2 is largest for the nearest centre c_k.
    centres = np.array([32.0, 96.0, 160.0, 224.0], np.float32)
    dense = keras.layers.Dense(4)
    logits = dense(mean)
    kernel = np.zeros((3, 4), np.float32)
    kernel[0] = 2 * centres
    dense.set_weights([kernel, -(centres**2)])
    return keras.Model(image, logits)

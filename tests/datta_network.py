"""A small network with Datta's unit, and data to freeze it on."""

import types

import keras
import numpy as np
import tensorflow as tf

from bottlenet_tf import backbones
from bottlenet_tf.backbones.split_points import split_backbone
from bottlenet_tf.layers import DattaUnit
from bottlenet_tf.models.bottlenet import BottleNet

SIDE = 16


def make_network(seed=0, split="RB3", **arguments):
    """Returns a small residual network with a unit that is not trained."""
    keras.utils.set_random_seed(seed)
    backbone = backbones.create(
        "cifar_resnet20", image_size=SIDE, num_classes=7
    )
    prefix, suffix = split_backbone(backbone, split)
    unit = DattaUnit(**{"channels": 2, "step": 0.02, **arguments}, name="unit")
    return BottleNet(prefix, unit, suffix, name="bottlenet")


class Part:
    """Random images, as a `data.Part` offers them."""

    def __init__(self, count):
        self.images = make_images(count)

    def __len__(self):
        return len(self.images)

    def limit(self, count):
        return Part(min(count, len(self)))

    def guard(self, batches):
        return batches

    def batches(self, size):
        for i in range(0, len(self), size):
            images = tf.constant(self.images[i : i + size])
            yield images, tf.zeros(len(images), tf.int32)


def make_images(count, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (count, SIDE, SIDE, 3), np.uint8)


def make_data(count=40):
    """Returns a `data.Dataset`'s part that freezing reads."""
    return types.SimpleNamespace(train=Part(count))

"""A split network with a learned unit and tables, made without training."""

import functools

import keras
import numpy as np
from scipy import ndimage

from bottlenet_tf import backbones
from bottlenet_tf.codec.entropy import EntropyCodec
from bottlenet_tf.config.run import LearnedUnitConfig
from bottlenet_tf.models.bottlenet import build_bottlenet
from bottlenet_tf.training import closed_form, freezing
from bottlenet_tf.training.freeze_unit import with_unit_config
from tests.layers.learned.closed import solved

STEP = 0.3  # Of the coefficients, at the middle point.
SLOPE = 1.0  # Of its logarithm.
SYMBOLS = np.arange(-40, 41)


def make_learned_network(told=False, split="RB3", **changes):
    """Returns a small residual network with a frozen unit of 3 points.

    The transform is the closed form for noise; what begins as zero isn't.

    Args:
        told: Whether the tail is told the operating point.
        split: Where the network is cut.
        **changes: Fields of the unit's configuration.
    """
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    backbone = backbones.create("cifar_resnet20", image_size=24, num_classes=7)
    unit = {
        "patch": 2,
        "patch_channels": 8,
        "coefficients": 48,
        "mixed": 40,
        "mixed_to": 20,
        "synthesis_width": 8,
        "num_points": 3,
        **changes,
    }
    unit = LearnedUnitConfig(**unit)
    model = build_bottlenet(backbone, split, unit, tells_tail=told)
    for weight in model.trainable_variables:
        if not np.any(weight.numpy()):
            weight.assign(rng.normal(0, 0.05, weight.shape))
    images = ndimage.gaussian_filter(
        rng.uniform(0, 255, (200, 24, 24, 3)), (0, 1, 1, 0)
    )
    feature = np.asarray(model.features(images))
    form = solved(
        feature,
        rng.normal(size=feature.shape).astype(np.float32),
        patch=unit.patch,
        channels=unit.patch_channels,
        coefficients=unit.coefficients,
        mixed=unit.mixed,
        mixed_to=unit.mixed_to,
        shared=unit.shared_frequencies,
    )
    closed_form.assign(model.unit, form)
    log_step = np.log(STEP / form.scale)
    model.unit.log_gain.assign(-log_step)
    model.unit.log_step.assign(log_step)
    model.unit.gain_slope.assign(np.full(len(log_step), -SLOPE))
    model.unit.step_slope.assign(np.full(len(log_step), SLOPE))
    tables = _tables(form.deviations, model.unit.points)
    text = EntropyCodec(tables, model.unit.points).get_config()["tables"]
    return with_unit_config(model, tables=text, default_point=1)


def _tables(deviations, points):
    """Tables of Laplacians of the coefficients' deviations."""
    steps = STEP * np.exp(SLOPE * np.array(points))
    scale = deviations / steps[:, None] / np.sqrt(2)
    spread = np.abs(SYMBOLS) / np.maximum(scale[..., None], 0.05)
    pmfs = np.exp(-spread)
    pmfs = 0.999 * pmfs / pmfs.sum(-1, keepdims=True)
    return freezing.fit_tables(pmfs, SYMBOLS[0], bank_size=32)


learned_network = functools.cache(make_learned_network)

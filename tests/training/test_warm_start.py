"""A unit cut out of a wider one."""

import itertools

import keras
import numpy as np
import pytest

from bottlenet_tf.layers import BottleneckUnit
from bottlenet_tf.training.warm_start import copy_unit


def make(channels, stride=2, order="spatial_first", quality=20, seed=0):
    keras.utils.set_random_seed(seed)
    unit = BottleneckUnit(
        channels,
        stride,
        order,
        activation=None,
        quantizer="learned",
        codec_config={"quality": quality},
        name="unit",
    )
    unit.build((None, 8, 8, 6))
    return unit


def named(unit):
    return {variable.path: np.array(variable) for variable in unit.variables}


@pytest.mark.parametrize(
    ("stride", "order"),
    [
        (1, "spatial_first"),
        (2, "spatial_first"),
        (1, "channels_first"),
        (2, "channels_first"),
    ],
)
def test_channels_that_do_not_count_are_left_out(stride, order):
    # Wherever the wide unit has three channels, what follows ignores the
    # first: what is cut out computes what the wide one does.
    wide = make(3, stride, order)
    narrow = make(2, stride, order, seed=1)
    blocks = [*wide.reduction, *wide.restoration]
    for block, following in itertools.pairwise(blocks):
        if block.filters == 3:
            kernel = np.array(following.conv.kernel)
            transposed = isinstance(
                following.conv, keras.layers.Conv2DTranspose
            )
            np.moveaxis(kernel, 3 if transposed else 2, 0)[0] = 0.0
            following.conv.kernel.assign(kernel)
    before = named(wide)
    copy_unit(narrow, wide)
    x = np.random.default_rng(0).normal(size=(2, 8, 8, 6)).astype("float32")
    np.testing.assert_allclose(
        narrow(x, use_codec=False), wide(x, use_codec=False), atol=1e-5
    )
    for path, value in named(wide).items():
        np.testing.assert_array_equal(value, before[path])


def test_those_that_weigh_most_come_first():
    wide, narrow = make(3, stride=1), make(1, stride=1, seed=1)
    gamma = wide.reduction[-1].norm.gamma
    gamma.assign([0.1, 5.0, 1.0])
    copy_unit(narrow, wide)
    np.testing.assert_array_equal(narrow.reduction[-1].norm.gamma, [5.0])
    np.testing.assert_array_equal(
        np.array(narrow.reduction[-1].conv.kernel)[..., 0],
        np.array(wide.reduction[-1].conv.kernel)[..., 1],
    )


def test_a_wider_unit_keeps_new_channels_as_they_are():
    narrow, wide = make(1, stride=1), make(3, stride=1, seed=1)
    before = named(wide)
    copy_unit(wide, narrow)
    kernel = wide.reduction[-1].conv.kernel
    np.testing.assert_array_equal(
        np.array(kernel)[..., 1:], before[kernel.path][..., 1:]
    )
    np.testing.assert_array_equal(
        np.array(kernel)[..., :1], narrow.reduction[-1].conv.kernel
    )


def test_kernels_of_another_stride_and_the_quality_stay():
    source, unit = make(2, stride=2), make(2, seed=1, quality=70)
    codec = {variable.path for variable in unit.codec.variables}
    before = named(unit)
    copy_unit(unit, source)
    for path in codec:
        np.testing.assert_array_equal(named(unit)[path], before[path])
    other = BottleneckUnit(2, 4, "spatial_first", spatial_kernel=5, name="unit")
    other.build((None, 8, 8, 6))
    before = named(other)
    copy_unit(other, source)
    kernel = other.restoration[-1].conv.kernel
    assert tuple(kernel.shape) != tuple(
        source.restoration[-1].conv.kernel.shape
    )
    np.testing.assert_array_equal(kernel, before[kernel.path])

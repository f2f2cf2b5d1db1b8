"""Starts a unit from the weights of another, wider or narrower one."""

import itertools

import numpy as np
from keras.layers import Conv2DTranspose


def copy_unit(unit, source):
    """Copies the weights that two units have in common.

    What has the same place in both is copied as far as its channels go; the
    source's come first that the next layer weighs most. Kernels of another
    size stay as they are. A unit of fewer channels is thus cut out of the
    source, and good after few steps.

    Args:
        unit: `BottleneckUnit` to change; built.
        source: `BottleneckUnit` of the same place; unchanged.
    """
    codec = {variable.path for variable in source.codec.variables}
    given = {
        variable.path: np.array(variable)
        for variable in source.variables
        if variable.path not in codec
    }
    blocks = [*source.reduction, *source.restoration]
    for block, following in itertools.pairwise(blocks):
        _order_channels(given, block, following)
    for variable in unit.variables:
        value = given.get(variable.path)
        if value is None or value.ndim != len(variable.shape):
            continue
        if value.ndim == 4 and value.shape[:2] != tuple(variable.shape[:2]):
            continue
        both = tuple(
            slice(min(theirs, ours))
            for theirs, ours in zip(value.shape, variable.shape, strict=True)
        )
        start = np.array(variable)
        start[both] = value[both]
        variable.assign(start)


def _order_channels(given, block, following):
    """Sorts the channels between two blocks, the weightiest first.

    Args:
        given: `{path: weights}`, changed.
        block: `ConvBlock` that makes them.
        following: The one that takes them.
    """
    kernel, taken = following.conv.kernel.path, _inputs(following)
    others = tuple(axis for axis in range(4) if axis != taken)
    spread = np.abs(given[block.norm.gamma.path])
    weight = spread * np.sqrt(np.square(given[kernel]).sum(axis=others))
    order = np.argsort(-weight, kind="stable")
    given[kernel] = np.take(given[kernel], order, taken)
    made = block.conv.kernel.path
    # Of (height, width, in, out), or out before in, the other one.
    given[made] = np.take(given[made], order, 5 - _inputs(block))
    for variable in block.norm.variables:
        given[variable.path] = np.take(given[variable.path], order)


def _inputs(block):
    """The axis of a kernel's input channels."""
    return 3 if isinstance(block.conv, Conv2DTranspose) else 2

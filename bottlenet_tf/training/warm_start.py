"""Starts a unit from the weights of another, wider or narrower one."""

import numpy as np
from keras.layers import Conv2DTranspose


def copy_unit(unit, source):
    """Copies the weights that two units have in common.

    What has the same place in both is copied as far as its channels go; of
    the source's coded channels those come first that its restoration weighs
    most. Kernels of another size stay as they are. A unit of fewer channels
    is thus cut out of the source, and good after few steps.

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
    _order_channels(given, source)
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


def _order_channels(given, source):
    """Sorts the coded channels in `{path: weights}`, the weightiest first."""
    device, cloud = source.reduction[-1], source.restoration[0]
    kernel = cloud.conv.kernel.path
    # (height, width, in, out), or out before in.
    axis = 3 if isinstance(cloud.conv, Conv2DTranspose) else 2
    others = tuple(a for a in range(4) if a != axis)
    spread = np.abs(given[device.norm.gamma.path])
    weight = spread * np.sqrt(np.square(given[kernel]).sum(axis=others))
    order = np.argsort(-weight, kind="stable")
    given[kernel] = np.take(given[kernel], order, axis)
    for variable in (device.conv.kernel, *device.norm.variables):
        given[variable.path] = np.take(given[variable.path], order, -1)

"""Starts a network, or a unit alone, from the weights of another one."""

import itertools

import numpy as np
from keras.layers import Conv2DTranspose

from bottlenet_tf.models.bottlenet import BottleNet


def copy_network(model, source, flag, run):
    """Copies the weights of `source`, of the same architecture, into `model`.

    Raises ValueError, naming the flag and the run, if they differ.
    """
    if isinstance(source, BottleNet) != isinstance(model, BottleNet):
        raise ValueError(
            "--init_from takes a run of the same kind, with or without a "
            "unit; --backbone_weights takes one of --mode=baseline. "
            f"Received: {flag}={str(run)!r}"
        )
    _assign(
        _without_codec(model),
        _without_codec(source),
        f"--{flag} needs a run with the same backbone, classes, split "
        "and unit: the weights' shapes differ. "
        f"Received: {flag}={str(run)!r}",
    )


def copy_what_fits(model, source, flag, run):
    """Copies the weights of a network with another unit at the same split.

    Copies prefix and suffix completely, the unit as `copy_unit` does.
    """
    if not isinstance(source, BottleNet):
        raise ValueError(
            "--init_partly takes a run with a unit. "
            f"Received: {flag}={str(run)!r}"
        )
    for half in ("prefix", "suffix"):
        _assign(
            getattr(model, half).variables,
            getattr(source, half).variables,
            f"--{flag} needs a run with the same backbone, classes and "
            "split, even with --init_partly: only the unit may differ. "
            f"Received: {flag}={str(run)!r}",
        )
    copy_unit(model.unit, source.unit)


def _assign(ours, theirs, message):
    if [tuple(v.shape) for v in ours] != [tuple(v.shape) for v in theirs]:
        raise ValueError(message)
    for variable, value in zip(ours, theirs):
        variable.assign(np.asarray(value))


def _without_codec(model):
    """Returns all variables but a codec's, which may differ between runs."""
    if not isinstance(model, BottleNet):
        return model.variables
    codec = model.unit.codec  # None before a unit has tables.
    given = {id(v) for v in codec.variables} if codec else ()
    return [v for v in model.variables if id(v) not in given]


def copy_unit(unit, source):
    """Copies the weights that two units have in common.

    Weights of the same path are copied as far as their channels go, starting
    with those that the next layer weighs most. Kernels of another size are not
    copied. A unit of fewer channels is thus cut out of the source.
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
    """Sorts the channels between two `ConvBlock`s, largest weights first.

    In `given`, `{path: weights}`.
    """
    kernel, taken = following.conv.kernel.path, _inputs(following)
    others = tuple(axis for axis in range(4) if axis != taken)
    spread = np.abs(given[block.norm.gamma.path])
    weight = spread * np.sqrt(np.square(given[kernel]).sum(axis=others))
    order = np.argsort(-weight, kind="stable")
    given[kernel] = np.take(given[kernel], order, taken)
    made = block.conv.kernel.path
    # In (height, width, in, out), or out before in, the other one.
    given[made] = np.take(given[made], order, 5 - _inputs(block))
    for variable in block.norm.variables:
        given[variable.path] = np.take(given[variable.path], order)


def _inputs(block):
    """The axis of a kernel's input channels."""
    return 3 if isinstance(block.conv, Conv2DTranspose) else 2

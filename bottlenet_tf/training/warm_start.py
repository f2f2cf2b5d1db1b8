"""Starts a network from the weights of another one."""

import numpy as np

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
    ours, theirs = _without_codec(model), _without_codec(source)
    if [tuple(v.shape) for v in ours] != [tuple(v.shape) for v in theirs]:
        raise ValueError(
            f"--{flag} needs a run with the same backbone, classes, split "
            "and unit: the weights' shapes differ. "
            f"Received: {flag}={str(run)!r}"
        )
    for variable, value in zip(ours, theirs):
        variable.assign(np.asarray(value))


def _without_codec(model):
    """Returns all variables but a codec's, which may differ between runs."""
    if not isinstance(model, BottleNet):
        return model.variables
    codec = model.unit.codec  # None before a unit has tables.
    given = {id(v) for v in codec.variables} if codec else ()
    return [v for v in model.variables if id(v) not in given]

"""The network without a split of a run, and whether it may answer.

A split is compared with the untouched backbone that its run started from, whose
accuracy is the report's `baseline_accuracy`, not with the run's own prefix and
suffix, which most runs train further. Training keeps it in the work directory,
since the files of --backbone and --backbone_weights may be gone or changed.

A run that was trained from scratch with its unit has none. There the run's own
prefix and suffix are used: they take the same time, but are not trained to
answer without the unit.
"""

import pathlib

import keras
from keras import ops

from bottlenet_tf import evaluation
from bottlenet_tf.common.run_folders import UNTOUCHED_FILE
from bottlenet_tf.training import load_model


def load_network(workdir, report, model):
    """Returns a finished run's network without a split, image -> logits.

    If `why_timing_only` returns a reason, it consists of the run's own halves.

    Args:
        model: Its `BottleNet`, whose precision the network has, too.
    """
    if why_timing_only(workdir, report) is not None:
        return without_unit(model)
    path = pathlib.Path(workdir) / UNTOUCHED_FILE
    try:
        network = load_model(path)
    except (OSError, TypeError, KeyError, ValueError) as error:
        raise ValueError(
            "The run's untouched network could not be loaded; is it damaged, "
            f"or of another version? {error}. Received: path={str(path)!r}"
        ) from error
    found = evaluation.weights_sha256(network)
    wanted = report["untouched_sha256"]
    if found != wanted:
        raise ValueError(
            "A run's untouched network must be the one that its report "
            "measured; has a file of another run been copied here? Received: "
            f"path={str(path)!r}, weights_sha256={found}, in the report "
            f"{wanted}"
        )
    return network


def why_timing_only(workdir, report):
    """Returns why a run has no untouched network; None if it has one."""
    if report["baseline_accuracy"] is None:
        return "the run began without a trained network"
    if not (pathlib.Path(workdir) / UNTOUCHED_FILE).is_file():
        return f"the run's {UNTOUCHED_FILE} is missing"
    return None


def without_unit(model):
    """Returns a `BottleNet`'s prefix and suffix as one Keras model."""
    feature, point = model.prefix.outputs[0], None
    if model.unit.takes_point:
        default = model.unit.points[model.unit.default_point]
        zeros = ops.zeros_like(ops.mean(feature, axis=(1, 2, 3)))
        point = ops.cast(zeros, "float32") + default
    logits = model.answer(feature, point)
    return keras.Model(model.prefix.inputs[0], logits, name="without_unit")

"""A finished run, opened for deployment."""

import dataclasses
import pathlib

from bottlenet_tf import evaluation
from bottlenet_tf.common.run_folders import (
    CONFIG_FILE,
    MODEL_FILE,
    REPORT_FILE,
    model_name,
)
from bottlenet_tf.config.run import TrainConfig
from bottlenet_tf.models.bottlenet import BottleNet
from bottlenet_tf.models.precision import in_float32
from bottlenet_tf.models.units import build_unit
from bottlenet_tf.training import load_data, provenance
from bottlenet_tf.training.network import stored_model

# The part of a unit's configuration that the run's configuration lacks.
_FOUND = (
    "name", "trainable", "dtype", "restored_activation", "tables",
    "default_point",
)  # fmt: skip
# Sizes that a learned unit's configuration may leave open, and the unit's own
# names for them.
_OPEN = {
    "patch": "patch", "patch_channels": "channels",
    "coefficients": "coefficients", "mixed": "mixed", "mixed_to": "mixed_to",
}  # fmt: skip


@dataclasses.dataclass(frozen=True, eq=False)
class FinishedRun:
    """A trained split network with its report.

    Attributes:
        name: Name of the served model and its files: the work directory's.
        model: `BottleNet` that computes in float32.
        adapted: The unit's adaptation, from its pack; None for the run's own
            unit.
    """

    workdir: pathlib.Path
    name: str
    config: TrainConfig
    report: dict
    model: BottleNet
    dataset: object
    adapted: dict | None = None


def load_run(workdir):
    """Returns the `FinishedRun` in a work directory."""
    workdir = pathlib.Path(workdir)
    config, report, model = load_split_network(workdir)
    dataset = load_data(config).for_output(report.get("output", "softmax"))
    provenance.check_data(workdir, config, dataset)
    classes = model.suffix.output_shape[-1]
    if dataset.num_classes != classes:
        raise ValueError(
            "The run's data set must have the classes that its network was "
            f"trained for. Received: {dataset.num_classes} classes in "
            f"{dataset.name}, {classes} in {str(workdir)!r}"
        )
    name = model_name(workdir)
    return FinishedRun(workdir, name, config, report, model, dataset)


def load_split_network(workdir):
    """Returns a finished run's `(config, report, model)`, as `FinishedRun`."""
    workdir = pathlib.Path(workdir)
    report = evaluation.load_report(workdir)
    config = load_config(workdir)
    if not config.has_unit:
        raise ValueError(
            f"A --mode={config.mode} run has no unit, so there is nothing to "
            f"cut. Received: workdir={str(workdir)!r}"
        )
    try:
        model = stored_model(workdir)
    except (OSError, TypeError, KeyError, ValueError) as error:
        raise ValueError(
            f"The run's model could not be loaded; is it damaged, or of "
            f"another version? {error}. Received: workdir={str(workdir)!r}"
        ) from error
    if not isinstance(model, BottleNet):
        raise ValueError(
            "The run's model must be a split network that train.py saved. "
            f"Received: workdir={str(workdir)!r}, a {type(model).__name__}"
        )
    _check_belongs(model, config, report, workdir)
    return config, report, in_float32(model)


def load_config(workdir):
    """Returns the `TrainConfig` of a run."""
    path = pathlib.Path(workdir) / CONFIG_FILE
    try:
        return TrainConfig.from_json(path.read_text(encoding="utf-8"))
    except (ValueError, TypeError) as error:  # Covers bad UTF-8 and bad JSON.
        raise ValueError(
            f"A run's {CONFIG_FILE} must be as train.py wrote it; this file is "
            f"damaged or of another version: {error} "
            f"Received: path={str(path)!r}"
        ) from error


def _check_belongs(model, config, report, workdir):
    """Raises unless model, configuration and report are of one run.

    The model must have the configuration's unit, and the report's identity,
    which covers all weights.
    """
    size = model.prefix.input_shape[1]
    settings = _closed(config.unit, model.unit.get_config())
    unit = build_unit(settings, model.prefix.output_shape[1:])
    wanted = {**_decided(unit), "image_size": config.data.image_size or size}
    found = {**_decided(model.unit), "image_size": size}
    identity = {"unit_id": evaluation.unit_id(model)}
    reported = {"unit_id": report.get("unit_id")}
    differing = [
        *_differing(wanted, found, CONFIG_FILE),
        *_differing(reported, identity, REPORT_FILE),
    ]
    if differing:
        raise ValueError(
            "A run's model must be the one that its configuration describes "
            "and its report measured; has a file of another run been copied "
            f"here? Received: workdir={str(workdir)!r}, {'; '.join(differing)}"
        )


def _closed(settings, built):
    """Returns a unit's settings with the built one's sizes where left open.

    Their defaults may have changed since it was trained.
    """
    if settings.kind != "learned":
        return settings
    sizes = {
        name: built[own]
        for name, own in _OPEN.items()
        if getattr(settings, name) is None and own in built
    }
    return dataclasses.replace(settings, **sizes)


def _decided(unit):
    """Returns the part of a unit's configuration that a run decides."""
    config = unit.get_config()
    return {name: config[name] for name in config if name not in _FOUND}


def _differing(wanted, found, file):
    return [
        f"{name}: {wanted[name]} in {file}, {found[name]} in {MODEL_FILE}"
        for name in sorted(set(wanted) & set(found))
        if wanted[name] != found[name]
    ]

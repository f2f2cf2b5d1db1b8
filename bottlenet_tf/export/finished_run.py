"""What an export starts from: a finished run, ready for deployment."""

import dataclasses
import pathlib

from bottlenet_tf import evaluation
from bottlenet_tf.common.run_folders import CONFIG_FILE, model_name
from bottlenet_tf.config.run import TrainConfig
from bottlenet_tf.export.belonging import check_belongs
from bottlenet_tf.models.bottlenet import BottleNet
from bottlenet_tf.models.precision import in_float32
from bottlenet_tf.training import load_data, provenance
from bottlenet_tf.training.network import stored_model


@dataclasses.dataclass(frozen=True, eq=False)
class FinishedRun:
    """A trained split network with what was measured of it.

    Attributes:
        workdir: `pathlib.Path` of its work directory.
        name: Of the served model and of its files; the work directory's.
        config: `TrainConfig` it was trained with.
        report: Its `report.json`.
        model: `BottleNet` that computes in float32.
        dataset: `data.Dataset` it was trained on.
        adapted: How the unit was adapted since, as its pack says; None for
            the run's own unit.
    """

    workdir: pathlib.Path
    name: str
    config: TrainConfig
    report: dict
    model: BottleNet
    dataset: object
    adapted: dict | None = None


def load_run(workdir):
    """Opens a finished run.

    Args:
        workdir: Work directory.

    Returns:
        `FinishedRun`.

    Raises:
        ValueError: if the folder is no finished run of a split network, or
            its files are damaged or don't belong together.
    """
    workdir = pathlib.Path(workdir)
    config, report, model = load_split_network(workdir)
    dataset = load_data(config).for_output(report.get("output", "softmax"))
    _check_class_names(dataset)
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
    """Opens a finished run, without its data set.

    Args:
        workdir: Work directory.

    Returns:
        `(config, report, model)`, as `FinishedRun` has them.

    Raises:
        ValueError: as `load_run`, unless it is about the data.
    """
    workdir = pathlib.Path(workdir)
    report = evaluation.load_report(workdir)
    config = load_config(workdir)
    if not config.has_unit:
        raise ValueError(
            f"A --mode={config.mode} run has no unit, so there is nothing to "
            "cut. "
            f"Received: workdir={str(workdir)!r}"
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
    check_belongs(model, config, report, workdir)
    return config, report, in_float32(model)


def load_config(workdir):
    """Returns the `TrainConfig` of a run.

    Raises:
        ValueError: if its file is damaged or of another version.
    """
    path = pathlib.Path(workdir) / CONFIG_FILE
    try:
        return TrainConfig.from_json(path.read_text(encoding="utf-8"))
    except (ValueError, TypeError) as error:  # Covers bad UTF-8 and bad JSON.
        raise ValueError(
            f"A run's {CONFIG_FILE} must be as train.py wrote it; this file is "
            f"damaged or of another version: {error} "
            f"Received: path={str(path)!r}"
        ) from error


def _check_class_names(dataset):
    for name in dataset.class_names:
        if f"{name}\n".splitlines() != [name]:
            raise ValueError(
                "A class name must not hold a line break, because labels.txt "
                "has one name a line; rename the class. "
                f"Received: class={name!r}, dataset={dataset.name!r}"
            )

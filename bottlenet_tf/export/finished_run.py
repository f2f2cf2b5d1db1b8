"""What an export starts from: a finished run, ready for deployment."""

import dataclasses
import pathlib
import re

import keras

from bottlenet_tf import backbones, evaluation
from bottlenet_tf.config import TrainConfig
from bottlenet_tf.models.bottlenet import BottleNet
from bottlenet_tf.training import load_data, load_model

_CONFIG = "config.json"
# How half precision is named in a network's configuration.
_HALF = ("mixed_bfloat16", "mixed_float16", "bfloat16", "float16")


@dataclasses.dataclass(frozen=True, eq=False)
class FinishedRun:
    """A trained split network with what was measured of it.

    Attributes:
        name: Of the served model and of its files; the work directory's.
        config: `TrainConfig` it was trained with.
        report: Its `report.json`.
        model: `BottleNet` that computes in float32.
        dataset: `data.Dataset` it was trained on, with fewer test images.
    """

    name: str
    config: TrainConfig
    report: dict
    model: BottleNet
    dataset: object


def find_runs(workdirs):
    """Returns the work directories of finished split networks.

    Args:
        workdirs: Work directories, or folders that hold some (a sweep).

    Returns:
        List of `pathlib.Path`, sweeps in the order of their names.

    Raises:
        ValueError: if one is no finished run and holds none, or two would
            have the same name.
    """
    runs = []
    for workdir in map(pathlib.Path, workdirs):
        inner = [workdir] if _is_run(workdir) else _runs_in(workdir)
        if not inner:
            raise ValueError(
                "--workdir must be the work directory of a finished run, or "
                "a folder of such: with model.keras, config.json and "
                f"report.json. Received: workdir={str(workdir)!r}"
            )
        runs += inner
    names = [model_name(run) for run in runs]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(
            "Exported runs must have different folder names, which become "
            f"the names of the served models. Received: {', '.join(twice)} "
            "more than once"
        )
    return runs


def model_name(workdir):
    """Returns a work directory's name as a file and model name."""
    name = pathlib.Path(workdir).absolute().name
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", name)


def load_run(workdir, num_test):
    """Opens a finished run.

    Args:
        workdir: Work directory.
        num_test: Test images to open, spread over the classes.

    Returns:
        `FinishedRun`.

    Raises:
        ValueError: if the folder is no finished run of a split network, or
            its files don't belong together.
    """
    workdir = pathlib.Path(workdir)
    report = evaluation.load_report(workdir)
    config = TrainConfig.from_json((workdir / _CONFIG).read_text())
    if config.mode == "baseline":
        raise ValueError(
            "A --mode=baseline run has no unit, so there is nothing to cut. "
            f"Received: workdir={str(workdir)!r}"
        )
    try:
        model = load_model(workdir)
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
    _check_belongs(model, config, workdir)
    model = in_float32(model)
    most = min(num_test, config.data.max_test or num_test)
    few = dataclasses.replace(config.data, max_test=most)
    dataset = load_data(dataclasses.replace(config, data=few))
    classes = model.suffix.output_shape[-1]
    if dataset.num_classes != classes:
        raise ValueError(
            "The run's data set must have the classes that its network was "
            f"trained for. Received: {dataset.num_classes} classes in "
            f"{dataset.name}, {classes} in {str(workdir)!r}"
        )
    return FinishedRun(model_name(workdir), config, report, model, dataset)


def in_float32(model):
    """Returns a network trained in mixed precision as one in float32.

    Its weights are float32 already. It is built anew from its configuration,
    because the halves cast their inputs to the type they were built with.
    """
    before = keras.saving.serialize_keras_object(model)
    after = _with_float32(before)
    if after == before:
        return model
    rebuilt = keras.saving.deserialize_keras_object(after)
    backbones.set_weights(rebuilt, model.get_weights())
    return rebuilt


def _with_float32(config):
    if isinstance(config, dict):
        return {key: _with_float32(value) for key, value in config.items()}
    if isinstance(config, list):
        return [_with_float32(value) for value in config]
    return "float32" if config in _HALF else config


def _check_belongs(model, config, workdir):
    """Raises ValueError if the model isn't of this configuration."""
    found = {
        **model.unit.get_config(),
        "image_size": model.prefix.input_shape[1],
    }
    wanted = {
        **dataclasses.asdict(config.unit),
        "codec_config": config.unit.codec_config(),
        "image_size": config.data.image_size or found["image_size"],
    }
    differing = [
        f"{name}: {wanted[name]} in {_CONFIG}, {found[name]} in model.keras"
        for name in sorted(set(wanted) & set(found) - {"activation"})
        if wanted[name] != found[name]
    ]
    if differing:
        raise ValueError(
            "A run's model must be the one that its configuration describes; "
            "has a file of another run been copied here? "
            f"Received: workdir={str(workdir)!r}, {'; '.join(differing)}"
        )


def _is_run(folder):
    return all(
        (folder / name).is_file()
        for name in ("model.keras", _CONFIG, "report.json")
    )


def _runs_in(folder):
    if not folder.is_dir():
        return []
    return [
        inner
        for inner in sorted(folder.iterdir())
        if _is_run(inner)
        and evaluation.load_report(inner)["mode"] != "baseline"
    ]

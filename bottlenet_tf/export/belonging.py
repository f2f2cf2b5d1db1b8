"""Whether a run's model is the one that its other files are about."""

import pathlib

from bottlenet_tf import backbones, evaluation
from bottlenet_tf.models.bottlenet import build_unit
from bottlenet_tf.models.split import split_backbone

# Of a unit, what its network, precision or training decides.
_FOUND = (
    "name", "trainable", "dtype", "restored_activation", "tables",
    "default_point",
)  # fmt: skip


def check_belongs(model, config, report, workdir):
    """Raises ValueError if the model isn't this run's.

    It must have the configuration's unit, and the report's identity, which
    covers all weights. A report from before it had one leaves the network's
    structure, which is compared with a backbone built anew.

    Args:
        model: `BottleNet` as it was loaded, in the run's own precision.
        config: `TrainConfig`.
        report: Content of `report.json`.
        workdir: Where all three come from.
    """
    differing = _differing(_of_unit(config, model), _unit(model), "config.json")
    if report.get("unit_id") is not None:
        identity = {"unit_id": evaluation.unit_id(model)}
        differing += _differing(report, identity, "report.json")
    elif not differing:
        found = _network(model.prefix, model.suffix)
        try:
            wanted = _of_network(config, model)
        except ValueError as error:
            differing = [f"for its size and classes: {error}"]
        else:
            differing = _differing(wanted, found, "config.json")
    if differing:
        raise ValueError(
            "A run's model must be the one that its configuration describes "
            "and its report measured; has a file of another run been copied "
            f"here? Received: workdir={str(workdir)!r}, {'; '.join(differing)}"
        )


def _differing(wanted, found, file):
    return [
        f"{name}: {wanted[name]} in {file}, {found[name]} in model.keras"
        for name in sorted(set(wanted) & set(found))
        if wanted[name] != found[name]
    ]


def _unit(model):
    size = model.prefix.input_shape[1]
    return {**_decided(model.unit), "image_size": size}


def _of_unit(config, model):
    size = config.data.image_size or model.prefix.input_shape[1]
    unit = build_unit(config.unit, model.prefix.output_shape[1:])
    return {**_decided(unit), "image_size": size}


def _decided(unit):
    """Returns what a run's configuration says of its unit."""
    config = unit.get_config()
    return {name: config[name] for name in config if name not in _FOUND}


def _network(prefix, suffix):
    cut = prefix.operations[-1]
    return {
        "cut": f"{type(cut).__name__} {prefix.output_shape[1:]}",
        "weights before the cut": prefix.count_params(),
        "weights after the cut": suffix.count_params(),
    }


def _of_network(config, model):
    """Returns the structure of a run's network, without its weights."""
    name = config.backbone
    if name.endswith(".keras") and not pathlib.Path(name).is_file():
        return {}  # The run outlives the file that it began with.
    backbone = backbones.create(
        name,
        image_size=model.prefix.input_shape[1],
        num_classes=model.suffix.output_shape[-1],
        preprocessing=config.preprocessing,
    )
    return _network(*split_backbone(backbone, config.split))

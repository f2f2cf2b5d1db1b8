"""search.json: a search's flags, and the unsplit network, measured once."""

import dataclasses
import json

from bottlenet_tf.common.json_file import read_json, write_json
from bottlenet_tf.common.settings import flag_name
from bottlenet_tf.common.validation import check
from bottlenet_tf.config.run import differing

FORMAT = "bottlenet_tf.search.3"
SEARCH, TRIALS = "search.json", "trials"
# Fields that may differ when a search is resumed: they change no trial, only
# which ones are trained.
_FREE = (
    "workers", "ray_address", "trial_cpus", "trial_gpus", "retry_failed",
    "max_accuracy_loss", "exhaustive", "optimism", "max_trained",
)  # fmt: skip
_FREE_IN_BASE = ("workdir", "keep_checkpoints")
_FIELDS = ("config", "splits", "num_train", "num_classes", "accuracy")


@dataclasses.dataclass(frozen=True)
class Baseline:
    """The unsplit network of a search, and its data."""

    splits: tuple[str, ...]  # In the network's order.
    num_train: int
    num_classes: int
    accuracy: float  # On the search's images, in percent.


def find(config, root):
    """Measures the unsplit network once, or reads it from `search.json`."""
    from bottlenet_tf.training import provenance

    path = root / SEARCH
    stated = dataclasses.asdict(config)
    for name in _FREE:
        stated.pop(name, None)
    stated = json.loads(json.dumps(stated))
    if path.is_file():
        before = read_json(path, FORMAT, _FIELDS, "Use another --workdir.")
        flags = before["config"]
        check(
            isinstance(flags, dict) and isinstance(flags.get("base"), dict),
            f"{path}: field 'config' must be the search's flags, with those of "
            "training as 'base'.",
            config=flags,
        )
        _check_same(path, flags, stated, config)
        source, _ = _source(config)
        provenance.check_resumed(root, source)
        return Baseline(
            tuple(before["splits"]),
            before["num_train"],
            before["num_classes"],
            before["accuracy"],
        )
    source, dataset = _source(config)
    dataset.steps_per_epoch(config.base.batch_size)  # Raises if impossible.
    found = measure(config, root, dataset)
    provenance.write(root, source)
    write_json(
        path, {"format": FORMAT, "config": stated, **dataclasses.asdict(found)}
    )
    return found


def _source(config):
    """Returns `(Provenance, Dataset)` of the trials."""
    from bottlenet_tf import training
    from bottlenet_tf.training import provenance

    base = dataclasses.replace(config.base, data=searched_data(config))
    dataset = training.load_data(base)
    return provenance.of(base, dataset), dataset


def _check_same(path, before, now, config):
    found = list(_differing(before, now, config))
    if found:
        raise ValueError(
            f"{path} is of a search with other flags, and a search is resumed "
            "with its original ones. Use another --workdir. Received: "
            f"{'; '.join(found)}"
        )


def _differing(before, now, section):
    """Yields the differences in the JSON of a `Settings`, flag by flag."""
    for field in dataclasses.fields(section):
        if field.name not in now or field.name in _FREE_IN_BASE:
            continue
        there, here = before.get(field.name), now[field.name]
        if isinstance(here, dict):
            inner = there if isinstance(there, dict) else {}
            yield from _differing(inner, here, getattr(section, field.name))
        elif there != here:
            yield differing(flag_name(field), there, here)


def searched_data(config):
    """Returns the `DataConfig` of the trials: fewer validation images."""
    return dataclasses.replace(
        config.base.data, max_validation=config.search_images
    )


def measure(config, root, dataset):
    """Returns the `Baseline`, measured on the search's validation images."""
    from bottlenet_tf import evaluation
    from bottlenet_tf.models.precision import in_float32
    from bottlenet_tf.training.measure import baseline_cache
    from bottlenet_tf.training.network import build_backbone, with_labels_for

    base = config.base
    backbone = build_backbone(base, dataset.image_size, dataset.num_classes)
    dataset = with_labels_for(backbone.output, dataset, base)
    splits = _splits(config, backbone)
    if base.unit.kind == "learned":
        _check_images(base, dataset, backbone, splits)
    # The trials find it in the cache.
    baselines = evaluation.measure_baselines(
        in_float32(backbone.model),
        dataset.validation,
        base.sweep_qualities,
        cache_dir=baseline_cache(root / TRIALS / "any", root),
    )
    return Baseline(
        splits,
        dataset.num_train,
        dataset.num_classes,
        baselines.network_accuracy,
    )


def _check_images(base, dataset, backbone, splits):
    """Raises ValueError unless there are enough for each closed form."""
    from bottlenet_tf.training import unit_start

    for name in splits:
        unit = base.unit.resolved(backbone.split_point(name).shape)
        unit_start.count_images(base, dataset, unit.mixed_to)


def _splits(config, backbone):
    """Returns the names of the splits to search, configured or chosen.

    Raises ValueError for an unknown one, or one that the unit doesn't fit.
    """
    from bottlenet_tf.backbones.split_points import worth_comparing

    unit = config.base.unit
    if config.splits:
        for name in config.splits:
            _resolved(unit, backbone.split_point(name))
        return config.splits
    every = backbone.split_points
    points, without = [], []
    for point in worth_comparing(every):
        try:
            _resolved(unit, point)
            points.append(point.name)
        except ValueError:
            without.append(point.name)
    if len(points) < len(every):
        print(f"Searching {len(points)} of the network's {len(every)} cuts: "
              f"{', '.join(points)}. --splits takes any; bottlenet-cuts lists "
              "them.")  # fmt: skip
    if without:
        print(f"No unit of these sizes fits {', '.join(without)}.")
    check(bool(points), "A split must have a feature that the unit fits.")
    return tuple(points)


def _resolved(unit, point):
    if unit.kind == "learned":
        unit.resolved(point.shape)

"""A complete adaptation: a run and photos in, a rate pack and figures out."""

from bottlenet_tf.adaptation.measure import answers, measure
from bottlenet_tf.adaptation.refit import Refit, check_features
from bottlenet_tf.adaptation.tuning import tune
from bottlenet_tf.common import whole_file
from bottlenet_tf.common.json_file import write_json
from bottlenet_tf.common.markdown import aligned
from bottlenet_tf.common.validation import check
from bottlenet_tf.data import corrupt, photos
from bottlenet_tf.evaluation import unit_id
from bottlenet_tf.export import pack, pack_file, unit_changes
from bottlenet_tf.export.finished_run import load_run
from bottlenet_tf.export.unsplit import (
    load_network,
    why_timing_only,
    without_unit,
)
from bottlenet_tf.models.precision import in_float32
from bottlenet_tf.training.freeze_unit import freeze

FORMAT = "bottlenet_tf.adapted.1"


def run(config):
    """Fits a finished run's learned unit to photos; writes it as a pack.

    The run isn't changed. Both units are measured on the held-out photos, the
    new one as in the pack.
    """
    examples = photos.list_photos(config.images)
    if config.skip_corrupt:
        examples, skipped = corrupt.without_corrupt(examples)
        print(f"Left out {len(skipped)} corrupt photos.")
    finished = load_run(config.workdir)
    check(
        finished.config.unit.kind == "learned",
        "Only a run of --unit=learned can be fitted to photos; retrain another "
        "unit.",
        workdir=config.workdir,
        unit=finished.config.unit.kind,
    )
    dataset = photos.divide(
        examples, finished.dataset, config.held_out, config.seed
    )
    base, unsplit = finished.model, answers(_unsplit(finished))
    refit = Refit(base, unsplit, finished.config, config)
    refit.check_possible(dataset)
    if config.steps or config.refit != "tables":
        unit_changes.check_size(base.unit, tuned=config.steps > 0)
    check_features(base, dataset, config.batch_size)
    print(
        f"{len(examples)} photos: {dataset.num_train} to fit to, "
        f"{len(dataset.validation)} held out."
    )
    kind = refit.kind(dataset)
    model = refit.model(kind, dataset)
    if config.steps:
        tune(model, unsplit, dataset, finished.config, config)
    data = unit_changes.pack_changes(base, freeze(model, dataset))
    adapted = pack.swap(base, pack.parse_pack(data, config.path))
    before, after = (
        measure(
            each,
            unsplit,
            dataset.validation,
            finished.config.temperature,
            config.batch_size,
            label,
        )
        for each, label in ((base, "before"), (adapted, "after"))
    )
    about = _about(kind, config, dataset, before, after)
    data = unit_changes.with_figures(data, about)
    whole_file.write(config.path, data)
    figures = _figures(config, base, adapted, about, len(data))
    write_json(config.path.with_suffix(".json"), figures)
    print(f"\n{_table(figures)}\n\n{config.path}: {len(data):,} bytes")
    return figures


def _unsplit(finished):
    """Returns the unsplit network: the run's, or that of frozen halves."""
    why = why_timing_only(finished.workdir, finished.report)
    if why is not None and finished.config.mode == "frozen":
        return without_unit(finished.model)
    check(
        why is None,
        "The unit is fitted to the answers of the unsplit network, which a "
        f"run of --mode=tail must have kept: {why}.",
        workdir=str(finished.workdir),
    )
    network = load_network(finished.workdir, finished.report, finished.model)
    return in_float32(network)


def _about(kind, config, dataset, before, after):
    """Returns the pack's header entry; see `pack_file.Adapted`."""
    rows = [
        [value for pair in zip(old, new, strict=True) for value in pair]
        for old, new in zip(before, after, strict=True)
    ]
    return {
        "refit": kind,
        "steps": config.steps,
        "photos": dataset.num_train,
        "held_out": len(dataset.validation),
        "points": rows,
    }


def _figures(config, base, adapted, about, size):
    return {
        "format": FORMAT,
        "workdir": config.workdir,
        "images": config.images,
        "seed": config.seed,
        "pack": config.path.name,
        "pack_bytes": size,
        "unit_id_before": unit_id(base),
        "unit_id": unit_id(adapted),
        "default_point": adapted.unit.default_point,
        **about,
        "points": [
            dict(zip(pack_file.FIGURES, row, strict=True))
            for row in about["points"]
        ],
    }


def _table(figures):
    header = (
        "point", "wire B before", "after", "agreement % before", "after",
        "divergence before", "after",
    )  # fmt: skip
    digits = (1, 1, 2, 2, 3, 3)
    rows = []
    for index, point in enumerate(figures["points"]):
        default = index == figures["default_point"]
        cells = [
            f"{point[name]:.{places}f}"
            for name, places in zip(pack_file.FIGURES, digits, strict=True)
        ]
        rows.append([f"{index}{' (default)' if default else ''}", *cells])
    return "\n".join(aligned(header, rows, 1))

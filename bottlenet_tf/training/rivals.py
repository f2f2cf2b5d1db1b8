"""Tuned rivals: the unsplit network, tuned for images that a codec made.

A split network is trained through its codec; cloud-only at its best is, too.
For each image codec the network is trained as `--mode=cloud` at the qualities
at which the untouched network has lost some points on the validation images,
with the run's own recipe, then measured at these qualities and their
neighbours.
"""

import contextlib
import dataclasses
import fcntl
import hashlib
import json
import pathlib

from bottlenet_tf import evaluation
from bottlenet_tf.common import drawing, run_folders
from bottlenet_tf.config.run import TrainConfig, UnitConfig
from bottlenet_tf.training.measure import baseline_cache

# Qualities on each side of the one that a rival is tuned at.
_NEIGHBOURS = 2


def are_missing(config, report):
    """Whether a run asks for rivals that its report doesn't have."""
    if not config.tuned_rivals:
        return False
    measured = dict(report.get("tuned_rivals") or {"codecs": ()})
    codecs, wanted = measured["codecs"], _settings(config)
    return bool(set(config.tuned_rivals) - set(codecs)) or any(
        measured.get(name) != wanted[name]
        for name in wanted
        if name != "codecs"
    )


def _settings(config):
    """Returns what rivals are asked for, as a report has it."""
    return {
        "codecs": list(config.tuned_rivals),
        "losses": list(config.tuned_losses),
        "epochs": config.tuned_epochs,
        "learning_rate": config.tuned_learning_rate,
    }


def add(config, report, stands_on, train):
    """Trains the rivals of a measured run, and adds them to its report.

    Rivals are kept beside the cached baselines; what is there isn't trained
    again.

    Args:
        config: `TrainConfig` of the run.
        report: Its report; changed, and written.
        stands_on: Its `Provenance`.
        train: `runner.run`.

    Returns:
        The report.
    """
    chosen_by = evaluation.choosing_figures(report)
    config = _with_earlier(config, report)
    reports = []
    for codec in config.tuned_rivals:
        for quality, side in qualities(chosen_by, codec, config.tuned_losses):
            print(
                f"\n== Rival: {config.backbone} tuned for {codec} at quality "
                f"{quality} ==",
                flush=True,
            )
            rival = rival_config(config, report, codec, quality, side)
            folder = _folder(config, rival, stands_on)
            with _alone(folder):
                workdir = str(folder)
                reports.append(
                    train(dataclasses.replace(rival, workdir=workdir))
                )
    for on, figures in _parts(report):
        points = [point for rival in reports for point in _points(rival, on)]
        evaluation.add_tuned(figures, points, _settings(config))
    for flag in ("rivals", "losses", "epochs", "learning_rate"):
        value = getattr(config, f"tuned_{flag}")
        is_list = isinstance(value, tuple)
        report["flags"][f"tuned_{flag}"] = list(value) if is_list else value
    evaluation.write_report(config.workdir, report)
    path = pathlib.Path(config.workdir) / "rate_accuracy.png"
    with drawing.optional(path):
        evaluation.plot_rate_accuracy([report], path)
    print(f"\n{evaluation.markdown_table([report])}\n")
    return report


def _with_earlier(config, report):
    """Returns the run's flags with the codecs that its report has already."""
    measured = report.get("tuned_rivals") or {}
    wanted = _settings(config)
    if any(measured.get(n) != wanted[n] for n in wanted if n != "codecs"):
        return config
    codecs = dict.fromkeys([*measured["codecs"], *config.tuned_rivals])
    return dataclasses.replace(config, tuned_rivals=tuple(codecs))


def qualities(figures, codec, losses):
    """Chooses where a codec's rival is tuned.

    Args:
        figures: On validation images, with `baseline_accuracy` and
            `cloud_only`.
        codec: Name of an image codec.
        losses: Points that the untouched network loses.

    Returns:
        List of different `(quality, side)`: for each loss, the setting on
        the codec's envelope whose accuracy is nearest to it.

    Raises:
        ValueError: if the sweep doesn't have the codec.
    """
    points = [p for p in figures["cloud_only"] if p["codec"] == codec]
    if not points:
        known = sorted({p["codec"] for p in figures["cloud_only"]})
        raise ValueError(
            "--tuned_rivals must be codecs of the cloud-only sweep: "
            f"{', '.join(known)}. Received: tuned_rivals={codec!r}"
        )
    front = []
    for point in sorted(points, key=lambda p: (p["bytes"], -p["accuracy"])):
        if not front or point["accuracy"] > front[-1]["accuracy"]:
            front.append(point)
    chosen = []
    for loss in losses:
        wanted = figures["baseline_accuracy"] - loss
        nearest = min(front, key=lambda p: abs(p["accuracy"] - wanted))
        chosen.append((nearest["quality"], nearest["side"]))
    return list(dict.fromkeys(chosen))


def rival_config(config, report, codec, quality, side):
    """Returns the `TrainConfig` of a rival; its workdir is the run's.

    Optimiser, schedule, distillation and augmentation are the run's. The
    rival sees at most as many training images as the run, with those that it
    began from.
    """
    steps = report["training"]["examples_in_all"] // config.batch_size
    per_epoch = report["training"]["steps_per_epoch"]
    epochs = config.tuned_epochs or -(-steps // per_epoch)
    at = sorted(set(config.sweep_qualities) | {quality})
    place = at.index(quality)
    around = at[max(0, place - _NEIGHBOURS) : place + _NEIGHBOURS + 1]
    return dataclasses.replace(
        config,
        mode="cloud",
        image_codec=codec,
        image_quality=quality,
        image_side=side,
        split="none",
        unit=UnitConfig(),
        init_from=None,
        init_partly=False,
        freeze_prefix=False,
        epochs=epochs,
        # Only where it cuts the epochs short: rivals of runs that differ in
        # length alone are the same.
        max_steps=steps if epochs * per_epoch > steps else None,
        first_epoch=0,
        warmup_epochs=min(config.warmup_epochs, epochs),
        learning_rate=config.tuned_learning_rate or config.learning_rate,
        feature_weight=0.0,
        codec_warmup=0.0,
        quality_start=None,
        quality_epochs=0.0,
        rate_weight=0.0,
        byte_budget=None,
        norm_batches=_norm_batches(config),
        strategy="none",
        sweep_qualities=tuple(around),
        tuned_rivals=(),
        tuned_losses=TrainConfig.tuned_losses,
        tuned_epochs=None,
        tuned_learning_rate=None,
    )


def _norm_batches(config):
    """Returns the run's --norm_batches, or those of the run it began from.

    A candidate of a search isn't trained itself: its trial was.
    """
    found, before = config.norm_batches, config.init_from
    if found or before is None:
        return found
    report = pathlib.Path(before) / run_folders.REPORT_FILE
    if not report.is_file():
        return 0
    return run_folders.load_report(report)["flags"]["norm_batches"]


def _folder(config, rival, stands_on):
    """Returns where a rival is kept, by all that decides its result."""
    files = dict(stands_on.files)
    files.pop("init_from", None)
    stands_on = dataclasses.replace(stands_on, files=files)
    # Paths say nothing that `stands_on` doesn't, and how often a run is saved
    # or how many images it is tested on changes no weight.
    told = dataclasses.asdict(
        dataclasses.replace(rival, workdir="rival", checkpoint_minutes=0.0)
    )
    del told["keep_checkpoints"]
    for flag in stands_on.files:
        del told[flag]
    for flag in ("dataset", "data_dir", "manual_dir"):
        del told["data"][flag]
    codec = evaluation.usable_codec(rival.image_codec)
    told = [told, dataclasses.asdict(stands_on), codec.version()]
    digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode())
    cache = baseline_cache(pathlib.Path(config.workdir))
    name = f"{rival.image_codec}_{rival.image_quality}"
    return cache / "tuned" / f"{name}_{digest.hexdigest()[:12]}"


@contextlib.contextmanager
def _alone(folder):
    """Waits until no other process, as of a search, trains this rival."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _parts(report):
    """Returns `(part, figures)` of all parts that a report has figures of."""
    parts = [(report["measured_on"], report)]
    parts += [(name, report.get(name)) for name in ("validation", "unseen")]
    return [(part, figures) for part, figures in parts if figures]


def _points(rival, part):
    """Returns the points of a rival's report on a part of the data."""
    figures = dict(_parts(rival))[part]
    tuned_at = rival["flags"]["image_quality"]
    name = pathlib.Path(rival["flags"]["workdir"]).name
    return [
        {**p, "tuned_at": tuned_at, "rival": name}
        for p in figures["cloud_only"]
    ]

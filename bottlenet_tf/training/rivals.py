"""Tuned rivals: the unsplit network, tuned for the images of a codec.

For each image codec the network is trained as `--mode=cloud`, with the run's
recipe, at the qualities at which the untouched network loses given points on
the validation images; then measured at these qualities and their neighbours.
"""

import contextlib
import dataclasses
import fcntl
import hashlib
import json
import pathlib

from bottlenet_tf import evaluation
from bottlenet_tf.common import run_folders
from bottlenet_tf.config.run import TrainConfig, UnitConfig
from bottlenet_tf.training.measure import baseline_cache, publish

# Qualities on each side of the one at which a rival is tuned.
_NEIGHBOURS = 2


def are_missing(config, report):
    """Whether a run asks for rivals that its report doesn't have."""
    if not config.tuned_rivals:
        return False
    return bool(
        set(config.tuned_rivals) - set(_measured_codecs(config, report))
    )


def _measured_codecs(config, report):
    """Returns the codecs of a report's rivals of the same settings."""
    measured, wanted = report.get("tuned_rivals") or {}, _settings(config)
    same = all(measured.get(n) == wanted[n] for n in wanted if n != "codecs")
    return measured["codecs"] if same else []


def _settings(config):
    """Returns a run's settings of rivals, as a report has them."""
    return {
        "codecs": list(config.tuned_rivals),
        "losses": list(config.tuned_losses),
        "epochs": config.tuned_epochs,
        "learning_rate": config.tuned_learning_rate,
    }


def add(config, report, stands_on, train):
    """Trains the rivals of a measured run; returns its report with them.

    They are kept with the cached baselines, for later runs. `stands_on` is the
    run's `Provenance`, `train` is `runner.run`.
    """
    chosen_by = evaluation.choosing_figures(report)
    codecs = [*_measured_codecs(config, report), *config.tuned_rivals]
    config = dataclasses.replace(
        config, tuned_rivals=tuple(dict.fromkeys(codecs))
    )
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
            rival = dataclasses.replace(rival, workdir=str(folder))
            with _alone(folder):
                reports.append(train(rival))
    for on, figures in _parts(report):
        points = [point for rival in reports for point in _points(rival, on)]
        evaluation.add_tuned(figures, points, _settings(config))
    settings = _settings(config)
    report["flags"]["tuned_rivals"] = settings.pop("codecs")
    for name, value in settings.items():
        report["flags"][f"tuned_{name}"] = value
    publish(pathlib.Path(config.workdir), report)
    return report


def qualities(figures, codec, losses):
    """Returns the `(quality, side)`s at which a codec's rival is tuned.

    For each loss in points, the setting of the nearest accuracy on the codec's
    envelope. `figures` are those on validation images.
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
    rival sees at most as many training images as the run and the runs behind
    it.
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
        freeze_prefix=False,
        epochs=epochs,
        # None if it doesn't shorten the run, so that runs of another length
        # have the same rivals.
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
    """Returns the run's --norm_batches, or a candidate's trial's."""
    found, before = config.norm_batches, config.init_from
    if found or before is None:
        return found
    report = pathlib.Path(before) / run_folders.REPORT_FILE
    if not report.is_file():
        return 0
    return run_folders.load_report(report)["flags"]["norm_batches"]


def _folder(config, rival, stands_on):
    """Returns a rival's folder, named by everything that decides its result."""
    files = dict(stands_on.files)
    files.pop("init_from", None)
    stands_on = dataclasses.replace(stands_on, files=files)
    # Without paths, whose content is in `stands_on`, and settings without
    # effect on weights.
    settings = dataclasses.asdict(
        dataclasses.replace(rival, workdir="rival", checkpoint_minutes=0.0)
    )
    del settings["keep_checkpoints"]
    settings["init_partly"] = False  # Finds the rivals of earlier versions.
    for flag in stands_on.files:
        del settings[flag]
    for flag in ("dataset", "data_dir", "manual_dir"):
        del settings["data"][flag]
    codec = evaluation.usable_codec(rival.image_codec)
    content = [settings, dataclasses.asdict(stands_on), codec.version()]
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode())
    cache = baseline_cache(pathlib.Path(config.workdir))
    name = f"{rival.image_codec}_{rival.image_quality}"
    return cache / "tuned" / f"{name}_{digest.hexdigest()[:12]}"


@contextlib.contextmanager
def _alone(folder):
    """Context that only one process at a time enters, for one rival."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _parts(report):
    """Returns `(part, figures)` of all measured parts of the data."""
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

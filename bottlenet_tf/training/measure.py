"""Measures a finished network and writes its report, table and plot."""

import pathlib

from PIL import Image

from bottlenet_tf import backbones, evaluation
from bottlenet_tf.models.split import split_backbone

# Baselines depend on network, data and qualities alone, so runs beside each
# other share them, and a search's trials those of the folder above it.
_CACHE, _CACHE_LEVELS = ".baselines", 3


def measure(config, network, dataset, training):
    """Sends every test image through the byte side and reports.

    Args:
        config: `TrainConfig`.
        network: `training.network.Network`, trained.
        dataset: `data.Dataset`.
        training: Dictionary of what training took.

    Returns:
        The report, as written to `report.json`.
    """
    workdir = pathlib.Path(config.workdir)
    is_baseline = config.mode == "baseline"
    classifier = network.model if is_baseline else network.untouched
    baselines = untouched_sha256 = None
    if classifier is not None:
        untouched_sha256 = evaluation.weights_sha256(classifier)
        baselines = evaluation.measure_baselines(
            classifier,
            dataset,
            config.sweep_qualities,
            cache_dir=baseline_cache(workdir),
        )
    if is_baseline:
        report = evaluation.build_report(
            config,
            dataset,
            baselines,
            untouched_sha256=untouched_sha256,
            training=training,
        )
    else:
        raw = None
        if classifier is not None:
            raw = evaluation.raw_features(
                *_untouched_halves(config, network),
                dataset,
                cache_dir=baseline_cache(workdir),
            )
        report = evaluation.build_report(
            config,
            dataset,
            baselines,
            result=evaluation.evaluate_split(network.model, dataset),
            device_mac_share=network.model.device_mac_share(),
            raw=raw,
            unit_id=evaluation.unit_id(network.model),
            untouched_sha256=untouched_sha256,
            training=training,
        )
        _save_planes(network.model, dataset, workdir / "planes.png")
    evaluation.plot_rate_accuracy([report], workdir / "rate_accuracy.png")
    evaluation.write_report(workdir, report)
    print(f"\n{evaluation.markdown_table([report])}\n")
    print(f"Report and pictures: {workdir}")
    return report


def baseline_cache(workdir, root=None):
    """Returns the folder that keeps the baselines of a run.

    Args:
        workdir: `pathlib.Path` of the run.
        root: Folder to make it in if there is none; the run's if None.

    Returns:
        The nearest that exists in the three folders above, or a new one.
    """
    above = workdir.absolute().parents[:_CACHE_LEVELS]
    existing = [f / _CACHE for f in above if (f / _CACHE).is_dir()]
    return existing[0] if existing else (root or above[0]) / _CACHE


def _untouched_halves(config, network):
    whole = backbones.Backbone(
        config.backbone, network.untouched, (network.split_point,)
    )
    return split_backbone(whole, config.split)


def _save_planes(model, dataset, path):
    images = next(iter(dataset.test_batches(8)))[0].numpy()
    mosaic = evaluation.plane_mosaic(model, images)
    temporary = path.with_suffix(".tmp.png")
    Image.fromarray(mosaic).save(temporary)
    temporary.replace(path)

"""Measures a trained network and writes its report, table and plots."""

import pathlib

from PIL import Image

from bottlenet_tf import backbones, evaluation
from bottlenet_tf.backbones.split_points import split_backbone
from bottlenet_tf.common import drawing

# Baselines depend only on network, data and qualities, so runs in one folder
# share them, and a search's trials those of the parent folder.
_CACHE, _CACHE_LEVELS = ".baselines", 3


def measure(
    config, network, dataset, training, validated=None, evaluation_of=None
):
    """Measures every image by its real payload, and writes the report.

    The one place in a run that reads the test images. Validation images, by
    which the default point and later programs choose, are measured first; with
    --measure_on=validation only they are.

    Args:
        training: Dictionary of the training's steps, examples and time.
        validated: `evaluation.Curve` of all validation images, if known.
        evaluation_of: For a finished run on other images, the report's entry
            `evaluation`.
    """
    workdir = pathlib.Path(config.workdir)
    validation = unseen = None
    if dataset.validation:
        validation = _on(dataset.validation, config, network, validated)
    measured, chosen_by = validation, None
    if config.measure_on == "test":
        measured, chosen_by = _on(dataset.test, config, network), validation
        if dataset.unseen:
            unseen = _on(dataset.unseen, config, network)
    own, classifier = {}, _classifier(config, network)
    if classifier is not None:
        own["untouched_sha256"] = evaluation.weights_sha256(classifier)
    if config.has_unit:
        own["device_mac_share"] = network.model.device_mac_share()
        own["unit_id"] = evaluation.unit_id(network.model)
    report = evaluation.build_report(
        config,
        dataset,
        measured,
        validation=chosen_by,
        unseen=unseen,
        training=training,
        **own,
    )
    if evaluation_of is not None:
        report["evaluation"] = evaluation_of
    publish(workdir, report)
    if unseen is not None:
        with drawing.optional(path := workdir / "rate_accuracy_unseen.png"):
            evaluation.plot_rate_accuracy([evaluation.of_unseen(report)], path)
    if config.has_unit:
        with drawing.optional(path := workdir / "planes.png"):
            _save_planes(network.model, dataset, path)
    print(f"Report and pictures: {workdir}")
    return report


def publish(workdir, report):
    """Writes a report and its curves, and prints its table."""
    evaluation.write_report(workdir, report)
    with drawing.optional(path := workdir / "rate_accuracy.png"):
        evaluation.plot_rate_accuracy([report], path)
    print(f"\n{evaluation.markdown_table([report])}\n")


def part_to_evaluate(dataset):
    """Returns the `Part` of a `data.load_part` that has images."""
    return dataset.validation or dataset.test


def on_test(model, dataset, codecs):
    """Returns a kept network's `SplitResult`s behind several codecs.

    For comparisons that choose nothing; only here are test images read.
    """
    return evaluation.evaluate_codecs(model, dataset.test, codecs)


def _classifier(config, network):
    """Returns the unsplit network; None if there is no trained one."""
    return network.model if config.mode == "baseline" else network.untouched


def _on(part, config, network, curve=None):
    """Returns the `Measured` of a part of the data."""
    if config.mode == "cloud":
        return _tuned_on(part, config, network)
    classifier = _classifier(config, network)
    baselines = raw = None
    cache = baseline_cache(pathlib.Path(config.workdir))
    if classifier is not None:
        baselines = evaluation.measure_baselines(
            classifier, part, config.sweep_qualities, cache_dir=cache
        )
    if not config.has_unit:
        return evaluation.Measured(part, baselines)
    if classifier is not None:
        whole = backbones.Backbone(
            config.backbone, classifier, (network.split_point,)
        )
        halves = split_backbone(whole, config.split)
        raw = evaluation.raw_features(*halves, part, cache_dir=cache)
    if curve is None:
        curve = evaluation.evaluate_split(network.model, part)
    return evaluation.Measured(part, baselines, curve, raw)


def _tuned_on(part, config, network):
    """Returns the `Measured` of a network that was tuned for a codec."""
    points = evaluation.cloud_only(
        network.model,
        part,
        {*config.sweep_qualities, config.image_quality},
        (config.image_codec,),
        sides=[config.image_side or part.image_size],
    )
    known = evaluation.network_accuracy(network.untouched, part)
    return evaluation.Measured(part, evaluation.Baselines(known, points))


def baseline_cache(workdir, root=None):
    """Returns the folder that keeps the baselines of a run.

    The nearest existing one in the three folders above `workdir`, or a new one
    in `root`, by default the parent folder.
    """
    above = workdir.absolute().parents[:_CACHE_LEVELS]
    existing = [f / _CACHE for f in above if (f / _CACHE).is_dir()]
    return existing[0] if existing else (root or above[0]) / _CACHE


def _save_planes(model, dataset, path):
    part = dataset.development or part_to_evaluate(dataset)
    images = next(iter(part.batches(8)))[0].numpy()
    mosaic = evaluation.plane_mosaic(model, images)
    temporary = path.with_suffix(".tmp.png")
    Image.fromarray(mosaic).save(temporary)
    temporary.replace(path)

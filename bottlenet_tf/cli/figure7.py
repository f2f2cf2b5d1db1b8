"""BottleNet's figure 7: training with the codec against switching it on."""

import dataclasses
import pathlib
import sys

from absl import flags

from bottlenet_tf.cli import config_flags, program, surroundings, train_flags
from bottlenet_tf.common import drawing, formats

USAGE = """Trains one network without the codec (naive), measures it behind
JPEG at every quality, and trains one network for each quality with the codec
in the loop (aware), all from the same start and for as many steps.

Writes figure7.json and figure7.png to --workdir. Finished runs are not
trained again, so it can be stopped and started.

Example:
  python -m bottlenet_tf.cli.figure7 --flagfile=flags/cifar10_figure7.flags"""

_OF_REPORT = (
    "backbone",
    "dataset",
    "dataset_fingerprint",
    "baseline_accuracy",
)


def _main(values):
    config = train_flags.read(values)
    qualities = config_flags.listed("qualities", values.qualities, int)
    from bottlenet_tf.codec import create_codec

    codecs = [create_codec("jpeg", quality=quality) for quality in qualities]
    if config.unit.codec != "jpeg":
        raise ValueError(
            "Figure 7 compares qualities of JPEG. "
            f"Received: codec={config.unit.codec!r}"
        )
    if config.measure_on != "test":
        raise ValueError(
            "Figure 7 compares on test images: --measure_on=test. "
            f"Received: measure_on={config.measure_on!r}"
        )
    training = surroundings.with_tensorflow("training")
    from bottlenet_tf import evaluation
    from bottlenet_tf.common.json_file import write_json
    from bottlenet_tf.training.measure import on_test

    root = pathlib.Path(config.workdir)
    naive = dataclasses.replace(
        config, mode="naive", workdir=str(root / "naive")
    )
    reports = {"naive": training.run(naive)}
    points = []
    dataset = training.load_data(naive).for_output(reports["naive"]["output"])
    model = training.load_model(naive.workdir)
    results = on_test(model, dataset, codecs)
    for quality, result in zip(qualities, results, strict=True):
        size = float(result.wire_bytes.mean())
        points.append(_point("naive", quality, result.accuracy, size))
    for quality in qualities:
        aware = dataclasses.replace(
            config,
            mode="aware",
            unit=dataclasses.replace(config.unit, quality=quality),
            workdir=str(root / f"aware_{quality}"),
        )
        report = reports[f"aware_{quality}"] = training.run(aware)
        size = report["wire_bytes_mean"]
        points.append(_point("aware", quality, report["accuracy"], size))
    baseline = reports["naive"]["baseline_accuracy"]
    write_json(root / "figure7.json", _content(reports["naive"], points))
    with drawing.optional(path := root / "figure7.png"):
        evaluation.plot_aware_against_naive(
            points, path, network_accuracy=baseline
        )
    print(_table(qualities, points))
    print(f"\nPicture: {root / 'figure7.png'}")


def _content(report, points):
    """Returns figure7.json: what was compared, of a run's report, and how."""
    unit = report["flags"]["unit"]
    return {
        "format": formats.FIGURE7,
        **{name: report[name] for name in _OF_REPORT},
        "unit": {
            "split": report["split"],
            "channels": unit["channels"],
            "stride": unit["stride"],
        },
        "points": points,
        "command": sys.argv,
    }


def _point(mode, quality, accuracy, wire_bytes_mean):
    return {
        "mode": mode,
        "quality": quality,
        "accuracy": accuracy,
        "wire_bytes_mean": wire_bytes_mean,
    }


def _table(qualities, points):
    by_key = {(p["mode"], p["quality"]): p for p in points}
    lines = [
        "| quality | aware % | B | naive % | B | points apart |",
        "|--------:|--------:|--:|--------:|--:|-------------:|",
    ]
    for quality in qualities:
        aware = by_key["aware", quality]
        naive = by_key["naive", quality]
        lines.append(
            f"| {quality} | {aware['accuracy']:.2f} "
            f"| {aware['wire_bytes_mean']:.0f} | {naive['accuracy']:.2f} "
            f"| {naive['wire_bytes_mean']:.0f} "
            f"| {aware['accuracy'] - naive['accuracy']:.2f} |"
        )
    return "\n".join(lines)


def main():
    """Entry point."""
    train_flags.define(module_name=sys.argv[0])
    flags.DEFINE_list(
        "qualities",
        ["1", "5", "10", "20", "50", "90"],
        "JPEG qualities to compare at.",
        module_name=sys.argv[0],
    )
    program.run(_main, USAGE, groups=train_flags.GROUPS)


if __name__ == "__main__":
    main()

"""BottleNet's figure 7: training with the codec against switching it on."""

import dataclasses
import pathlib
import sys

from bottlenet_tf.cli import config_flags, program, surroundings, train_flags
from bottlenet_tf.common import drawing, formats
from bottlenet_tf.common.json_file import write_json
from bottlenet_tf.common.markdown import aligned
from bottlenet_tf.common.settings import Settings, setting
from bottlenet_tf.common.validation import check

USAGE = """Trains one network without the codec (naive), measures it behind
JPEG at every quality, and trains one network for each quality with the codec
in the loop (aware), all from the same start and for as many steps.

Writes figure7.json and figure7.png to --workdir. Finished runs are not
trained again, so it can be stopped and restarted.

Example:
  python -m bottlenet_tf.cli.figure7 --flagfile=flags/cifar10_figure7.flags"""

_OF_REPORT = ("backbone", "dataset", "dataset_fingerprint", "baseline_accuracy")


@dataclasses.dataclass(frozen=True)
class _Figure7Config(Settings):
    """The qualities of a comparison."""

    qualities: tuple[int, ...] = setting(
        (1, 5, 10, 20, 50, 90),
        "JPEG qualities to compare at.",
        least=1,
        most=100,
    )


@program.entry(
    USAGE, {config_flags.OWN: (_Figure7Config,), **train_flags.SECTIONS}
)
def main(values):
    """Entry point."""
    config = train_flags.read(values)
    qualities = config_flags.read(_Figure7Config, values).qualities
    check(
        getattr(config.unit, "codec", None) == "jpeg",
        "Figure 7 compares qualities of JPEG: --unit=bottlenet --codec=jpeg.",
        unit=config.unit.kind,
    )
    check(
        config.measure_on == "test",
        "Figure 7 compares on test images: --measure_on=test.",
        measure_on=config.measure_on,
    )
    training = surroundings.with_tensorflow("training")
    from bottlenet_tf import evaluation
    from bottlenet_tf.codec import create_codec
    from bottlenet_tf.training.measure import on_test

    root = pathlib.Path(config.workdir)
    naive = dataclasses.replace(
        config, mode="naive", workdir=str(root / "naive")
    )
    report = training.run(naive)
    dataset = training.load_data(naive).for_output(report["output"])
    codecs = [create_codec("jpeg", quality=quality) for quality in qualities]
    results = on_test(training.load_model(naive.workdir), dataset, codecs)
    points = [
        _point("naive", quality, result.accuracy, result.wire_bytes.mean())
        for quality, result in zip(qualities, results, strict=True)
    ]
    for quality in qualities:
        unit = dataclasses.replace(config.unit, quality=quality)
        folder = str(root / f"aware_{quality}")
        found = training.run(
            dataclasses.replace(config, mode="aware", unit=unit, workdir=folder)
        )
        size = found["wire_bytes_mean"]
        points.append(_point("aware", quality, found["accuracy"], size))
    write_json(root / "figure7.json", _content(report, points))
    with drawing.optional(path := root / "figure7.png"):
        evaluation.plot_aware_against_naive(
            points, path, network_accuracy=report["baseline_accuracy"]
        )
    print(_table(qualities, points))
    print(f"\nPicture: {path}")


def _content(report, points):
    """Returns the content of figure7.json."""
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
        "wire_bytes_mean": float(wire_bytes_mean),
    }


def _table(qualities, points):
    by_key = {(p["mode"], p["quality"]): p for p in points}
    rows = []
    for quality in qualities:
        aware, naive = by_key["aware", quality], by_key["naive", quality]
        rows.append(
            [
                f"{quality}",
                f"{aware['accuracy']:.2f}",
                f"{aware['wire_bytes_mean']:.0f}",
                f"{naive['accuracy']:.2f}",
                f"{naive['wire_bytes_mean']:.0f}",
                f"{aware['accuracy'] - naive['accuracy']:.2f}",
            ]
        )
    header = ("quality", "aware %", "B", "naive %", "B", "points apart")
    return "\n".join(aligned(header, rows, left=0))


if __name__ == "__main__":
    main()

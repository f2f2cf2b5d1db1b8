"""`make demo`: baseline, curves, deployment, selection, report, on digits."""

import dataclasses
import pathlib
import sys

from absl import flags

from bottlenet_tf.cli import program, surroundings, train_flags

USAGE = """Trains a network on handwritten digits, then measures the curve of a
learned unit at several split points without training any, trains the one that
can win and, beside it, a unit through JPEG. Exports both, encodes some images
with the device program and lets the server's half name them. This machine is
the server, the device is assumed to be 20 times slower; at the end stands
which split and rate to choose over 3G, 4G and Wi-Fi.

Needs no download and takes a few minutes on two cores. Any flag of train.py
changes the unit through JPEG: try --channels=2 --stride=2
--workdir=runs/digits_2."""

FLAGFILE = "flags/digits.flags"


def _main(values):
    # The splits start from the baseline that the demo trains first.
    baseline = str(pathlib.Path(values.workdir) / "baseline")
    values["backbone_weights"].value = baseline
    _demo(train_flags.read(values))


def _demo(config):
    training = surroundings.with_tensorflow("training")
    from bottlenet_tf import evaluation
    from bottlenet_tf.cli import curve_search, demo_halves, demo_selection
    from bottlenet_tf.config.run import UnitConfig
    from bottlenet_tf.search import curves
    from bottlenet_tf.search.candidates import CANDIDATES

    root = pathlib.Path(config.workdir)
    baseline = dataclasses.replace(
        config,
        mode="baseline",
        workdir=config.backbone_weights,
        backbone_weights=None,
        unit=UnitConfig(),
        freeze_prefix=False,
        rate_weight=0.0,
        epochs=flags.FLAGS.baseline_epochs,
        distillation=0.0,
        codec_warmup=0.0,
        tuned_rivals=(),
        optimizer="sgd",
        learning_rate=0.1,
        weight_decay=1e-3,
    )
    print("== The network without a split ==", flush=True)
    training.run(baseline)
    print("\n== The curve of each split, without training ==", flush=True)
    search = _search_config(config)
    found = curves.find_curves(search)
    print("\n".join(curve_search.table(found)), flush=True)
    values = flags.FLAGS
    slowdown, rtt_ms = values.device_slowdown, values.rtt_ms
    prices = demo_selection.prices(found, slowdown, rtt_ms)
    print("\n== The unit that can win, for all rates ==", flush=True)
    results = found.train(prices)
    if not results["trained"]:
        raise ValueError(
            "The unit could not be trained; its log.txt tells why. "
            f"Received: workdir={found.root / CANDIDATES}"
        )
    split = next(iter(results["trained"]))
    print("\n".join(curve_search.table(found)), flush=True)
    print("\n== Through JPEG, for one rate ==", flush=True)
    jpeg = _jpeg_config(config, split)
    training.run(jpeg)
    runs = [root / CANDIDATES / split, pathlib.Path(jpeg.workdir)]
    reports = [evaluation.load_report(folder) for folder in runs]
    plot = root / "rate_accuracy.png"
    evaluation.plot_rate_accuracy(reports, plot)
    text = evaluation.markdown_table(reports)
    (root / "results.md").write_text(text + "\n")
    print(f"\n== Results ==\n\n{text}\n")
    print("== Deployed, as device and server run it ==\n", flush=True)
    deploy = demo_halves.export_all(root, runs)
    demo_halves.send(root, deploy / split, training.load_data(config))
    print("\n== Which split, at which rate? ==", flush=True)
    page = demo_selection.run(
        root,
        deploy,
        runs,
        values.max_accuracy_loss,
        slowdown,
        rtt_ms,
    )
    print(f"\nReport: {page}")
    print(f"Deployment: {deploy}")
    print(f"Picture: {plot}")
    print(f"Curves and planes: tensorboard --logdir={root}")


def _search_config(config):
    """Learned units at some splits, small ones; the best of them is trained."""
    from bottlenet_tf.config.run import LearnedUnitConfig
    from bottlenet_tf.search import CurveConfig

    values = flags.FLAGS
    unit = LearnedUnitConfig(
        patch_channels=16,
        mixed=128,
        mixed_to=64,
        coefficients=64,
        synthesis_width=16,
        num_points=8,
        coarse_rate_weight=0.02,
        statistics_images=1000,
    )
    unset = (
        "optimizer", "learning_rate", "weight_decay", "distillation",
        "feature_weight", "clip_norm",
    )  # fmt: skip
    base = dataclasses.replace(
        config,
        mode="tail",
        unit=unit,
        freeze_prefix=False,
        rate_weight=0.0,
        codec_warmup=0.0,
        tuned_rivals=(),
        **dict.fromkeys(unset),
    )
    return CurveConfig(
        base=base,
        splits=tuple(values.splits),
        max_accuracy_loss=values.max_accuracy_loss,
        search_images=None,
        workers=min(2, len(values.splits)),
        max_trained=1,
    )


def _jpeg_config(config, split):
    """A unit through JPEG at the same split."""
    from bottlenet_tf.search.candidates import CANDIDATES

    return dataclasses.replace(
        config,
        split=split,
        workdir=f"{config.workdir}/{CANDIDATES}/{split}_jpeg",
    )


def main():
    """Entry point of `make demo`."""
    train_flags.define(module_name=sys.argv[0])
    flags.DEFINE_list(
        "splits", ["RB1", "RB3", "RB6"], "Split points to compare."
    )
    flags.DEFINE_float(
        "max_accuracy_loss", 3.0, "Points below the network that are accepted."
    )
    flags.DEFINE_float(
        "device_slowdown",
        20.0,
        "How many times slower than this machine the device is assumed to be.",
    )
    flags.DEFINE_float(
        "rtt_ms", 5.0, "Assumed round trip to the server, in ms."
    )
    flags.DEFINE_integer(
        "baseline_epochs", 5, "Passes for the network without a split."
    )
    # Frozen blocks train faster; the flagfile alone has no baseline to freeze.
    defaults = [
        f"--flagfile={FLAGFILE}", "--freeze_prefix", "--tuned_rivals=jpeg",
    ]  # fmt: skip
    arguments = [sys.argv[0], *defaults, *sys.argv[1:]]
    program.run(
        _main, USAGE, cleans_up=True, argv=arguments, groups=train_flags.GROUPS
    )


if __name__ == "__main__":
    main()

"""`make demo`: baseline, search, deployment, selection, report, on digits."""

import dataclasses
import pathlib
import sys

from absl import flags

from bottlenet_tf.cli import program, train_flags

USAGE = """Trains a network on handwritten digits, then searches the smallest
payload at several split points, trains one learned unit for all rates, and
compares what each sends with what it costs. Exports what was found, encodes
some images with the device program and lets the server's half name them. Then
times both halves on this machine, which is the server, assumes a device 20
times slower, and reports which split to choose over 3G, 4G and Wi-Fi.

Needs no download and takes a few minutes on two cores. Any flag of train.py
changes it: try --channels=2 --stride=2 --workdir=runs/digits_2."""

FLAGFILE = "flags/digits.flags"


def _main(argv):
    train_flags.refuse_arguments(argv)
    train_flags.prepare_tensorflow()
    # The splits start from the baseline that the demo trains first.
    baseline = str(pathlib.Path(flags.FLAGS.workdir) / "baseline")
    flags.FLAGS["backbone_weights"].value = baseline
    try:
        _demo(train_flags.read(flags.FLAGS))
    except train_flags.EXPECTED_ERRORS as error:
        return train_flags.report(error)
    return 0


def _demo(config):
    from bottlenet_tf import evaluation, search, training
    from bottlenet_tf.cli import demo_halves, demo_selection
    from bottlenet_tf.cli.search_table import table
    from bottlenet_tf.config import UnitConfig

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
    print("\n== The unit of each split point ==", flush=True)
    results = search.run(_search_config(config))
    print(f"\n{table(results)}")
    candidates = [
        root / found["workdir"]
        for found in results["candidates"].values()
        if found and found["measured"]
    ]
    if not candidates:
        raise ValueError(
            "No split is accurate enough; see --max_accuracy_loss and --epochs."
            f" Received: max_accuracy_loss={flags.FLAGS.max_accuracy_loss}"
        )
    print("\n== One learned unit for all rates ==", flush=True)
    learned = _learned_config(config)
    training.run(learned)
    # The selection is among what the search found; the rest shows all.
    runs = [*candidates, pathlib.Path(learned.workdir)]
    reports = [evaluation.load_report(folder) for folder in runs]
    plot = root / "rate_accuracy.png"
    evaluation.plot_rate_accuracy(reports, plot)
    text = evaluation.markdown_table(reports)
    (root / "results.md").write_text(text + "\n")
    print(f"\n== Results ==\n\n{text}\n")
    print("== Deployed, as device and server run it ==\n", flush=True)
    deploy = demo_halves.export_all(root, runs)
    sizes = [
        evaluation.choosing_figures(report)["wire_bytes_mean"]
        for report in reports
    ]
    half = deploy / runs[sizes.index(min(sizes))].name
    demo_halves.send(root, half, training.load_data(config))
    print("\n== Which split? ==", flush=True)
    values = flags.FLAGS
    page = demo_selection.run(
        root,
        deploy,
        candidates,
        values.max_accuracy_loss,
        values.device_slowdown,
        values.rtt_ms,
    )
    print(f"\nReport: {page}")
    print(f"Deployment: {deploy}")
    print(f"Picture: {plot}")
    print(f"Curves and planes: tensorboard --logdir={root}")


def _learned_config(config):
    """The same network with a learned unit, on what the recipe leaves open."""
    from bottlenet_tf.config import LearnedUnitConfig

    split = flags.FLAGS.learned_split
    unit = LearnedUnitConfig(
        patch=4,
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
    return dataclasses.replace(
        config,
        mode="tail",
        unit=unit,
        split=split,
        workdir=f"{config.workdir}/learned/{split}_learned",
        freeze_prefix=False,
        rate_weight=0.0,
        codec_warmup=0.0,
        tuned_rivals=(),
        **dict.fromkeys(unset),
    )


def _search_config(config):
    """One unit a split, trained once; the search chooses its quality."""
    from bottlenet_tf.search import SearchConfig

    values = flags.FLAGS
    return SearchConfig(
        base=config,
        splits=tuple(values.splits),
        channels=(config.unit.channels,),
        strides=(config.unit.stride,),
        qualities=train_flags.whole_numbers("qualities", values.qualities),
        trial_examples=values.trial_examples,
        max_accuracy_loss=values.max_accuracy_loss,
        search_images=None,
        workers=len(values.splits),  # A thread each, where cores are few.
    )


def main():
    """Entry point of `make demo`."""
    train_flags.define(module_name=sys.argv[0])
    flags.DEFINE_list(
        "splits", ["RB1", "RB3", "RB6"], "Split points to compare."
    )
    flags.DEFINE_string(
        "learned_split", "RB3", "Split point of the learned unit."
    )
    flags.DEFINE_list(
        "qualities", ["10", "30"], "Qualities of JPEG to choose among."
    )
    flags.DEFINE_integer(
        "trial_examples", 3885, "Images that each split sees: 3 passes."
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
    program.start(_main, USAGE, arguments, cleans_up=True)


if __name__ == "__main__":
    main()

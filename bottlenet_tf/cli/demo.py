"""`make demo`: baseline, splits, report and deployment, on digits."""

import dataclasses
import pathlib
import sys

from absl import flags

from bottlenet_tf.cli import program, train_flags

USAGE = """Trains a network on handwritten digits, then the same network cut
at several split points, and compares what each sends with what it costs.
Then exports the cheapest accurate split, encodes test images with the device
program and lets the server's half name them.

Needs no download and takes a few minutes on two cores. Any flag of train.py
changes it: try --byte_budget=60 --workdir=runs/digits_60."""

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
    from bottlenet_tf import evaluation, training
    from bottlenet_tf.cli import demo_halves
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
        byte_budget=None,
        distillation=0.0,
        codec_warmup=0.0,
        optimizer="sgd",
        learning_rate=0.1,
        weight_decay=1e-3,
    )
    print("== The network without a split ==", flush=True)
    training.run(baseline)
    reports = []
    for split in flags.FLAGS.splits:
        print(f"\n== Cut after {split} ==", flush=True)
        split_config = dataclasses.replace(
            config,
            split=split,
            workdir=str(root / split),
        )
        reports.append(training.run(split_config))
    plot = root / "rate_accuracy.png"
    evaluation.plot_rate_accuracy(reports, plot)
    table = evaluation.markdown_table(reports)
    (root / "results.md").write_text(table + "\n")
    print(f"\n== Results ==\n\n{table}\n")
    chosen = demo_halves.choose(reports)["split"]
    print(f"== Deployed: {chosen}, as device and server run it ==\n")
    dataset = training.load_data(config)
    demo_halves.run(root, chosen, dataset)
    print(f"\nDeployment: {root}/deploy")
    print(f"Picture: {plot}")
    print(f"Reports: {root}/*/report.json")
    print(f"Curves and planes: tensorboard --logdir={root}")


def main():
    """Entry point of `make demo`."""
    train_flags.define(module_name=sys.argv[0])
    flags.DEFINE_list(
        "splits", ["RB1", "RB3", "RB6"], "Split points to compare."
    )
    flags.DEFINE_integer(
        "baseline_epochs", 7, "Passes for the network without a split."
    )
    # Frozen blocks train faster; the flagfile alone has no baseline to freeze.
    defaults = [f"--flagfile={FLAGFILE}", "--freeze_prefix"]
    arguments = [sys.argv[0], *defaults, *sys.argv[1:]]
    program.start(_main, USAGE, arguments)


if __name__ == "__main__":
    main()

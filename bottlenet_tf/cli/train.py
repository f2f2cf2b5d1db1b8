"""`bottlenet-train`: flags -> TrainConfig -> training.run."""

from bottlenet_tf.cli import program, surroundings, train_flags

USAGE = """Trains a split network with a learned bottleneck, and measures it.

Examples:
  python train.py --flagfile=flags/digits.flags
  python train.py --mode=baseline --dataset=/my/photos --image_size=64 \\
      --backbone=resnet18 --workdir=runs/baseline
  python train.py --mode=aware --dataset=/my/photos --image_size=64 \\
      --backbone=resnet18 --backbone_weights=runs/baseline --split=RB2 \\
      --workdir=runs/rb2

A run writes model.keras, report.json, metrics.csv, rate_accuracy.png and
TensorBoard logs to --workdir. Killed, it resumes with the same command."""


@program.entry(USAGE, train_flags.SECTIONS)
def main(values):
    """Entry point of `bottlenet-train` and `train.py`."""
    config = train_flags.read(values)
    training = surroundings.with_tensorflow("training")
    training.run(config, check=_print_problems if config.has_unit else None)


def _print_problems(network):
    """Prints what an export would refuse, before hours of training."""
    from bottlenet_tf.config.export import ExportConfig
    from bottlenet_tf.export import problems

    target = ExportConfig.target
    head, tail = network.model.prefix, network.model.suffix
    if network.model.tells_tail:  # The point's part exports anywhere.
        tail = network.unsplit_suffix()
    for side, part in (("head", head), ("tail", tail)):
        found = problems.find(part, target, with_litert=False)
        if found:
            print(f"Note: an export for {target} would refuse the {side}:")
            print("\n".join(problems.described(found)))


if __name__ == "__main__":
    main()

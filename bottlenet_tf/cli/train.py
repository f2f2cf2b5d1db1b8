"""`bottlenet-train`: flags -> TrainConfig -> training.run."""

import sys

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


def _main(values):
    config = train_flags.read(values)
    surroundings.with_tensorflow("training").run(config)


def main():
    """Entry point of `bottlenet-train` and `train.py`."""
    train_flags.define(module_name=sys.argv[0])
    program.run(_main, USAGE, groups=train_flags.GROUPS)


if __name__ == "__main__":
    main()

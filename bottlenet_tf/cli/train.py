"""`bottlenet-train`: flags -> TrainConfig -> training.run."""

import sys

from absl import flags

from bottlenet_tf.cli import program, train_flags

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


def _main(argv):
    train_flags.refuse_arguments(argv)
    train_flags.prepare_tensorflow()
    try:
        # TensorFlow takes seconds to import; bad flags shouldn't.
        config = train_flags.read(flags.FLAGS)
        from bottlenet_tf import training

        training.run(config)
    except train_flags.EXPECTED_ERRORS as error:
        return train_flags.report(error)
    return 0


def main():
    """Entry point of `bottlenet-train` and `train.py`."""
    # absl's --help shows the flags of the program that was started.
    train_flags.define(module_name=sys.argv[0])
    program.start(_main, USAGE)


if __name__ == "__main__":
    main()

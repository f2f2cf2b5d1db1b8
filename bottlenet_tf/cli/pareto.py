"""Samples units for the Pareto set: flags -> ParetoConfig -> pareto.run."""

import sys

from absl import flags

from bottlenet_tf.cli import program, train_flags
from bottlenet_tf.markdown import aligned
from bottlenet_tf.search import pareto

USAGE = """Samples units of one frozen network and keeps the Pareto set of them.

Draws stride, channels, rounding step and the weight of the task loss of
--unit=datta, trains each unit as the other flags say, which are train.py's,
and measures accuracy and mean wire bytes on the validation images. Writes
pareto.json and pareto.png to --workdir, and each unit as a rate pack to its
folder in --workdir/samples. Killed, it resumes with the same flags; a larger
--samples adds to what is there.

Example:
  bottlenet-pareto --flagfile=flags/cifar10_datta_rb3.flags \\
      --workdir=runs/pareto --epochs=2 --samples=40"""

_DEFAULTS = pareto.ParetoConfig.__dataclass_fields__
# Flag, field, kind and help.
_LISTS = (
    ("strides", "strides", int, "Strides to choose from."),
    ("channel_range", "channels", int, "Least and most channels."),
    (
        "task_weight_range", "task_weights", float,
        "Least and most --task_weight, log-uniform between.",
    ),
    (
        "latent_step_range", "latent_steps", float,
        "Least and most --latent_step, log-uniform between.",
    ),
)  # fmt: skip


def _main(argv):
    train_flags.refuse_arguments(argv)
    train_flags.prepare_tensorflow()
    try:
        config = read(flags.FLAGS)
        print(f"\n{_table(pareto.run(config))}\n\n{config.base.workdir}")
    except train_flags.EXPECTED_ERRORS as error:
        return train_flags.report(error)
    return 0


def read(values):
    """Returns the `ParetoConfig` of parsed flag values.

    Raises:
        ValueError: if a value or a combination is refused.
    """
    lists = {}
    for flag, field, kind, _ in _LISTS:
        parse = {int: train_flags.whole_numbers, float: train_flags.numbers}
        lists[field] = parse[kind](flag, getattr(values, flag))
    return pareto.ParetoConfig(
        base=train_flags.read(values), samples=values.samples, **lists
    )


def _table(content):
    kept = [sample for sample in content["samples"] if sample["kept"]]
    rows = [
        (
            f"{sample['number']:03d}",
            f"{sample['wire_bytes_mean']:.1f}",
            f"{sample['accuracy']:.2f}",
            *(f"{sample[name]:g}" for name in pareto.SAMPLED),
        )
        for sample in sorted(kept, key=lambda s: s["wire_bytes_mean"])
    ]
    header = ("sample", "wire B", "accuracy %", *pareto.SAMPLED)
    return "\n".join(aligned(header, rows, 0))


def define(flag_values=flags.FLAGS, module_name=None):
    """Defines the flags of the sampling and of every training."""
    train_flags.define(flag_values, module_name)
    common = {"flag_values": flag_values, "module_name": module_name}
    flags.DEFINE_integer(
        "samples", _DEFAULTS["samples"].default, "Units to sample.", **common
    )
    for flag, field, _, text in _LISTS:
        default = [str(value) for value in _DEFAULTS[field].default]
        flags.DEFINE_list(flag, default, text, **common)


def main():
    """Entry point."""
    define(module_name=sys.argv[0])
    program.start(_main, USAGE)


if __name__ == "__main__":
    main()

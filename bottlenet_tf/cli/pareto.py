"""Samples units for the Pareto set: flags -> ParetoConfig -> pareto.run."""

from bottlenet_tf.cli import config_flags, program, surroundings, train_flags
from bottlenet_tf.common.markdown import aligned
from bottlenet_tf.search import pareto

USAGE = """Samples units of one frozen network and keeps their Pareto set.

Draws stride, channels, rounding step and the weight of the task loss of
--unit=datta, trains each unit as the other flags say, which are train.py's,
and measures accuracy and mean wire bytes on the validation images. Writes
pareto.json and pareto.png to --workdir, and each unit as a rate pack to its
folder in --workdir/samples. Killed, it resumes with the same flags; a larger
--samples adds to what is there.

Example:
  bottlenet-pareto --flagfile=flags/cifar10_datta_rb3.flags \\
      --workdir=runs/pareto --epochs=2 --samples=40"""

SECTIONS = {
    config_flags.OWN: (pareto.ParetoConfig,),
    **train_flags.SECTIONS,
}


@program.entry(USAGE, SECTIONS)
def main(values):
    """Entry point of `bottlenet-pareto`."""
    config = read(values)
    surroundings.with_tensorflow("training")
    print(f"\n{_table(pareto.run(config))}\n\n{config.base.workdir}")


def read(values):
    """Returns the `ParetoConfig` of parsed flag values."""
    return config_flags.read(
        pareto.ParetoConfig, values, base=train_flags.read(values)
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


if __name__ == "__main__":
    main()

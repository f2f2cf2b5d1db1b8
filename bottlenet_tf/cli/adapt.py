"""`bottlenet-adapt RUN --images=FOLDER`: a learned unit for a user's photos."""

import sys

from absl import app, flags

from bottlenet_tf.adapt_config import PACK, REFITS, AdaptConfig
from bottlenet_tf.cli import program, train_flags
from bottlenet_tf.run_folders import check_run

USAGE = """Fits a learned unit to photos: bottlenet-adapt RUN --images=FOLDER

RUN is the work directory of a finished run of --unit=learned, FOLDER holds
photos, directly or in folders below; nobody has to have labelled them. The
unit's tables and, where it pays, its transform are computed anew from them.
With --steps the unit is then trained for some steps to answer as the unsplit
network does. The network itself stays as it is, and so does RUN.

Some photos are held out. On these, bytes and agreement with the unsplit
network are measured before and after, at every operating point.

Writes a rate pack, at most 1 MB, and the figures beside it as .json. Export
the run with the pack, and replace device and server halves together:

  bottlenet-adapt runs/rb6 --images=~/photos
  bottlenet-adapt runs/rb6 --images=~/photos --steps=500 --out=mine.pack
  bottlenet-export --workdir=runs/rb6 --pack=mine.pack --out=deploy_mine"""

_DEFAULTS = AdaptConfig.__dataclass_fields__


def _main(argv):
    train_flags.prepare_tensorflow()
    try:
        config = read(argv, flags.FLAGS)
        from bottlenet_tf import adaptation  # TensorFlow takes seconds.

        adaptation.run(config)
    except train_flags.EXPECTED_ERRORS as error:
        return train_flags.report(error)
    return 0


def read(argv, values):
    """Returns the `AdaptConfig` of arguments and parsed flag values.

    Raises:
        absl.app.UsageError: unless one run is named.
        ValueError: if it is no finished run, or a value is refused.
    """
    if len(argv) != 2:
        raise app.UsageError(
            "One run must be given: bottlenet-adapt RUN --images=FOLDER. "
            f"Received: {' '.join(argv[1:]) or 'none'}"
        )
    names = set(_DEFAULTS) - {"workdir"}
    fields = {name: getattr(values, name) for name in names}
    config = AdaptConfig(workdir=argv[1], **fields)
    check_run(config.workdir)
    return config


def define(flag_values=flags.FLAGS, module_name=None):
    """Defines the flags."""
    common = {"flag_values": flag_values, "module_name": module_name}
    flags.DEFINE_string(
        "images", "", "Folder of photos, in folders or not.", **common
    )
    flags.DEFINE_string(
        "out", None, f"The pack to write; unset: RUN/{PACK}.", **common
    )
    flags.DEFINE_enum(
        "refit",
        _DEFAULTS["refit"].default,
        REFITS,
        "What is computed anew: the tables alone; the transform, too; or auto, "
        "the transform if there are enough photos and it takes fewer bytes at "
        "equal divergence than tables alone, on photos that neither was "
        "fitted to. Those held out choose nothing.",
        **common,
    )
    flags.DEFINE_integer(
        "steps",
        _DEFAULTS["steps"].default,
        "Steps of fine-tuning by the unsplit network's answers.",
        **common,
    )
    flags.DEFINE_float(
        "held_out",
        _DEFAULTS["held_out"].default,
        "Share of the photos that is measured on, and nothing else.",
        **common,
    )
    flags.DEFINE_integer(
        "batch_size",
        _DEFAULTS["batch_size"].default,
        "Photos a step, and at once otherwise.",
        **common,
    )
    flags.DEFINE_integer(
        "seed",
        _DEFAULTS["seed"].default,
        "Decides which photos are held out, and all that is drawn.",
        **common,
    )


def main():
    """Entry point of `bottlenet-adapt`."""
    define(module_name=sys.argv[0])
    program.start(_main, USAGE)


if __name__ == "__main__":
    main()

"""`bottlenet-adapt RUN --images=FOLDER`: a learned unit for a user's photos."""

from bottlenet_tf.cli import config_flags, program, surroundings
from bottlenet_tf.common.run_folders import check_run
from bottlenet_tf.config.adapt import AdaptConfig

USAGE = """Fits a learned unit to photos: bottlenet-adapt RUN --images=FOLDER

RUN is the work directory of a finished run of --unit=learned, FOLDER contains
photos, directly or in subfolders; they need no labels. The unit's tables and,
where it pays, its transform are recomputed from them. With --steps the unit is
then fine-tuned to answer as the unsplit network does. Neither the network nor
RUN is changed.

Some photos are held out. On these, bytes and agreement with the unsplit
network are measured before and after, at every operating point.

Writes a rate pack, at most 1 MB, and the figures next to it as .json. Export
the run with the pack, and replace device and server halves together:

  bottlenet-adapt runs/rb6 --images=~/photos
  bottlenet-adapt runs/rb6 --images=~/photos --steps=500 --out=mine.pack
  bottlenet-export --workdir=runs/rb6 --pack=mine.pack --out=deploy_mine"""


@program.entry(USAGE, (AdaptConfig,), arguments="RUN")
def main(values, workdir):
    """Entry point of `bottlenet-adapt`."""
    config = config_flags.read(AdaptConfig, values, workdir=workdir)
    check_run(config.workdir)
    surroundings.with_tensorflow("adaptation").run(config)


if __name__ == "__main__":
    main()

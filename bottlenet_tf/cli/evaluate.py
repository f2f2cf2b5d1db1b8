"""`bottlenet-evaluate RUN --dataset=...`: a finished run on other images."""

from bottlenet_tf.cli import config_flags, program, surroundings
from bottlenet_tf.common.run_folders import check_run
from bottlenet_tf.config.evaluate import EvaluateConfig

USAGE = """Measures a finished run on other labelled images.

  bottlenet-evaluate RUN --dataset=FOLDER_OR_NAME [--out=FOLDER]

RUN is the work directory of a finished run. Nothing is trained, and RUN keeps
its own figures. The report has the form of a run's: accuracy without a split,
bytes and accuracy at every operating point, image codecs on the same images,
bytes 2, 1 and 0.5 points below. bottlenet-report draws it.

The data set's classes must have the names of the network's outputs. If there
are fewer, or their names differ, --class_indices maps them to outputs; for
1,000 in the outputs' order, that is --class_indices=$(seq -s, 0 999).

Examples:
  # A folder with one folder per class: all images in it.
  bottlenet-evaluate runs/rb6 --dataset=~/new_photos

  # 1,000 images of ImageNet's validation half, no image codecs.
  bottlenet-evaluate runs/lite0 --dataset=/imagenet/val --max_images=1000 \\
      --sweep_qualities=

  # Three classes of an ImageNet network, and a page about it.
  bottlenet-evaluate runs/lite0 --dataset=/fish --class_indices=0,1,391 \\
      --out=runs/fish
  bottlenet-report runs/fish"""


@program.entry(USAGE, (EvaluateConfig,), arguments="RUN")
def main(values, workdir):
    """Entry point of `bottlenet-evaluate`."""
    config = config_flags.read(EvaluateConfig, values, workdir=workdir)
    check_run(config.workdir)
    surroundings.with_tensorflow("other_images").run(config)


if __name__ == "__main__":
    main()

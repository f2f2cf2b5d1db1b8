"""`bottlenet-evaluate RUN --dataset=...`: a finished run on other images."""

import dataclasses
import sys
import typing

from absl import app, flags

from bottlenet_tf.cli import program, train_flags
from bottlenet_tf.evaluate_config import EVALUATIONS, EvaluateConfig
from bottlenet_tf.run_folders import check_run

USAGE = """Measures a finished run on other labelled images.

  bottlenet-evaluate RUN --dataset=FOLDER_OR_NAME [--out=FOLDER]

RUN is the work directory of a finished run. Nothing is trained, and RUN keeps
its own figures. The report is as a run's: accuracy without a split, bytes and
accuracy at every operating point, image codecs on the same images, bytes 2, 1
and 0.5 points below. bottlenet-report draws it.

The data set's classes must be the network's outputs, by name. If they are
fewer, or named otherwise, --class_indices says which outputs they are; of 1,000
in the outputs' order, that is --class_indices=$(seq -s, 0 999).

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

_HELP = {
    "dataset": "The images: a folder of class folders, digits, mini_imagenet "
    "or any TFDS name.",
    "out": f"Folder to write to; unset: RUN/{EVALUATIONS}/ and the data set's "
    "name.",
    "part": "test, validation or all images. The run's own data set is divided "
    "as the run divided it; of another folder without train/ and test/, all "
    "images are taken.",
    "max_images": "Take at most this many images, balanced over the classes "
    "(TFDS: the first ones stored).",
    "class_indices": "Which outputs of the network the classes are, counted "
    "from 0, in the sorted order of their names, with commas between. Unset: "
    "it has one for each class, of the same name.",
    "sweep_qualities": "Qualities at which image codecs are measured on the "
    "same images; empty for none. Unset: those of the run.",
    "seed": "Decides which images --max_images takes. Unset: the run's "
    "--split_seed.",
}


def _main(argv):
    train_flags.prepare_tensorflow()
    try:
        config = read(argv, flags.FLAGS)
        check_run(config.workdir)
        from bottlenet_tf import other_images  # TensorFlow takes seconds.

        other_images.run(config)
    except train_flags.EXPECTED_ERRORS as error:
        return train_flags.report(error)
    return 0


def read(argv, values):
    """Returns the `EvaluateConfig` of arguments and parsed flag values.

    Raises:
        absl.app.UsageError: unless one run is named.
        ValueError: if a value is refused.
    """
    if len(argv) != 2:
        raise app.UsageError(
            "One run must be given: bottlenet-evaluate RUN --dataset=... "
            f"Received: {' '.join(argv[1:]) or 'none'}"
        )
    fields = {field.name: getattr(values, field.name) for field in _fields()}
    for name in ("class_indices", "sweep_qualities"):
        if fields[name] is not None:
            given = [value for value in fields[name] if value]
            fields[name] = train_flags.whole_numbers(name, given)
    return EvaluateConfig(workdir=argv[1], **fields)


def define(flag_values=flags.FLAGS, module_name=None):
    """Defines the flags; those that training has, too, are the same."""
    hints = typing.get_type_hints(EvaluateConfig)
    for field in _fields():
        text = _HELP.get(field.name)
        train_flags.define_field(
            field, hints[field.name], flag_values, module_name, text
        )


def _fields():
    return [
        f for f in dataclasses.fields(EvaluateConfig) if f.name != "workdir"
    ]


def main():
    """Entry point of `bottlenet-evaluate`."""
    define(module_name=sys.argv[0])
    program.start(_main, USAGE)


if __name__ == "__main__":
    main()

"""One part of a data set, to measure a finished network on."""

import os
import pathlib

import numpy as np

from bottlenet_tf.data import classes, corrupt, fingerprints, label_table
from bottlenet_tf.data.dataset import Dataset
from bottlenet_tf.data.examples import joined
from bottlenet_tf.data.folder import undivided
from bottlenet_tf.data.images import Preprocessing
from bottlenet_tf.data.listing import report
from bottlenet_tf.data.loading import is_path, open_source
from bottlenet_tf.data.part import Part

ALL = "all"


def load_part(
    spec,
    part,
    trained,
    trained_on,
    *,
    image_size,
    num_outputs,
    class_indices=(),
    data_dir=None,
    manual_dir=None,
    max_images=None,
    seed=0,
    skip_corrupt=False,
):
    """Opens the images that a finished run is measured on.

    The run's own data set is divided as the run divided it. Another one that
    is a folder of plain class folders is not divided: all of its images are
    taken, whichever part is asked for.

    Args:
        part: "test", "validation" or "all".
        trained_on: `fingerprints.Fingerprint` of its training images.
        max_images: Take at most this many, balanced over the classes (TFDS:
            the first ones stored).

    Returns:
        `Dataset` without training images. The images are its `validation` if
        that is asked for, else its `test`, a `Part` named "all" if these are
        all images.
    """
    source, is_own = _open(spec, data_dir, manual_dir, trained, trained_on)
    if source is None:
        source, part = _undivided(spec), ALL
        report(spec, source.passed_over)
        print("The folder has no train/ and test/: all images are measured on.")
    elif is_own and part == ALL:
        print("Among these are the images that the run was trained on.")
    name = source.name
    if is_own:
        class_indices = class_indices or trained.class_indices
    if class_indices:
        source = classes.numbered(source, class_indices, num_outputs)
    examples, skipped = _taken(source, part, max_images, seed), []
    if skip_corrupt:
        examples, skipped = corrupt.without_corrupt(examples)
    preprocessing = Preprocessing.resolve(
        trained.augmentation, image_size, trained.resize, trained.flip
    )
    parts = dict.fromkeys(classes.PARTS, examples.only(examples.keys[:0]))
    parts["validation" if part == "validation" else "test"] = examples
    dataset = Dataset(
        name,
        source.class_names,
        **parts,
        preprocessing=preprocessing,
        inventory=dict,
        skipped=skipped,
        passed_over=source.passed_over,
    )
    if part == ALL:
        dataset.test = Part(ALL, examples, preprocessing)
    return dataset


def _open(spec, data_dir, manual_dir, trained, trained_on):
    """Returns the source (None if undivided), and whether it is the run's."""
    plain = _undivided(spec) if is_path(spec) else None
    at_home = _place(spec) == _place(trained.dataset)
    if plain is not None and not at_home:
        labels = plain.test.labels
        if (
            len(labels) < 2
            or labels.ndim == 1
            and np.bincount(labels).min() < 2
        ):
            return None, False  # A run's own data set has no such class.
    fractions = (
        trained.test_fraction, trained.validation_fraction, trained.split_seed,
    )  # fmt: skip
    source = open_source(spec, data_dir, manual_dir, fractions)
    is_own = (
        len(source.train) == trained_on.images
        and fingerprints.fingerprint(source.train) == trained_on
    )
    if at_home and not is_own:
        raise ValueError(
            "--dataset is the run's own data set, and its training images have "
            "changed since the run began, so that some might be measured on. "
            "Restore them, or name a folder of new images only. Received: "
            f"dataset={os.fspath(spec)!r}"
        )
    return (source if plain is None or is_own else None), is_own


def _undivided(spec):
    is_table = label_table.is_there(spec)
    return (label_table.undivided if is_table else undivided)(spec)


def _place(spec):
    if is_path(spec):
        return pathlib.Path(spec).expanduser().resolve()
    return os.fspath(spec)


def _taken(source, part, max_images, seed):
    names = classes.PARTS if part == ALL else (part,)
    examples = joined([getattr(source, name) for name in names])
    if not len(examples):
        raise ValueError(
            "There must be images to measure on, and the data set has none of "
            f"this part. Received: part={part}, dataset={source.name!r}"
        )
    if max_images is None:
        return examples
    return examples.limit(max_images, seed)

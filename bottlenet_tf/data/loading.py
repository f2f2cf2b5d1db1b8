"""Opens the data set that --dataset names."""

import os
import pathlib

from bottlenet_tf.common.validation import check
from bottlenet_tf.data import (
    classes,
    corrupt,
    fingerprints,
    label_table,
    sources,
)
from bottlenet_tf.data.dataset import Dataset
from bottlenet_tf.data.folder import folder
from bottlenet_tf.data.images import Preprocessing


def load(
    spec,
    *,
    image_size=None,
    resize=None,
    data_dir=None,
    manual_dir=None,
    seed=0,
    split_seed=0,
    augmentation="auto",
    flip=None,
    skip_corrupt=False,
    test_fraction=0.15,
    validation_fraction=0.1,
    max_train=None,
    max_validation=None,
    max_test=None,
    class_indices=(),
    num_outputs=1000,
    unseen_classes=(),
):
    """Opens a data set for training, choosing and measuring.

    `spec` is one of these, tried in this order:
        'digits': scikit-learn's handwritten digits; nothing to download.
        'mini_imagenet': the paper's 100 classes x 600 images, prepared from
            `manual_dir` by `mini_imagenet.MiniImagenet`.
        a folder: `train/<class>/*` with `test/`, `val/`, `validation/` or
            `valid/`, or `<class>/*`. `./digits` is a folder, `digits` is not.
            Or one with several labels per image: `label_table`.
        a TensorFlow Datasets name: 'cifar10', 'imagenette/160px', ...;
            downloaded and prepared under `data_dir` if it is not there yet.

    Args:
        spec: String or path, see above.
        image_size: Default: digits 32; TFDS its static square size, else 224; a
            folder its first image's size if square and at most 96, else 224.
        resize: Shorter side in pixels before a 'resize_crop'; default
            `image_size` * 8/7 (224 from 256).
        seed: Integer; decides shuffles and crops.
        augmentation: 'auto' is 'pad_crop' up to 64 pixels, else 'resize_crop'.
            See `images.Preprocessing`.
        flip: Default yes, except for digits and for augmentation 'none'.
        skip_corrupt: False: an image that does not decode stops the run by
            a `CorruptImageError` (through `Part.guard`). True: all images are
            checked now, and those that don't decode are left out.
        max_train, max_validation, max_test: Keep this many images, balanced
            over the classes (TFDS: the first ones stored, in an order TFDS has
            shuffled), before the check for corrupt images.
        unseen_classes: Names of classes whose training and validation images
            are left out; their test images, after `max_test`, are the part
            `unseen`, not `test`.

    The other arguments are fields of `config.data.DataConfig`, explained there.

    Returns:
        `Dataset`.

    Raises:
        ValueError: for an unknown `spec` (the choices are listed), an unusable
            folder, or an argument out of range.
    """
    fractions = test_fraction, validation_fraction, split_seed
    source = open_source(spec, data_dir, manual_dir, fractions)
    if flip is None and not source.mirrors:
        flip = False
    preprocessing = Preprocessing.resolve(
        augmentation,
        source.image_size if image_size is None else image_size,
        resize,
        flip,
    )
    classes.check_names(source)
    classes.check_unseen(source, unseen_classes)
    used = source
    if class_indices:
        used = classes.numbered(source, class_indices, num_outputs)
    unseen = [used.class_names.index(name) for name in unseen_classes]
    train, _ = classes.divide(used.train, unseen)
    validation, _ = classes.divide(used.validation, unseen)

    def limit(examples, name, count):
        check(
            count is None or count >= 1,
            f"`{name}` must be at least 1, because every part needs images.",
            **{name: count},
        )
        return examples if count is None else examples.limit(count, split_seed)

    test = limit(used.test, "max_test", max_test)
    parts = {
        "train": limit(train, "max_train", max_train),
        "validation": limit(validation, "max_validation", max_validation),
    }
    parts["test"], parts["unseen"] = classes.divide(test, unseen)
    if unseen and not (len(parts["test"]) and len(parts["unseen"])):
        raise ValueError(
            "There must be test images of seen and of unseen classes. "
            f"Received: max_test={max_test}, unseen_classes={unseen_classes}"
        )
    skipped = []
    if skip_corrupt:
        for name, part in parts.items():
            parts[name], bad = corrupt.without_corrupt(part)
            skipped += bad
    return Dataset(
        source.name,
        used.class_names,
        **parts,
        unseen_classes=unseen_classes,
        preprocessing=preprocessing,
        seed=seed,
        skipped=skipped,
        passed_over=source.passed_over,
        inventory=lambda: {
            name: fingerprints.fingerprint(getattr(source, name))
            for name in classes.PARTS
        },
    )


def open_source(spec, data_dir, manual_dir, fractions):
    """Returns the `Source` of a value of --dataset; see `load`.

    `fractions` are `(test_fraction, validation_fraction, split_seed)`.
    """
    spec = os.fspath(spec)
    if manual_dir is not None and spec != "mini_imagenet":
        raise ValueError(
            "`manual_dir` belongs to 'mini_imagenet' only. "
            f"Received: manual_dir={manual_dir!r}, spec={spec!r}"
        )
    if data_dir is not None:
        data_dir = os.path.expanduser(data_dir)
    if spec == "digits":
        return sources.digits(*fractions[1:])
    if spec == "mini_imagenet":
        from bottlenet_tf.data import mini_imagenet

        builder = mini_imagenet.prepare(data_dir, manual_dir)
        return sources.from_builder(builder, *fractions)
    if is_path(spec):
        read = label_table.labelled if label_table.is_there(spec) else folder
        return read(spec, *fractions)
    builder = sources.tfds_builder(spec, data_dir)
    builder.download_and_prepare()
    return sources.from_builder(builder, *fractions)


def is_path(spec):
    """Whether a value of --dataset is a folder, not a name."""
    if spec in ("digits", "mini_imagenet"):
        return False
    path = pathlib.Path(spec).expanduser()
    return path.is_dir() or path.is_absolute() or spec.startswith((".", "~"))

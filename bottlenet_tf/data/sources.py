"""Where examples come from: scikit-learn's digits and TFDS."""

import dataclasses

import numpy as np

from bottlenet_tf.data import splits
from bottlenet_tf.data.examples import IndexedExamples
from bottlenet_tf.data.records import RecordExamples

DIGITS_TEST_FRACTION = 0.2
DIGITS_IMAGE_SIZE = 32
DEFAULT_IMAGE_SIZE = 224


@dataclasses.dataclass(frozen=True)
class Source:
    """Three disjoint parts, and facts about them.

    `mirrors` says whether a mirrored image still shows its class;
    `passed_over` is `Listing.passed_over()` of a folder.
    """

    name: str
    class_names: tuple
    image_size: int
    train: object
    validation: object
    test: object
    mirrors: bool = True
    passed_over: dict = dataclasses.field(default_factory=dict)


def digits(validation_fraction, seed):
    """Returns the `Source` of scikit-learn's handwritten digits.

    1,797 grey 8x8 images with levels 0..16, which become 0..255 RGB; nothing
    to download. 20 % of every class are for testing; `validation_fraction` of
    the rest for validation.
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    levels = np.rint(bunch.images * (255 / 16)).astype(np.uint8)
    pixels = np.repeat(levels[..., np.newaxis], 3, axis=-1)
    names = np.array([f"digits/{index}" for index in range(len(pixels))])
    test, validation = np.zeros((2, len(pixels)), bool)
    for label in range(10):
        mine = names[bunch.target == label]
        held_out = splits.held_out(mine, DIGITS_TEST_FRACTION, seed)
        rest = [name for name in mine if name not in held_out]
        chosen = splits.validation(rest, validation_fraction, seed)
        test |= np.isin(names, list(held_out))
        validation |= np.isin(names, list(chosen))

    def examples(mask):
        return IndexedExamples(
            pixels[mask], bunch.target[mask], names[mask], paths=False
        )

    return Source(
        "digits",
        tuple("0123456789"),
        DIGITS_IMAGE_SIZE,
        examples(~test & ~validation),
        examples(validation),
        examples(test),
        mirrors=False,  # A mirrored 2 is not a 2.
    )


def tfds_builder(name, data_dir):
    """Finds a data set in TFDS's catalogue."""
    import tensorflow_datasets as tfds

    try:
        return tfds.builder(name, data_dir=data_dir, try_gcs=False)
    except (tfds.core.DatasetNotFoundError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ValueError(
            "a data set is 'digits', 'mini_imagenet', a folder of class "
            "folders that exists, or a name that TensorFlow Datasets knows, "
            "such as 'cifar10' or 'imagenette/160px'. "
            f"Received: spec={name!r} ({reason})"
        ) from error


def from_builder(builder, test_fraction, validation_fraction, seed):
    """Returns the `Source` of a prepared `tfds.core.DatasetBuilder`.

    Test images are its `test` split, or `validation` if there is no labelled
    `test`; without either, a seeded share of `train`. Validation images are
    `validation` if there are both, else a seeded share of the training images;
    none if `validation_fraction` is 0.
    """
    import tensorflow_datasets as tfds

    info = builder.info
    features = info.features
    kinds = {"image": tfds.features.Image, "label": tfds.features.ClassLabel}
    if not isinstance(features, tfds.features.FeaturesDict) or not all(
        name in features and isinstance(features[name], kind)
        for name, kind in kinds.items()
    ):
        raise ValueError(
            "a TFDS data set needs the features `image` and `label`, because "
            "this project classifies images. "
            f"Received: spec={info.full_name!r} with {features}"
        )
    if "train" not in info.splits:
        raise ValueError(
            "a TFDS data set needs a `train` split. "
            f"Received: spec={info.full_name!r} with {sorted(info.splits)}"
        )
    train = RecordExamples(builder, "train")
    held_out = [
        RecordExamples(builder, split)
        for split in ("test", "validation")
        if split in info.splits and _is_labelled(builder, split)
    ]
    if not held_out:
        splits.check_fraction("test_fraction", test_fraction)
        train, test = _divide(train, test_fraction, seed)
        held_out = [test]
    test, *own = held_out
    if not validation_fraction:
        validation = train.only(train.keys[:0])
    elif own:
        (validation,) = own
    else:
        splits.check_fraction("validation_fraction", validation_fraction)
        train, validation = _divide(train, validation_fraction, seed)
    height, width = features["image"].shape[:2]
    square = height is not None and height == width
    return Source(
        "/".join(filter(None, [builder.name, info.config_name])),
        tuple(features["label"].names),
        height if square else DEFAULT_IMAGE_SIZE,
        train,
        validation,
        test,
    )


def _divide(examples, fraction, seed):
    """Returns `(rest, share)`, neither of them empty."""
    shuffled = np.random.default_rng(seed).permutation(examples.keys)
    count = min(max(round(fraction * len(shuffled)), 1), len(shuffled) - 1)
    return examples.only(shuffled[count:]), examples.only(shuffled[:count])


def _is_labelled(builder, split):
    """Whether images are labelled; challenges publish test labels of -1."""
    stream = RecordExamples(builder, split).stream()
    return all(int(label) >= 0 for _, _, label in stream.take(1))

"""Which images train, validate and test, and how they are prepared."""

import dataclasses

from bottlenet_tf.common.settings import Settings, setting

# Settings that several programs share.
DATA_DIR = {
    "default": None,
    "about": "Where TFDS keeps its records (~/tensorflow_datasets).",
}
MANUAL_DIR = {
    "default": None,
    "about": "Folder of the images of mini_imagenet.",
}
SKIP_CORRUPT = {
    "default": False,
    "about": "Check all images first and leave out those that do not decode, "
    "instead of stopping there.",
}


@dataclasses.dataclass(frozen=True)
class DataConfig(Settings):
    """The data set; fields as in `data.load`."""

    dataset: str = setting(
        "digits",
        "digits; mini_imagenet; any TFDS name (cifar10, ...); or a folder of "
        "class folders, with or without train/ and test/; or, for several "
        "labels an image, one with a labels.csv: a first line "
        "file,CLASS,CLASS,... in the order of the network's outputs, then a "
        "line per image, its path from there and 0 or 1 for each class.",
    )
    data_dir: str | None = setting(**DATA_DIR)
    manual_dir: str | None = setting(**MANUAL_DIR)
    image_size: int | None = setting(
        None, "Side of the network's input, in pixels.", least=1
    )
    resize: int | None = setting(
        None, "Shorter side before a crop is cut (224 from 256).", least=1
    )
    augmentation: str = setting(
        "auto",
        "auto, pad_crop, resize_crop or none.",
        choices=("auto", "pad_crop", "resize_crop", "none"),
    )
    flip: bool | None = setting(
        None, "Mirror half of the training images (default: not for digits)."
    )
    skip_corrupt: bool = setting(**SKIP_CORRUPT)
    split_seed: int = setting(
        0,
        "Decides which images train, validate and test. Runs that build on "
        "each other must share it.",
        least=0,
    )
    test_fraction: float = setting(
        0.15,
        "Share held out where a data set has no test split.",
        above=0,
        below=1,
    )
    validation_fraction: float = setting(
        0.1,
        "Share of the training images held back to choose the best epoch, a "
        "unit and a split by. With 0, a run that has to choose is refused.",
        least=0,
        below=1,
    )
    max_train: int | None = setting(
        None, "Use at most this many training images.", least=1
    )
    max_validation: int | None = setting(
        None, "Use at most this many validation images.", least=1
    )
    max_test: int | None = setting(
        None, "Use at most this many test images.", least=1
    )
    class_indices: tuple[int, ...] = setting(
        (),
        "For a trained network with more classes: the outputs of the data "
        "set's classes, counted from 0, in the sorted order of their names, "
        "separated by commas. It keeps all its outputs. Unset: the network has "
        "one for each class.",
        least=0,
        distinct=True,
    )
    num_outputs: int = setting(
        1000, "With --class_indices: outputs of that network.", least=2
    )
    unseen_classes: tuple[str, ...] = setting(
        (),
        "Names of classes, separated by commas, from which nothing is learned "
        "or chosen. Their test images are measured separately.",
        distinct=True,
    )

    def rules(self):
        yield (
            self.resize is None
            or self.image_size is None
            or self.resize >= self.image_size,
            "--resize must be at least --image_size: crops are cut from it.",
        )
        yield (
            all(index < self.num_outputs for index in self.class_indices),
            "--class_indices must be outputs of the network, counted from 0: "
            "below --num_outputs.",
        )

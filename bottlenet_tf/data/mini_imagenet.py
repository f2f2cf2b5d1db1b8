"""miniImageNet as a TFDS data set, from class folders or archives."""

import logging
import os
import pathlib

import tensorflow_datasets as tfds

from bottlenet_tf.data import mini_imagenet_files, splits

TEST_FRACTION = 0.15  # BottleNet, section 4: 510 + 90 of each class's 600.
SPLIT_SEED = 0
IMAGES_PER_CLASS = 600

_LOG = logging.getLogger(__name__)

_INSTRUCTIONS = """\
manual_dir must contain miniImageNet in one of two forms:

(a) class folders `train/<wnid>/`, `val/<wnid>/`, `test/<wnid>/` or `<wnid>/`,
    in any mixture; a class's images are pooled over them.
(b) ImageNet's class archives `<wnid>.tar`, or `ILSVRC2012_img_train.tar` that
    contains them (image-net.org, after registration), next to the lists
    `train.csv`, `val.csv` and `test.csv` of Ravi and Larochelle
    (github.com/twitter-research/meta-learning-lstm, data/miniImagenet).
"""

_DESCRIPTION = """\
miniImageNet: 100 ImageNet classes with 600 images each, the selection of Ravi
and Larochelle. Their lists divide the classes for few-shot learning; here all
classes are pooled and every class is split 85/15 by image, as the BottleNet
paper does for classification: 510 training and 90 test images. Held out are the
round(0.15 n) images of a class that come first by sha256("0:{stem}"), where the
stem is the file name in the lists without its extension. So the split depends
only on the names, and both forms of the data give the same. Images are stored
byte for byte as they come: 84x84 JPEG in most copies of the class folders,
native size in ImageNet's archives.
"""


class MiniImagenet(tfds.core.GeneratorBasedBuilder):
    """TFDS builder `mini_imagenet`; see MANUAL_DOWNLOAD_INSTRUCTIONS.

    It does not decode, resize or re-encode any image, so that it does not
    notice corrupt ones either: `load(..., skip_corrupt=True)` does.

    Reference:
        Ravi & Larochelle, "Optimization as a Model for Few-Shot Learning",
        ICLR 2017. Split: BottleNet, Eshratifar et al., 2019,
        arXiv:1902.01000, section 4.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "Seeded 85/15 split of every class."}
    MANUAL_DOWNLOAD_INSTRUCTIONS = _INSTRUCTIONS

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            description=_DESCRIPTION,
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(encoding_format="jpeg"),
                    "label": tfds.features.ClassLabel(
                        names=mini_imagenet_files.WNIDS
                    ),
                    "file_name": tfds.features.Text(),
                }
            ),
            supervised_keys=("image", "label"),
            homepage="https://openreview.net/forum?id=rJY0-Kcll",
            metadata=tfds.core.MetadataDict(),
        )

    def _split_generators(self, dl_manager):
        files = mini_imagenet_files.find(dl_manager.manual_dir)
        _warn_of_unusual_counts(files)
        self.info.metadata["source_key"] = files.source_key()
        held_out = set()
        for names in files.names.values():
            held_out |= splits.held_out(names, TEST_FRACTION, SPLIT_SEED)
        return {
            "train": self._generate_examples(files, held_out, test=False),
            "test": self._generate_examples(files, held_out, test=True),
        }

    def _generate_examples(self, files, held_out, test):
        def wanted(name):
            return (name in held_out) == test

        for wnid, name, data in files.read(wanted):
            yield (
                name,
                {"image": data, "label": wnid, "file_name": name + ".jpg"},
            )


def prepare(data_dir=None, manual_dir=None):
    """Opens the prepared records, preparing them first where needed.

    Args:
        data_dir: TFDS's root; default `~/tensorflow_datasets`.
        manual_dir: Folder with the images, see `MiniImagenet`; default
            `<data_dir>/downloads/manual/mini_imagenet`. When the records
            are prepared already it may be left out; if given, it must contain
            the files that they were prepared from.
    """
    builder = MiniImagenet(data_dir=data_dir)
    prepared = pathlib.Path(builder.data_path).is_dir()
    if prepared and manual_dir is None:
        return builder
    if manual_dir is None:
        # <data_dir>/mini_imagenet/1.0.0
        root = pathlib.Path(builder.data_path).parents[1]
        manual_dir = root / "downloads" / "manual" / "mini_imagenet"
    manual_dir = pathlib.Path(manual_dir).expanduser()
    if prepared:
        _check_same_source(builder, manual_dir)
        return builder
    mini_imagenet_files.find(manual_dir)  # Fails early, with a clear error.
    builder.download_and_prepare(
        download_config=tfds.download.DownloadConfig(
            manual_dir=os.fspath(manual_dir)
        )
    )
    return builder


def _check_same_source(builder, manual_dir):
    found = mini_imagenet_files.find(manual_dir).source_key()
    if found != builder.info.metadata.get("source_key"):
        raise ValueError(
            "`manual_dir` must contain the files that the records in "
            f"{os.fspath(builder.data_path)!r} were prepared from, and it "
            "contains others. Leave it out to use the records, or give another "
            "`data_dir` to prepare these files as well. Received: "
            f"manual_dir={os.fspath(manual_dir)!r}"
        )


def _warn_of_unusual_counts(files):
    missing = [w for w in mini_imagenet_files.WNIDS if w not in files.names]
    if missing:
        _LOG.warning(
            "mini_imagenet: %d of 100 classes are missing: %s",
            len(missing),
            ", ".join(missing),
        )
    for wnid, names in files.names.items():
        if len(names) != IMAGES_PER_CLASS:
            _LOG.warning(
                "mini_imagenet: class %s has %d images instead of %d",
                wnid,
                len(names),
                IMAGES_PER_CLASS,
            )

"""Settings of one evaluation."""

import dataclasses
import json

from bottlenet_tf.common.settings import Settings, setting
from bottlenet_tf.config.data import DATA_DIR, MANUAL_DIR, SKIP_CORRUPT
from bottlenet_tf.config.run import differing_flags

PARTS = ("test", "validation", "all")
EVALUATIONS = "evaluations"
# Fields that change no result: where files are.
_FREE_FIELDS = ("workdir", "dataset", "out", "data_dir", "manual_dir")


@dataclasses.dataclass(frozen=True)
class EvaluateConfig(Settings):
    """One evaluation. `bottlenet-evaluate --help` explains every field."""

    workdir: str
    dataset: str = setting(
        "",
        "The images: a folder of class folders, digits, mini_imagenet or any "
        "TFDS name.",
    )
    out: str | None = setting(
        None,
        f"Folder to write to; unset: RUN/{EVALUATIONS}/ and the data set's "
        "name.",
    )
    part: str = setting(
        "test",
        "test, validation or all images. The run's own data set is divided as "
        "in the run; of another folder without train/ and test/, all images "
        "are taken.",
        choices=PARTS,
    )
    max_images: int | None = setting(
        None,
        "Take at most this many images, balanced over the classes (TFDS: the "
        "first ones stored).",
        least=1,
    )
    class_indices: tuple[int, ...] = setting(
        (),
        "The network's outputs for the classes, counted from 0, in the sorted "
        "order of their names, separated by commas. Unset: those of the same "
        "name.",
    )
    sweep_qualities: tuple[int, ...] | None = setting(
        None,
        "Qualities at which image codecs are measured on the same images; "
        "empty for none. Unset: those of the run.",
        least=1,
        most=100,
    )
    data_dir: str | None = setting(**DATA_DIR)
    manual_dir: str | None = setting(**MANUAL_DIR)
    skip_corrupt: bool = setting(**SKIP_CORRUPT)
    seed: int | None = setting(
        None,
        "Decides which images --max_images takes. Unset: the run's "
        "--split_seed.",
        least=0,
    )

    def values(self):
        """Returns its fields as JSON values."""
        return json.loads(json.dumps(dataclasses.asdict(self)))

    def differing(self, before):
        """Returns the flags by which an earlier evaluation's figures differ."""
        return differing_flags(before, self, _FREE_FIELDS)

"""What an evaluation is: a frozen dataclass that checks itself."""

import dataclasses

from bottlenet_tf.common.settings import Settings, setting
from bottlenet_tf.config.run import differing_flags

PARTS = ("test", "validation", "all")
EVALUATIONS = "evaluations"
# Fields that change no result: where files lie.
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
        "the run divided it; of another folder without train/ and test/, all "
        "images are taken.",
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
        "Which outputs of the network the classes are, counted from 0, in the "
        "sorted order of their names, with commas between. Unset: it has one "
        "for each class, of the same name.",
    )
    sweep_qualities: tuple[int, ...] | None = setting(
        None,
        "Qualities at which image codecs are measured on the same images; "
        "empty for none. Unset: those of the run.",
        least=1,
        most=100,
    )
    data_dir: str | None = setting(
        None, "Where TFDS keeps its records (~/tensorflow_datasets)."
    )
    manual_dir: str | None = setting(
        None, "Where the images of mini_imagenet lie."
    )
    skip_corrupt: bool = setting(
        False,
        "Check all images first and leave out what does not decode, instead "
        "of stopping there.",
    )
    seed: int | None = setting(
        None,
        "Decides which images --max_images takes. Unset: the run's "
        "--split_seed.",
        least=0,
    )

    def values(self):
        """Returns its fields as JSON has them."""
        values = dataclasses.asdict(self)
        return {
            n: list(v) if type(v) is tuple else v for n, v in values.items()
        }

    def differing(self, before):
        """Returns the flags by which another evaluation gave other figures.

        Args:
            before: The `EvaluateConfig` of the other one.
        """
        return differing_flags(before, self, _FREE_FIELDS)

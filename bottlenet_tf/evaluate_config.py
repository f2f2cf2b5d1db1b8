"""What an evaluation is: a frozen dataclass that checks itself."""

import dataclasses

from bottlenet_tf.config import differing_flags
from bottlenet_tf.validation import (
    check,
    check_at_least,
    check_choice,
    check_named,
    check_types,
)

PARTS = ("test", "validation", "all")
EVALUATIONS = "evaluations"
# Fields that change no result: where files lie.
_FREE_FIELDS = ("workdir", "dataset", "out", "data_dir", "manual_dir")


@dataclasses.dataclass(frozen=True)
class EvaluateConfig:
    """One evaluation. `bottlenet-evaluate --help` explains every field."""

    workdir: str
    dataset: str = ""
    out: str | None = None
    part: str = "test"
    max_images: int | None = None
    class_indices: tuple[int, ...] = ()
    sweep_qualities: tuple[int, ...] | None = None
    data_dir: str | None = None
    manual_dir: str | None = None
    skip_corrupt: bool = False
    seed: int | None = None

    def __post_init__(self):
        # Flags and JSON give lists; equality and hashing need a tuple.
        for name in ("class_indices", "sweep_qualities"):
            if isinstance(getattr(self, name), list):
                object.__setattr__(self, name, tuple(getattr(self, name)))
        check_types(self)
        check_named(workdir=self.workdir, dataset=self.dataset)
        check_choice("part", self.part, PARTS)
        if self.max_images is not None:
            check_at_least(1, max_images=self.max_images)
        if self.seed is not None:
            check_at_least(0, seed=self.seed)
        check(
            all(1 <= q <= 100 for q in self.sweep_qualities or ()),
            "--sweep_qualities must be 1 to 100.",
            sweep_qualities=self.sweep_qualities,
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

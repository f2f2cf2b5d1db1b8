"""What an adaptation is: a frozen dataclass that checks itself."""

import dataclasses
import pathlib

from bottlenet_tf.validation import (
    check,
    check_at_least,
    check_choice,
    check_named,
    check_types,
)

REFITS = ("auto", "tables", "transform")
PACK = "adapted.pack"


@dataclasses.dataclass(frozen=True)
class AdaptConfig:
    """One adaptation. `bottlenet-adapt --help` explains every field."""

    workdir: str
    images: str
    out: str | None = None
    refit: str = "auto"
    steps: int = 0
    held_out: float = 0.2
    batch_size: int = 32
    seed: int = 0

    def __post_init__(self):
        check_types(self)
        check_named(workdir=self.workdir, images=self.images)
        check(
            self.path.suffix == ".pack",
            "--out must end in .pack; the figures are written beside it, as "
            ".json.",
            out=self.out,
        )
        check_choice("refit", self.refit, REFITS)
        check_at_least(0, steps=self.steps)
        check_at_least(1, batch_size=self.batch_size)
        check(
            0 < self.held_out < 1,
            "--held_out must lie between 0 and 1: some photos are fitted to, "
            "others are measured on.",
            held_out=self.held_out,
        )

    @property
    def path(self):
        """`pathlib.Path` of the pack."""
        return pathlib.Path(self.out or pathlib.Path(self.workdir, PACK))

"""What an export is: a frozen dataclass that checks itself."""

import dataclasses

from bottlenet_tf.validation import (
    check,
    check_at_least,
    check_choice,
    check_named,
    check_types,
)

TARGETS = ("trt8.2", "trt8.5", "trt8.6", "trt10", "trt11")


@dataclasses.dataclass(frozen=True)
class ExportConfig:
    """One export. `python export.py --help` explains every field."""

    workdir: tuple[str, ...]
    out: str
    target: str = "trt8.2"
    litert: tuple[str, ...] = ("float32", "float16", "int8")
    parity_images: int = 200
    max_batch: int = 64
    pack: str | None = None

    def __post_init__(self):
        check_types(self)
        check(
            bool(self.workdir) and all(self.workdir),
            "--workdir must name at least one finished run.",
            workdir=self.workdir,
        )
        check_named(out=self.out)
        check(
            self.pack != "" and (self.pack is None or len(self.workdir) == 1),
            "--pack must name a file, and goes with the one --workdir that it "
            "was made from.",
            pack=self.pack,
            workdir=self.workdir,
        )
        check_choice("target", self.target, TARGETS)
        for kind in self.litert:
            check_choice("litert", kind, ("float32", "float16", "int8"))
        check_at_least(20, parity_images=self.parity_images)
        check_at_least(1, max_batch=self.max_batch)

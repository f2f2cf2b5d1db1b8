"""What an export is: a frozen dataclass that checks itself."""

import dataclasses
import re

from bottlenet_tf.validation import (
    check,
    check_at_least,
    check_choice,
    check_named,
    check_types,
)

# As in `runtime.served`.
_NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}"
TARGETS = ("trt8.2", "trt8.5", "trt8.6", "trt10", "trt11")


@dataclasses.dataclass(frozen=True)
class ExportConfig:
    """One export. `python export.py --help` explains every field."""

    workdir: tuple[str, ...]
    out: str
    target: str = "trt8.2"
    litert: tuple[str, ...] = ("float32", "float16", "int8")
    parity_images: int = 200
    max_batch: int = 8
    queue_delay_us: int = 0
    queue_size: int = 64
    queue_timeout_ms: int = 1000
    server_threads: int = 1
    served_name: str = "tail"
    pack: str | None = None
    plan: str | None = None

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
        check(self.plan != "", "--plan must name a file.", plan=self.plan)
        check_choice("target", self.target, TARGETS)
        for kind in self.litert:
            check_choice("litert", kind, ("float32", "float16", "int8"))
        check_at_least(20, parity_images=self.parity_images)
        check_at_least(
            1,
            max_batch=self.max_batch,
            queue_size=self.queue_size,
            queue_timeout_ms=self.queue_timeout_ms,
            server_threads=self.server_threads,
        )
        check_at_least(0, queue_delay_us=self.queue_delay_us)
        check(
            re.fullmatch(_NAME, self.served_name) is not None,
            "--served_name must be letters, digits, '.', '_' and '-', since "
            "it is part of a URL and a folder's name.",
            served_name=self.served_name,
        )

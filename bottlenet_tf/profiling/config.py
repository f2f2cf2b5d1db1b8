"""What is profiled and how: `bottlenet-profile`'s flags, checked."""

import dataclasses

from bottlenet_tf.profiling.meters import NAMES
from bottlenet_tf.runtime.runtimes import RUNTIMES
from bottlenet_tf.validation import (
    check,
    check_at_least,
    check_choice,
    check_named,
    check_types,
)

# Side: the parts of `rules.PARTS` that it runs. Both machines run the network
# without a split, too, which may be named alone.
SIDES = {
    "device": ("head", "encode"),
    "server": ("decode", "tail"),
    "whole": ("whole",),
}
PARTS = {**SIDES, "served": ("served",)}
TAIL_DEVICES = ("cpu", "cuda", "tensorrt")


@dataclasses.dataclass(frozen=True)
class ProfileConfig:
    """One profile. `bottlenet-profile --help` explains every field."""

    workdir: tuple[str, ...] = ()
    deploy: str | None = None
    out: str = "profile.json"
    device: str | None = None
    sides: tuple[str, ...] = tuple(SIDES)
    loads: tuple[int, ...] = (0,)
    repeats: int = 100
    seconds: float = 1.0
    warmup: int = 10
    threads: int | None = None
    runtime: str | None = None
    tail_device: str = "cpu"
    images: str | None = None
    num_images: int = 32
    meter: str = "auto"
    power_w: float | None = None
    rail: str | None = None

    def __post_init__(self):
        check_types(self)
        check(
            all(self.workdir) and bool(self.workdir or self.deploy),
            "--deploy must name a deployment folder, or --workdir finished "
            "runs.",
            workdir=self.workdir,
            deploy=self.deploy,
        )
        check_named(out=self.out)
        check(
            self.out.endswith(".json"),
            "--out must end in .json, which is what a profile is.",
            out=self.out,
        )
        for name, values in (("sides", self.sides), ("loads", self.loads)):
            check(
                values and len(set(values)) == len(values),
                f"--{name} must name at least one, and none twice.",
                **{name: values},
            )
        for side in self.sides:
            check_choice("sides", side, tuple(SIDES))
        check_at_least(0, loads=min(self.loads), warmup=self.warmup)
        check_at_least(1, repeats=self.repeats, num_images=self.num_images)
        check_at_least(0.0, seconds=self.seconds)
        for name in ("threads", "power_w"):
            value = getattr(self, name)
            check(
                value is None or value > 0,
                f"--{name} must be positive, or unset.",
                **{name: value},
            )
        self._check_runtime()
        self._check_meter()

    def _check_runtime(self):
        check_choice("tail_device", self.tail_device, TAIL_DEVICES)
        if self.runtime is not None:
            check_choice("runtime", self.runtime, tuple(RUNTIMES))
        check(
            self.deploy is not None
            or (self.runtime is None and self.tail_device == "cpu"),
            "--runtime and --tail_device are about exported files: set "
            "--deploy. Keras runs wherever TensorFlow does.",
            runtime=self.runtime,
            tail_device=self.tail_device,
        )

    def _check_meter(self):
        check_choice("meter", self.meter, NAMES)
        check(
            (self.power_w is not None) == (self.meter == "constant")
            or self.meter == "auto",
            "--power_w is the power that --meter=constant supposes, and "
            "--meter=auto where there is no meter.",
            meter=self.meter,
            power_w=self.power_w,
        )
        check(
            self.rail is None or self.meter == "ina3221",
            "--rail names what --meter=ina3221 reads.",
            meter=self.meter,
            rail=self.rail,
        )

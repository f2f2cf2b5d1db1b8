"""`bottlenet-profile`'s flags, checked."""

import dataclasses

from bottlenet_tf.common.settings import Settings, setting
from bottlenet_tf.common.validation import check
from bottlenet_tf.profiling.meters import NAMES
from bottlenet_tf.runtime.runtimes import AUTOMATIC, RUNTIMES

# Side: its parts, of `profiles.PARTS`. Both machines run the network without a
# split, too, which may be the only one.
SIDES = {
    "device": ("head", "encode"),
    "server": ("decode", "tail"),
    "whole": ("whole",),
}
PARTS = {**SIDES, "served": ("served",)}


@dataclasses.dataclass(frozen=True)
class ProfileConfig(Settings):
    """One profile. `bottlenet-profile --help` explains every field."""

    workdir: tuple[str, ...] = setting(
        (),
        "Work directories of finished runs, separated by commas; or a folder "
        "that contains them. --deploy takes precedence.",
    )
    deploy: str | None = setting(None, "Deployment folder of export.py.")
    out: str = setting("profile.json", "Profile to write, a new .json file.")
    device: str | None = setting(
        None, "The machine's name; by default its own."
    )
    sides: tuple[str, ...] = setting(
        tuple(SIDES),
        f"What to measure: {', '.join(SIDES)}; a side includes whole.",
        choices=tuple(SIDES),
        distinct=True,
    )
    loads: tuple[int, ...] = setting(
        (0,),
        "Load levels: how many other processes do the same side's work "
        "meanwhile.",
        least=0,
        distinct=True,
    )
    repeats: int = setting(100, "Least runs of each part.", least=1)
    seconds: float = setting(
        1.0, "Least seconds that each part is run for.", least=0
    )
    warmup: int = setting(10, "Untimed runs before.", least=0)
    threads: int | None = setting(
        None, "CPU threads of one run; the library's choice if unset.", least=1
    )
    runtime: str | None = setting(
        None,
        "Runtime of an exported head and whole; by default the first of "
        f"{', '.join(AUTOMATIC)} whose file and library exist.",
        choices=tuple(RUNTIMES),
    )
    tail_device: str = setting(
        "cpu",
        "Where ONNX Runtime runs an exported tail and the served network.",
        choices=("cpu", "cuda", "tensorrt"),
    )
    images: str | None = setting(
        None,
        "Folder of images to measure on; by default validation images of the "
        "run's data set, or noise if that can't be opened.",
    )
    num_images: int = setting(32, "Images to cycle through.", least=1)
    meter: str = setting(
        "auto",
        "Energy meter: a Jetson's INA3221; RAPL of Intel and AMD (as root); "
        "NVML, only the GPU; a constant --power_w; auto is the first that can "
        "be read.",
        choices=NAMES,
    )
    power_w: float | None = setting(
        None,
        "Watts that --meter=constant assumes, and auto if it finds no meter.",
        above=0,
    )
    rail: str | None = setting(
        None,
        "Rail of --meter=ina3221, or several joined by '+'; by default the one "
        "that feeds all.",
    )

    def check_together(self):
        check(
            bool(self.workdir or self.deploy),
            "--deploy must name a deployment folder, or --workdir finished "
            "runs.",
            workdir=self.workdir,
            deploy=self.deploy,
        )
        check(
            self.out.endswith(".json"),
            "--out must end in .json, the format of a profile.",
            out=self.out,
        )
        for name in ("sides", "loads"):
            check(
                bool(getattr(self, name)),
                f"--{name} must name at least one.",
                **{name: getattr(self, name)},
            )
        check(
            self.deploy is not None
            or (self.runtime is None and self.tail_device == "cpu"),
            "--runtime and --tail_device are for exported files: set --deploy. "
            "Keras runs wherever TensorFlow does.",
            runtime=self.runtime,
            tail_device=self.tail_device,
        )
        check(
            (self.power_w is not None) == (self.meter == "constant")
            or self.meter == "auto",
            "--power_w is the power that --meter=constant assumes, and "
            "--meter=auto if there is no meter.",
            meter=self.meter,
            power_w=self.power_w,
        )
        check(
            self.rail is None or self.meter == "ina3221",
            "--rail is for --meter=ina3221.",
            meter=self.meter,
            rail=self.rail,
        )

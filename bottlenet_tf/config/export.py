"""Settings of one export, and of the list of a network's cuts."""

import dataclasses
import re

from bottlenet_tf.common.settings import Settings, setting
from bottlenet_tf.config.data import DataConfig

# As in `runtime.served`.
_NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}"
TARGETS = ("trt8.2", "trt8.5", "trt8.6", "trt10", "trt11")
_LITERT = ("float32", "float16", "int8")


@dataclasses.dataclass(frozen=True)
class ExportConfig(Settings):
    """One export. `python export.py --help` explains every field."""

    workdir: tuple[str, ...] = setting(
        (),
        "Work directories of finished runs, separated by commas; or a folder "
        "that contains them, such as a search's.",
    )
    out: str = setting("deploy", "Deployment folder to make; new or empty.")
    overwrite: bool = setting(
        False, "Replace the deployment in --out, once the new one is complete."
    )
    target: str = setting(
        "trt8.2",
        "TensorRT of the device and the server. Graphs that it would refuse "
        "are refused here; trt8.2 (Jetson TX2, Nano, Xavier) is the strictest. "
        "none: for ONNX Runtime only.",
        choices=(*TARGETS, "none"),
    )
    onnx: bool = setting(
        True,
        "Write ONNX files. --noonnx, for operators that ONNX lacks, leaves "
        "LiteRT on the device and TF Serving on the server.",
    )
    litert: tuple[str, ...] = setting(
        _LITERT,
        f"LiteRT files to write: {', '.join(_LITERT)}; empty for none.",
        choices=_LITERT,
    )
    parity_images: int = setting(
        200,
        "Images that every file is compared on: validation images, or training "
        "images if there are none.",
        least=20,
    )
    max_batch: int = setting(
        8,
        "Most payloads in a batch of the server's network; 8 is right for a "
        "CPU, 64 for a GPU.",
        least=1,
    )
    queue_delay_us: int = setting(
        0,
        "Microseconds that the server waits for more payloads to fill a batch. "
        "With 0, the next batch is those that came in while it computed.",
        least=0,
    )
    queue_size: int = setting(
        64,
        "Most requests that wait for the server; further ones are refused at "
        "once (HTTP 503, gRPC UNAVAILABLE).",
        least=1,
    )
    queue_timeout_ms: int = setting(
        1000,
        "Longest wait of a request, after which it is refused, too.",
        least=1,
    )
    server_threads: int = setting(1, "CPU threads per batch.", least=1)
    served_name: str = setting(
        "tail",
        "Name of the served model that takes any payload of the deployment.",
    )
    image_model: str = setting(
        "whole",
        "Name of the served model that takes image files, for cloud-only.",
    )
    pack: tuple[str, ...] = setting(
        (),
        "Rate packs by bottlenet-adapt, separated by commas; the unit of each "
        "replaces that of the run it was made from.",
    )
    plan: str | None = setting(
        None,
        "plan.json by bottlenet-select, from which the device chooses; copied "
        "to edge/. It may name only units of this deployment.",
    )

    def rules(self):
        yield (
            bool(self.workdir),
            "--workdir must name at least one finished run.",
        )
        yield (
            self.onnx or bool(self.litert),
            "Without --onnx a device has LiteRT alone, so --litert must name "
            "some.",
        )
        for flag in ("served_name", "image_model"):
            name = getattr(self, flag)
            yield (
                re.fullmatch(_NAME, name) is not None,
                f"--{flag} must be letters, digits, '.', '_' and '-', since "
                "it is part of a URL and a folder's name.",
            )
        yield (
            self.served_name != self.image_model,
            "--served_name and --image_model name two models of one server.",
        )

    @property
    def tensorrt(self):
        """The TensorRT that graphs are for; None if they are for none."""
        return self.target if self.onnx and self.target != "none" else None


@dataclasses.dataclass(frozen=True)
class CutsConfig(Settings):
    """A list of cuts. `bottlenet-cuts --help` explains every field."""

    backbone: str
    data: DataConfig | None = None
    imports: tuple[str, ...] = setting(
        (), "As in train.py: files of your own layers.", flag="import"
    )
    backbone_weights: str | None = setting(
        None, "As in train.py. Unset: random, or the .keras file's own."
    )
    preprocessing: str = setting("auto", "As in train.py.")
    image_size: int | None = None
    num_classes: int | None = setting(
        None,
        "Without a data set: outputs of the network; unset: 1000, or the "
        ".keras file's.",
        least=1,
    )
    target: str = setting(
        "trt8.2",
        "TensorRT of the device and the server, as in export.py.",
        choices=(*TARGETS, "none"),
    )
    images: int = setting(
        20, "Images on which the deflated size is measured.", least=1
    )
    json: str | None = setting(None, "Also write the list to this file.")

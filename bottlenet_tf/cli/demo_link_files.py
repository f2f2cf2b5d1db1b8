"""Files of `make demo-link`: plan, test images and payloads by `make demo`."""

import dataclasses
import json
import pathlib
import shutil

from PIL import Image

from bottlenet_tf.common.validation import check
from bottlenet_tf.link.plan import CLOUD

FOLDER = "link"
_PAYLOADS = 32


@dataclasses.dataclass(frozen=True)
class Files:
    """Files of `make demo`, and those made from them."""

    root: pathlib.Path

    def __post_init__(self):
        needed = (
            self.deploy / "edge" / "bottlenet_tf" / "edge" / "paced.py",
            self.root / "server.json",
            self.root / "baseline" / "report.json",
        )
        missing = [str(path) for path in needed if not path.is_file()]
        check(
            not missing,
            "`make demo` of this version must be run first: its deployment is "
            "used.",
            missing=missing,
        )

    @property
    def deploy(self):
        """The demo's deployment."""
        return self.root / "deploy"

    @property
    def out(self):
        """Where everything is written."""
        return self.root / FOLDER

    def write_plan(self, links, whole_ms, max_loss):
        """Writes plan.json for a device that takes `whole_ms` for the network.

        Cloud-only is left out: digits of 8x8 take fewer bytes than the message
        around them, so that sending them would always win.

        Returns its path, its content, and how many times slower than this
        machine the device is.
        """
        from bottlenet_tf.common.json_file import write_json
        from bottlenet_tf.common.run_folders import (
            choosing_figures,
            load_report,
        )
        from bottlenet_tf.profiling import profile_file
        from bottlenet_tf.runtime import served
        from bottlenet_tf.search.candidates import CANDIDATES
        from bottlenet_tf.selection.costs import Machines
        from bottlenet_tf.selection.decision import decide_runs
        from bottlenet_tf.selection.goals import LATENCY, Limits
        from bottlenet_tf.selection.plan import plan_values

        here = profile_file.read(self.root / "server.json")
        names = served.read(self.deploy / "cloud").units
        runs = {name: self.root / CANDIDATES / name for name in names}
        reports = {name: load_report(run) for name, run in runs.items()}
        figures = choosing_figures(next(iter(reports.values())))
        slowdown = whole_ms / here.row("", "whole").median_ms
        machines = Machines(profile_file.slowed(here, slowdown), here)
        least = max(0.0, figures["baseline_accuracy"] - max_loss)
        limits = Limits(least)
        decisions = decide_runs(
            runs, reports, machines, links, LATENCY, limits, max_loss
        )
        values = plan_values(decisions, machines)
        values["choices"] = [
            choice for choice in values["choices"] if choice["way"] != CLOUD
        ]
        return write_json(self.out / "plan.json", values), values, slowdown

    def write_images(self):
        """Writes the test images as PNG; returns folder and `{path: label}`."""
        from bottlenet_tf import data
        from bottlenet_tf.export.finished_run import load_config
        from bottlenet_tf.training import provenance
        from bottlenet_tf.training.measure import part_to_evaluate

        run = self.root / "baseline"
        config, known = load_config(run), provenance.read(run)
        whole = json.loads((self.deploy / "edge" / "whole.json").read_text())
        dataset = data.load_part(
            config.data.dataset, "test", config.data, known.parts["train"],
            image_size=whole["image_size"], num_outputs=len(known.classes),
        )  # fmt: skip
        folder, labels = _anew(self.out / "images"), {}
        for images, indices in part_to_evaluate(dataset).batches(256):
            for image, index in zip(images.numpy(), indices.numpy()):
                path = folder / f"{len(labels):05d}.png"
                Image.fromarray(image).save(path)
                labels[str(path)] = dataset.class_names[index]
        return folder, labels

    def write_payloads(self, images, plan):
        """Writes payloads of some images by a plan's first split.

        Other devices send them. Returns their folder.
        """
        from bottlenet_tf.runtime.heads import Heads

        choice = next(c for c in plan.choices if c.split is not None)
        head = Heads.load(self.deploy, threads=1).units[choice.split]
        folder = _anew(self.out / "payloads")
        for i, path in enumerate(images[:_PAYLOADS]):
            payload = head.encode(path, choice.point)
            (folder / f"{i:03d}.payload").write_bytes(payload)
        return folder


def _anew(folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder

"""Networks without a split, written beside the halves and checked like them."""

import io
import json
import pathlib

import numpy as np
import tensorflow as tf
from PIL import Image

from bottlenet_tf.common.json_file import write_json
from bottlenet_tf.export import (
    device_files,
    litert,
    onnx_file,
    onnx_graphs,
    trtexec,
)
from bottlenet_tf.export.finished_run import in_float32
from bottlenet_tf.export.parity import compare_logits, in_batches, require
from bottlenet_tf.export.tensorflow_files import written
from bottlenet_tf.export.unsplit import load_network, why_timing_only
from bottlenet_tf.runtime import routes, runtimes, unit_file, whole
from bottlenet_tf.runtime.whole_images import WholeImages


class Wholes:
    """The networks without a split of one export, each written once.

    Runs of one backbone share it, so it lies in `edge/` of the deployment:
    for one run beside the head, for several beside the runs' folders. Another
    network lies in the `edge/` of the first of its runs. The one in the
    deployment's `edge/`, with which devices answer, is served, too, unless it
    is good for timing alone.

    Args:
        config: `ExportConfig`.
        root: `pathlib.Path` of the deployment.
        repository: `triton.Repository`.

    Attributes:
        entries: List of what the manifest tells of each.
        served_version: Number of the served one; None if none is.
    """

    def __init__(self, config, root, repository):
        self.entries = []
        self.served_version = None
        self._repository = repository
        self._config = config
        self._root = root
        self._known = {}

    def add(self, run, edge, reference, training_images):
        """Writes and checks a run's network, unless that was done before.

        Args:
            run: `FinishedRun`.
            edge: `pathlib.Path` of the run's own `edge` folder.
            reference: `Reference` whose images it is compared on.
            training_images: Function that returns some, uint8 `(n, S, S, 3)`.

        Raises:
            UnsupportedGraphError, ParityError: as for the halves.
        """
        about, sha256 = _about(run), run.report.get("untouched_sha256")
        config = run.config
        key = json.dumps([about, sha256, config.backbone, config.preprocessing])
        if key not in self._known:
            folder = edge if self._known else self._root / "edge"
            parities = self._write(
                run, about, folder, reference, training_images
            )
            self._known[key] = {
                "folder": folder.relative_to(self._root).as_posix(),
                "models": [],
                "name": about["name"],
                "baseline_accuracy": run.report["baseline_accuracy"],
                "weights_sha256": sha256,
                "timing_only": about["timing_only"],
                "parity": [parity.values() for parity in parities],
            }
            self.entries.append(self._known[key])
        self._known[key]["models"].append(run.name)

    def _write(self, run, about, folder, reference, training_images):
        """Returns the list of `Parity` of the files written to a folder."""
        network = in_float32(load_network(run.workdir, run.report, run.model))
        part = whole.part_of(about["timing_only"])
        folder.mkdir(exist_ok=True)
        if not (folder / "bottlenet_tf").exists():
            device_files.copy_package(folder)
        kinds = {}
        if onnx_file.write(
            folder,
            part,
            lambda: onnx_graphs.whole_graph(network),
            self._config,
        ):
            kinds["onnx"] = "whole"
        for kind in self._config.litert:
            runtime = litert.KINDS[kind]
            file = runtimes.file_of(runtime, part)
            print(f"  {file}", flush=True)
            images = training_images() if kind == "int8" else None
            with written(f"{file}'s temporary files"):
                content = litert.whole_file(network, kind, images)
            (folder / file).write_bytes(content)
            kinds[runtime] = "whole" if kind == "float32" else f"whole_{kind}"
        files = [runtimes.file_of(runtime, part) for runtime in kinds]
        digests = {file: unit_file.file_sha256(folder / file) for file in files}
        write_json(folder / whole.NAME, {**about, "sha256": digests})
        side = about["image_size"]
        if self._config.tensorrt is not None:
            inputs = {"image": (1, 3, side, side)}
            trtexec.write(
                folder,
                trtexec.image_scripts(self._config.tensorrt, part, inputs),
            )
        predict = tf.function(lambda images: network(images, training=False))
        wanted = in_batches(
            lambda part: predict(part.astype(np.float32)).numpy(),
            reference.images,
        )
        parities = self._check(folder, kinds, reference, wanted)
        is_first = folder == self._root / "edge"
        if is_first and self._config.onnx and about["timing_only"] is None:
            parities.append(self._serve(folder, reference, wanted))
        return parities

    def _serve(self, edge, reference, wanted):
        """Writes the model of image files; returns its `Parity`."""
        name = self._config.image_model
        print(f"  triton/{name}", flush=True)
        identity = whole.identity(whole.read(edge / whole.NAME))
        self.served_version = routes.deployment_version([identity])
        folder = self._repository.add_whole(edge, self.served_version)
        served = WholeImages.load(folder, threads=self._config.server_threads)
        logits = in_batches(
            lambda part: served.answer(list(map(_png, part)), ["logits"])[
                "logits"
            ],
            reference.images,
        )
        parity = compare_logits(
            f"triton/{name}",
            "whole",
            logits,
            wanted,
            reference.labels,
            reference.task,
        )
        require(parity)
        return parity

    def _check(self, folder, kinds, reference, wanted):
        """Returns the list of `Parity`, an item for each runtime's file.

        Where only its times count, no answer is required.
        """
        parities = []
        for runtime, kind in kinds.items():
            loaded = whole.Whole.load(folder, runtime, for_timing=True)
            file = runtimes.file_of(runtime, loaded.about.part)
            logits = np.stack([loaded.logits(i) for i in reference.images])
            parities.append(
                compare_logits(
                    (folder / file).relative_to(self._root).as_posix(),
                    kind,
                    logits,
                    wanted,
                    reference.labels,
                    reference.task,
                )
            )
            if loaded.about.timing_only is None:
                require(parities[-1])
        return parities


def _png(pixels):
    """Returns an image file that holds these very pixels."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def _about(run):
    """Returns the content of `whole.json`, but for the files' SHA-256."""
    return {
        "format": whole.FORMAT,
        "name": pathlib.PurePath(run.config.backbone).name,
        "image_size": run.dataset.image_size,
        "resize": run.dataset.preprocessing.resize,
        "classes": list(run.dataset.class_names),
        "output": run.dataset.task.output,
        "timing_only": why_timing_only(run.workdir, run.report),
    }

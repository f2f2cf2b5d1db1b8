"""Networks without a split, written and checked like the halves."""

import dataclasses
import functools
import io
import json
import pathlib

import numpy as np
from PIL import Image

from bottlenet_tf.common import graphs
from bottlenet_tf.common.json_file import write_json
from bottlenet_tf.export import device_files, frozen, part_files
from bottlenet_tf.export.parity import compare_logits, in_batches, require
from bottlenet_tf.export.tolerances import WHOLE
from bottlenet_tf.export.unsplit import load_network, why_timing_only
from bottlenet_tf.models.precision import in_float32
from bottlenet_tf.runtime import routes, runtimes, unit_file, whole
from bottlenet_tf.runtime.whole_images import WholeImages


class Wholes:
    """The networks without a split of one export, each written once.

    Runs of one backbone share it. The first network is in `edge/` of the
    deployment, others in the `edge/` of the first of their runs. Devices answer
    with the first one, which is served, too, unless it is only for timing.

    Attributes:
        served_version: Number of the served one; None if none is.
    """

    def __init__(self, config, root, repository):
        self.served_version = None
        self._repository = repository
        self._config = config
        self._root = root
        self._entries = {}

    @property
    def entries(self):
        """List of the manifest's entries, one for each network."""
        return list(self._entries.values())

    def add(self, run, edge, reference, training_images):
        """Writes and checks a run's network, unless already done."""
        about, sha256 = _about(run), run.report["untouched_sha256"]
        config = run.config
        key = json.dumps([about, sha256, config.backbone, config.preprocessing])
        if key not in self._entries:
            folder = edge if self._entries else self._root / "edge"
            parities = self._write(
                run, about, folder, reference, training_images
            )
            self._entries[key] = {
                "folder": folder.relative_to(self._root).as_posix(),
                "models": [],
                "name": about["name"],
                "baseline_accuracy": run.report["baseline_accuracy"],
                "weights_sha256": sha256,
                "timing_only": about["timing_only"],
                "parity": [dataclasses.asdict(parity) for parity in parities],
            }
        self._entries[key]["models"].append(run.name)

    def _write(self, run, about, folder, reference, training_images):
        """Returns the list of `Parity` of the files written to a folder."""
        network = in_float32(load_network(run.workdir, run.report, run.model))
        answers = about["timing_only"] is None
        name = whole.part_of(about["timing_only"])
        folder.mkdir(exist_ok=True)
        if not (folder / "bottlenet_tf").exists():
            device_files.copy_package(folder)
        part, config = frozen.network(network), self._config
        written = {
            runtime: folder / runtimes.file_of(runtime, name)
            for runtime in part_files.write(
                folder, name, part, config, training_images
            )
        }
        digests = {f.name: unit_file.file_sha256(f) for f in written.values()}
        write_json(folder / whole.NAME, {**about, "sha256": digests})

        images = reference.images
        predict = graphs.function(
            lambda images: network(images, training=False)
        )
        compare = functools.partial(
            compare_logits,
            wanted=in_batches(
                lambda some: predict(some.astype(np.float32)).numpy(), images
            ),
            labels=reference.labels,
            task=reference.task,
        )
        parities = []
        for runtime, file in written.items():
            loaded = whole.Whole.load(folder, runtime, for_timing=True)
            logits = np.stack([loaded.logits(image) for image in images])
            artefact = file.relative_to(self._root).as_posix()
            parities.append(compare(artefact, WHOLE[runtime], logits))
        if answers and config.onnx and folder == self._root / "edge":
            artefact = f"triton/{config.image_model}"
            logits = self._serve(folder, images)
            parities.append(compare(artefact, WHOLE["onnx"], logits))
        for parity in parities if answers else ():
            require(parity)
        return parities

    def _serve(self, edge, images):
        """Writes the model of image files; returns its logits."""
        print(f"  triton/{self._config.image_model}", flush=True)
        identity = whole.identity(whole.read(edge / whole.NAME))
        self.served_version = routes.deployment_version([identity])
        folder = self._repository.add_whole(edge, self.served_version)
        served = WholeImages.load(folder, threads=self._config.server_threads)

        def answer(some):
            files = [_png(image) for image in some]
            return served.answer(files, ["logits"])["logits"]

        return in_batches(answer, images)


def _png(pixels):
    """Returns an image file with exactly these pixels."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def _about(run):
    """Returns the content of `whole.json`, without the files' SHA-256."""
    return {
        "format": whole.FORMAT,
        "name": pathlib.PurePath(run.config.backbone).name,
        "image_size": run.dataset.image_size,
        "resize": run.dataset.preprocessing.resize,
        "classes": list(run.dataset.class_names),
        "output": run.dataset.task.output,
        "timing_only": why_timing_only(run.workdir, run.report),
    }

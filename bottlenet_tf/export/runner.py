"""A whole export: runs in, one deployment folder out, checked on the way."""

import dataclasses
import functools

import numpy as np
import onnx
import tensorflow as tf

from bottlenet_tf import evaluation
from bottlenet_tf.export import (
    device_files,
    litert,
    onnx_graphs,
    saved_model,
    staging,
    tensorrt,
    triton,
    trtexec,
)
from bottlenet_tf.export.deployment import Deployment
from bottlenet_tf.export.finished_run import load_run
from bottlenet_tf.export.manifest import measured, network_facts, parity_table
from bottlenet_tf.export.pack import load_pack, swap
from bottlenet_tf.export.parity import Reference, require
from bottlenet_tf.export.tensorflow_files import written
from bottlenet_tf.export.whole import Wholes
from bottlenet_tf.json_file import write_json
from bottlenet_tf.run_folders import find_runs
from bottlenet_tf.runtime import gains, runtimes, unit_file
from bottlenet_tf.runtime.cloud import Tail
from bottlenet_tf.runtime.edge import Head
from bottlenet_tf.runtime.tails import OUTPUTS, Tails
from bottlenet_tf.validation import check

_CALIBRATION_IMAGES = 100


def run(config):
    """Exports finished runs to one deployment folder.

    One run becomes `edge/` and `cloud/`; several become a folder each, with
    one `cloud/serving`, one model in `cloud/triton` and one network without a
    split for all. The folder appears once everything in it has been run in its
    own runtime and agreed with the Keras model.

    Args:
        config: `ExportConfig`.

    Returns:
        The manifest, as written to `manifest.json`.

    Raises:
        ValueError: for a folder that is no finished run, an output folder
            that isn't free, or a pack of another network.
        OSError: if something can't be written.
        TagCollisionError: if payloads of two runs couldn't be told apart.
        UnsupportedGraphError: if the target would refuse a graph.
        ParityError: if an artefact disagrees with the Keras model.
    """
    staging.check_free(config.out)
    workdirs = find_runs(config.workdir)
    unit = None
    if config.pack is not None:
        check(
            len(workdirs) == 1,
            "--pack is for the one run that it was made from.",
            pack=config.pack,
            runs=[str(workdir) for workdir in workdirs],
        )
        unit = load_pack(config.pack)
        check(
            unit.adapted is not None,
            "--pack takes a pack of bottlenet-adapt; a unit that was sampled "
            "is exported from its own folder.",
            pack=config.pack,
        )
    with staging.staged(config.out) as folder:
        models, wholes = [], Wholes(config, folder)
        deployment = Deployment(config, folder)
        for i, workdir in enumerate(workdirs, 1):
            print(f"[{i}/{len(workdirs)}] {workdir}", flush=True)
            finished = load_run(workdir)
            if unit is not None:
                finished = dataclasses.replace(
                    finished,
                    model=swap(finished.model, unit),
                    adapted=unit.adapted,
                )
            deployment.add(finished)
            export = _Export(config, finished, folder, len(workdirs))
            models.append(export.write(wholes, deployment.repository))
            tf.keras.backend.clear_session()
        manifest = deployment.finish(models, wholes.entries)
    print(f"\n{parity_table(models, wholes.entries)}\n")
    print(f"Deployment: {config.out}")
    return manifest


class _Export:
    """One run on its way into the deployment folder."""

    def __init__(self, config, run, root, num_runs):
        self.config = config
        self.run = run
        self.root = root
        self.folder = root / run.name if num_runs > 1 else root
        self.edge = self.folder / "edge"
        self.cloud = self.folder / "cloud"
        self.parities = []

    def write(self, wholes, repository):
        """Writes and checks everything; returns the model's manifest."""
        model, name = self.run.model, self.run.name
        for folder in (self.edge, self.cloud):
            folder.mkdir(parents=True, exist_ok=True)
            self._write_unit(folder)
        device_files.copy_program(self.edge)
        labels = "".join(f"{name}\n" for name in self.run.dataset.class_names)
        (self.cloud / "labels.txt").write_text(labels, encoding="utf-8")
        reference = Reference(model, *self._parity_images())
        self._write_head(reference)
        self._write_tail(reference)
        served = self.root / "cloud" / "serving" / name / "1"
        self._step("serving")
        saved_model.write_saved_model(
            model,
            self.run.dataset.class_names,
            served,
            name,
            reference.payloads[: max(saved_model.WARMUP_BATCHES)],
            self.config.max_batch,
        )
        signature = tf.saved_model.load(str(served)).signatures[
            "serving_default"
        ]
        self._check_served(
            reference,
            f"serving/{name}",
            lambda payloads: {
                key: output.numpy()
                for key, output in signature(
                    payload=tf.constant(payloads)
                ).items()
            },
        )
        self._write_triton(reference, repository)
        self._write_scripts()
        wholes.add(
            self.run, self.edge, reference, lambda: self._training_images
        )
        return {
            "name": name,
            "unit": self._unit(),
            "run": measured(self.run.report),
            "network": network_facts(model),
            "adapted": self.run.adapted,
            "parity": [parity.values() for parity in self.parities],
        }

    def _write_head(self, reference):
        model = self.run.model
        if model.unit.takes_point:
            np.save(self.edge / gains.NAME, model.unit.gains())
        self._step("head.onnx")
        graph = onnx_graphs.head_graph(model)
        tensorrt.require_supported(graph, self.config.target)
        onnx.save(graph, self.edge / "head.onnx")
        self._write_unit(self.edge)
        self._check_head(reference, "head.onnx", "onnx", "onnx")
        for kind in self.config.litert:
            runtime = litert.KINDS[kind]
            file = runtimes.file_of(runtime)
            images = self._training_images if kind == "int8" else None
            self._step(file)
            with written(f"{file}'s temporary files"):
                content = litert.head_file(model, kind, images)
            (self.edge / file).write_bytes(content)
            self._write_unit(self.edge)
            self._check_head(reference, file, kind, runtime)

    def _write_tail(self, reference):
        self._step("tail.onnx")
        graph = onnx_graphs.tail_graph(self.run.model)
        tensorrt.require_supported(graph, self.config.target)
        onnx.save(graph, self.cloud / "tail.onnx")
        self._write_unit(self.cloud)
        tail = Tail.load(self.cloud, max_batch=self.config.max_batch)
        logits = tail.logits(reference.payloads)
        self._check(reference.compare_tail("tail.onnx", logits))

    def _write_triton(self, reference, repository):
        self._step("triton")
        name, config = self.run.name, self.config
        copy = repository.add(name, self.cloud)
        tail = Tail.load(copy, "cpu", config.server_threads, config.max_batch)
        tails = Tails({name: tail})

        def serve(payloads):
            found = tails.answer(payloads, triton.CHECKED)
            return {
                key: rows[:, 0] if OUTPUTS[key][1] == 1 else rows
                for key, rows in found.items()
            }

        self._check_served(reference, f"triton/{name}", serve)

    def _write_scripts(self):
        unit = self._unit()
        side, shape = unit["image_size"], tuple(unit["code_shape"])
        if len(shape) == 3:
            shape = (shape[2], *shape[:2])
        head_inputs = {"image": (1, 3, side, side)}
        tail_inputs = {"codes": shape}
        if unit["sends_range"]:
            tail_inputs["range"] = (2,)
        if unit["takes_point"]:
            tail_inputs["point"] = ()
        scripts = trtexec.build_scripts(
            self.config.target, head_inputs, tail_inputs, self.config.max_batch
        )
        for part, folder in (("head", self.edge), ("tail", self.cloud)):
            trtexec.write(
                folder, {n: text for n, text in scripts.items() if part in n}
            )

    def _check_head(self, reference, file, kind, runtime):
        head = Head.load(self.edge, runtime=runtime)
        self._check(reference.compare_head(file, kind, head))

    def _check_served(self, reference, artefact, serve):
        names = self.run.dataset.class_names
        self._check(reference.compare_served(artefact, serve, names))

    def _write_unit(self, folder):
        """Writes unit.json, which tells the files beside it by SHA-256."""
        files = sorted(
            path
            for path in folder.iterdir()
            if path.suffix in (".onnx", ".tflite", ".npy")
        )
        digests = {p.name: unit_file.file_sha256(p) for p in files}
        write_json(folder / unit_file.NAME, {**self._unit(), "sha256": digests})

    def _check(self, parities):
        for parity in parities:
            require(parity)
        self.parities += parities

    def _step(self, what):
        print(f"  {what}", flush=True)

    def _unit(self):
        """Returns the content of `unit.json`."""
        model, dataset = self.run.model, self.run.dataset
        message = evaluation.payload_format(model)
        return {
            "format": unit_file.FORMAT,
            "name": self.run.name,
            "unit_id": message.unit_id,
            "code_shape": list(message.shape),
            "sends_range": message.sends_range,
            "codec": {
                "name": message.codec.name,
                "config": message.codec.get_config(),
            },
            "codec_sha256": unit_file.codec_sha256(message),
            "points": list(message.points),
            "default_point": model.unit.default_point,
            "takes_point": model.unit.takes_point,
            "image_size": dataset.image_size,
            "resize": dataset.preprocessing.resize,
            "classes": list(dataset.class_names),
        }

    def _parity_images(self):
        few = self.run.dataset.development.limit(self.config.parity_images)
        images, labels = next(iter(few.guard(few.batches(len(few)))))
        return images.numpy(), labels.numpy()

    @functools.cached_property
    def _training_images(self):
        dataset = self.run.dataset
        count = min(_CALIBRATION_IMAGES, dataset.num_train)
        batches = dataset.train_batches(count, epoch=0, augment=False)
        return next(iter(dataset.train.guard(batches)))[0].numpy()

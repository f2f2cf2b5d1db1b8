"""The files of one run in a deployment: written, then checked in use."""

import functools

import numpy as np
import tensorflow as tf

from bottlenet_tf import evaluation
from bottlenet_tf.common.json_file import write_json
from bottlenet_tf.export import (
    device_files,
    litert,
    onnx_file,
    onnx_graphs,
    saved_model,
    segments,
    triton,
    trtexec,
)
from bottlenet_tf.export.manifest import measured, network_facts
from bottlenet_tf.export.parity import Reference, require
from bottlenet_tf.export.tensorflow_files import written
from bottlenet_tf.runtime import gains, runtimes, unit_file
from bottlenet_tf.runtime.answers import OUTPUTS
from bottlenet_tf.runtime.cloud import Tail
from bottlenet_tf.runtime.edge import Head
from bottlenet_tf.runtime.tails import Tails

_CALIBRATION_IMAGES = 100


class RunFiles:
    """One run on its way into the deployment folder.

    Args:
        config: `ExportConfig`.
        run: `FinishedRun`.
        root: `pathlib.Path` of the deployment.
        num_runs: How many runs it is of.
        chain: `segments.Chain` of the runs whose network this one shares, or
            None.
    """

    def __init__(self, config, run, root, num_runs, chain):
        self.chain = chain
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
        task = self.run.dataset.task
        reference = Reference(model, *self._parity_images(), task)
        if self.chain is not None and self.chain.source == name:
            segments.write(
                self.chain,
                model.prefix,
                self.root / "edge",
                self.config,
                lambda: self._training_images,
            )
        self._write_head(reference)
        if self.config.onnx:
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
            task,
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
        if self.config.onnx:
            self._write_triton(reference, repository)
        if self.config.tensorrt is not None:
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
        """Writes the device's half, or what of it is this unit's own."""
        model, part = self.run.model, self._part
        if model.unit.takes_point:
            np.save(self.edge / gains.NAME, model.unit.gains())
        make = (
            onnx_graphs.encoder_graph if self.chain else onnx_graphs.head_graph
        )
        if onnx_file.write(self.edge, part, lambda: make(model), self.config):
            self._write_unit(self.edge)
            self._check_head(reference, f"{part}.onnx", "onnx", "onnx")
        for kind in self.config.litert:
            runtime = litert.KINDS[kind]
            file = runtimes.file_of(runtime, part)
            self._step(file)
            with written(f"{file}'s temporary files"):
                content = self._litert_file(kind)
            (self.edge / file).write_bytes(content)
            self._write_unit(self.edge)
            self._check_head(reference, file, kind, runtime)

    def _litert_file(self, kind):
        if self.chain:
            return litert.encoder_file(self.run.model, kind)
        images = self._training_images if kind == "int8" else None
        return litert.head_file(self.run.model, kind, images)

    @property
    def _part(self):
        return "encoder" if self.chain else "head"

    def _write_tail(self, reference):
        onnx_file.write(
            self.cloud,
            "tail",
            lambda: onnx_graphs.tail_graph(self.run.model),
            self.config,
        )
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
            self.config.tensorrt,
            head_inputs,
            tail_inputs,
            self.config.max_batch,
        )
        if self.chain:
            _, height, width, channels = self.run.model.prefix.output_shape
            scripts |= trtexec.image_scripts(
                self.config.tensorrt,
                "encoder",
                {"feature": (1, channels, height, width)},
            )
        for part, folder in ((self._part, self.edge), ("tail", self.cloud)):
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
        if folder == self.edge:
            shared = self._segments()
            digests |= segments.digests(self.root / "edge", shared)
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
            "output": dataset.task.output,
            "segments": self._segments(),
        }

    def _segments(self):
        return self.chain.segments(self.run.name) if self.chain else []

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

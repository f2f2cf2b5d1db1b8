"""The files of one run in a deployment: written, then run and checked."""

import dataclasses
import functools

import numpy as np
import tensorflow as tf

from bottlenet_tf import evaluation
from bottlenet_tf.common.json_file import write_json
from bottlenet_tf.export import (
    device_files,
    frozen,
    part_files,
    saved_model,
    segments,
)
from bottlenet_tf.export.manifest import measured, network_facts
from bottlenet_tf.export.parity import Reference, require
from bottlenet_tf.export.tolerances import HEAD
from bottlenet_tf.runtime import gains, runtimes, unit_file
from bottlenet_tf.runtime.answers import OUTPUTS
from bottlenet_tf.runtime.cloud import Tail
from bottlenet_tf.runtime.edge import Head
from bottlenet_tf.runtime.tails import Tails

_CALIBRATION_IMAGES = 100


class RunFiles:
    """Writes one run to the deployment folder."""

    def __init__(self, config, run, root, num_runs, chain):
        self.chain = chain
        self.config = config
        self.run = run
        self.root = root
        self.folder = root / run.name if num_runs > 1 else root
        self.edge = self.folder / "edge"
        self.cloud = self.folder / "cloud"
        self.parities = []
        self.training_images = functools.cache(
            lambda: _training_images(run.dataset)
        )

    def write(self, wholes, repository):
        """Writes and checks everything; returns the model's manifest."""
        run, config = self.run, self.config
        model, name, dataset = run.model, run.name, run.dataset
        for folder in (self.edge, self.cloud):
            folder.mkdir(parents=True, exist_ok=True)
            self._write_unit(folder)
        device_files.copy_program(self.edge)
        labels = "".join(f"{name}\n" for name in dataset.class_names)
        (self.cloud / "labels.txt").write_text(labels, encoding="utf-8")
        reference = Reference(model, *self._parity_images(), dataset.task)
        if self.chain is not None and self.chain.source == name:
            edge = self.root / "edge"
            segments.write(
                self.chain, model.prefix, edge, config, self.training_images
            )
        self._write_head(reference)
        if config.onnx:
            self._write_tail(reference)
        self._write_saved_model(reference)
        if config.onnx:
            self._write_triton(reference, repository)
        wholes.add(run, self.edge, reference, self.training_images)
        return {
            "name": name,
            "unit": self._unit(),
            "run": measured(run.report),
            "network": network_facts(model),
            "adapted": run.adapted,
            "parity": [dataclasses.asdict(parity) for parity in self.parities],
        }

    def _write_head(self, reference):
        """Writes the device's half, or this unit's own part of it."""
        model = self.run.model
        if model.unit.takes_point:
            np.save(self.edge / gains.NAME, model.unit.gains())
        name, part, samples = "head", frozen.head, self.training_images
        if self.chain:
            # The unit's layers stay in float32.
            name, part, samples = "encoder", frozen.encoder, None
        for runtime in part_files.write(
            self.edge, name, part(model), self.config, samples
        ):
            self._write_unit(self.edge)
            head = Head.load(self.edge, runtime=runtime)
            file = runtimes.file_of(runtime, name)
            self._check(reference.compare_head(file, HEAD[runtime], head))

    def _write_tail(self, reference):
        part = frozen.tail(self.run.model)
        part_files.write_onnx(self.cloud, "tail", part, self.config)
        self._write_unit(self.cloud)
        tail = Tail.load(self.cloud, max_batch=self.config.max_batch)
        logits = tail.logits(reference.payloads)
        self._check(reference.compare_tail("tail.onnx", logits))

    def _write_saved_model(self, reference):
        name, dataset = self.run.name, self.run.dataset
        print("  serving", flush=True)
        folder = self.root / "cloud" / "serving" / name / "1"
        saved_model.write_saved_model(
            self.run.model,
            dataset.class_names,
            folder,
            name,
            reference.payloads[: max(saved_model.WARMUP_BATCHES)],
            self.config.max_batch,
            dataset.task,
        )
        loaded = tf.saved_model.load(str(folder))
        signature = loaded.signatures[saved_model.SIGNATURE]

        def serve(payloads):
            found = signature(payload=tf.constant(payloads))
            return {key: values.numpy() for key, values in found.items()}

        self._check_served(reference, f"serving/{name}", serve)

    def _write_triton(self, reference, repository):
        name, config = self.run.name, self.config
        print("  triton", flush=True)
        copy = repository.add(name, self.cloud)
        tail = Tail.load(copy, "cpu", config.server_threads, config.max_batch)
        tails = Tails({name: tail})

        def serve(payloads):
            found = tails.answer(payloads, saved_model.OUTPUTS)
            return {
                key: rows[:, 0] if OUTPUTS[key][1] == 1 else rows
                for key, rows in found.items()
            }

        self._check_served(reference, f"triton/{name}", serve)

    def _check_served(self, reference, artefact, serve):
        names = self.run.dataset.class_names
        self._check(reference.compare_served(artefact, serve, names))

    def _write_unit(self, folder):
        """Writes unit.json, with the SHA-256 of the files next to it."""
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


def _training_images(dataset):
    """Returns some training images, uint8 `(n, S, S, 3)`."""
    count = min(_CALIBRATION_IMAGES, dataset.num_train)
    batches = dataset.train_batches(count, epoch=0, augment=False)
    return next(iter(dataset.train.guard(batches)))[0].numpy()

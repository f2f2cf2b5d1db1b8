"""All tails as one model of a Triton repository: payloads in, classes out.

In addition the unsplit network as another one, which takes image files.
"""

import pathlib
import shutil

import numpy as np
from google.protobuf import text_encoding

from bottlenet_tf.export.device_files import copy_package
from bottlenet_tf.runtime import (
    cloud,
    runtimes,
    triton_model,
    unit_file,
    whole,
)
from bottlenet_tf.runtime.answers import OUTPUTS

CONFIG = "config.pbtxt"
_TYPES = {
    np.uint8: "TYPE_UINT8",
    np.int32: "TYPE_INT32",
    np.uint32: "TYPE_UINT32",
    np.float32: "TYPE_FP32",
    object: "TYPE_STRING",
}


class Repository:
    """The model repository of one export, filled unit by unit.

    ```
    <folder>/<model>/config.pbtxt
    <folder>/<model>/<version>/model.py, bottlenet_tf/
    <folder>/<model>/<version>/units/<name>/tail.onnx, unit.json
    <folder>/<image_model>/config.pbtxt
    <folder>/<image_model>/<version>/model.py, bottlenet_tf/
    <folder>/<image_model>/<version>/whole/whole.onnx, whole.json
    ```

    One model contains all tails: a process for each would take 70 MB more, and
    couldn't put payloads of different units into one batch. The tails are
    copies, since a server's container often sees only the repository of a
    deployment.
    """

    def __init__(self, folder, config):
        self._config = config
        self._folder = pathlib.Path(folder)
        self._model = self._folder / config.served_name
        self._units = self._model / triton_model.UNITS

    def add(self, name, cloud_folder):
        """Copies `tail.onnx` and `unit.json` of a unit; returns the folder."""
        folder = self._units / name
        folder.mkdir(parents=True)
        for file in (cloud.FILE, unit_file.NAME):
            shutil.copy(pathlib.Path(cloud_folder) / file, folder / file)
        return folder

    def finish(self, version):
        """Completes the model of payloads; returns its version's folder."""
        folder = self._model / str(version)
        folder.mkdir()
        self._units.rename(folder / triton_model.UNITS)
        self._complete(folder, self._config.served_name)
        return folder

    def add_whole(self, edge, version):
        """Writes the model of image files; returns the network's folder."""
        name = self._config.image_model
        folder = self._folder / name / str(version)
        inside = folder / triton_model.WHOLE
        inside.mkdir(parents=True)
        for file in (runtimes.file_of("onnx", "whole"), whole.NAME):
            shutil.copy(pathlib.Path(edge) / file, inside / file)
        self._complete(folder, name)
        return inside

    def _complete(self, folder, name):
        """Writes a model's code and configuration."""
        shutil.copy(triton_model.__file__, folder / "model.py")
        copy_package(folder, compiled=True)
        (folder.parent / CONFIG).write_text(
            model_config(self._config, name), encoding="utf-8"
        )


def model_config(config, name):
    """Returns the text of `config.pbtxt`.

    It names neither units nor classes, so that versions of several exports can
    share it.
    """
    outputs = (
        _tensor("output", name, _TYPES[dtype], -1 if width is None else width)
        for name, (dtype, width) in OUTPUTS.items()
    )
    parameters = {
        "device": "cpu",
        "threads": config.server_threads,
        "queue_delay_us": config.queue_delay_us,
        "queue_size": config.queue_size,
        "queue_timeout_ms": config.queue_timeout_ms,
    }
    return (
        f"name: {_quoted(name)}\n"
        'backend: "python"\n'
        f"max_batch_size: {config.max_batch:d}\n"
        f"{_tensor('input', 'payload', 'TYPE_STRING', 1)}"
        + "".join(outputs)
        + "# A device asks for the version of its own deployment.\n"
        "version_policy { all { } }\n"
        "instance_group {\n  count: 1\n  kind: KIND_CPU\n}\n"
        "# device: cpu, cuda or tensorrt, where ONNX Runtime computes. The\n"
        "# model joins requests to batches itself, in its own queue.\n"
        + "".join(
            f"parameters {{\n  key: {_quoted(key)}\n"
            f"  value {{ string_value: {_quoted(str(value))} }}\n}}\n"
            for key, value in parameters.items()
        )
    )


def _tensor(kind, name, dtype, length):
    """Returns one tensor's entry; the batch dimension is implicit."""
    return (
        f"{kind} {{\n  name: {_quoted(name)}\n"
        f"  data_type: {dtype}\n  dims: {length:d}\n}}\n"
    )


def _quoted(text):
    """Returns a string in protobuf's text format."""
    return f'"{text_encoding.CEscape(text, as_utf8=True)}"'

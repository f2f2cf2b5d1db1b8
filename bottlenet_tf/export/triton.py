"""The tail as a model repository for Triton: payloads in, classes out."""

import pathlib
import shutil

from google.protobuf import text_encoding

from bottlenet_tf.export.device_files import copy_package
from bottlenet_tf.runtime import cloud, triton_model, unit_file

CONFIG = "config.pbtxt"
VERSION = "1"
# Long enough for requests that arrive together, short against a link.
_QUEUE_MICROSECONDS = 1000


def write_model(folder, cloud_folder, max_batch):
    """Writes one model of the repository, which needs no other file.

    ```
    <repository>/<name>/config.pbtxt
    <repository>/<name>/1/model.py, tail.onnx, unit.json, bottlenet_tf/
    ```

    The tail is a copy, since a repository is often all that a server's
    container sees of a deployment.

    Args:
        folder: `<repository>/<name>`; the model's name is the folder's.
        cloud_folder: Holds the deployment's `tail.onnx` and `unit.json`.
        max_batch: Most payloads to go through the network at once.

    Returns:
        The version folder, from which `Tail.load` opens the copy.
    """
    folder, cloud_folder = pathlib.Path(folder), pathlib.Path(cloud_folder)
    version = folder / VERSION
    version.mkdir(parents=True)
    for file in (cloud.FILE, unit_file.NAME):
        shutil.copy(cloud_folder / file, version / file)
    shutil.copy(triton_model.__file__, version / "model.py")
    copy_package(version)
    classes = unit_file.read(version / unit_file.NAME).classes
    (folder / CONFIG).write_text(
        model_config(folder.name, len(classes), max_batch), encoding="utf-8"
    )
    return version


def model_config(name, num_classes, max_batch):
    """Returns the text of `config.pbtxt`.

    Args:
        name: Of the model and its folder.
        num_classes: Length of the logits.
        max_batch: Most payloads to go through the network at once.
    """
    outputs = (
        ("logits", "TYPE_FP32", num_classes),
        ("probabilities", "TYPE_FP32", num_classes),
        ("classes", "TYPE_INT32", 1),
        ("labels", "TYPE_STRING", 1),
        ("status", "TYPE_STRING", 1),
    )
    return (
        f"name: {_quoted(name)}\n"
        'backend: "python"\n'
        f"max_batch_size: {max_batch:d}\n"
        f"{_tensor('input', 'payload', 'TYPE_STRING', 1)}"
        + "".join(_tensor("output", *output) for output in outputs)
        + "dynamic_batching {\n"
        f"  max_queue_delay_microseconds: {_QUEUE_MICROSECONDS}\n}}\n"
        # ONNX Runtime shares one copy's work among the cores.
        "instance_group {\n  count: 1\n  kind: KIND_CPU\n}\n"
        "# cpu, cuda or tensorrt: where ONNX Runtime computes.\n"
        'parameters {\n  key: "device"\n'
        '  value { string_value: "cpu" }\n}\n'
    )


def _tensor(kind, name, dtype, length):
    """Returns one tensor's entry; the batch dimension is understood."""
    return (
        f"{kind} {{\n  name: {_quoted(name)}\n"
        f"  data_type: {dtype}\n  dims: {length:d}\n}}\n"
    )


def _quoted(text):
    """Returns a string as protobuf's text format has it."""
    return f'"{text_encoding.CEscape(text, as_utf8=True)}"'

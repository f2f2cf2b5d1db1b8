"""A deployment on disk: one unit of two points, a network without a split."""

import json

import numpy as np
from onnx import helper

from bottlenet_tf.runtime import served, whole
from bottlenet_tf.runtime.unit_file import file_sha256
from tests.edge.stand_ins import UNIT_ID
from tests.runtime import conftest as tiny

WEIGHTS = np.array([[1, 0, 2], [0, 1, 0], [0, 0, -1]], np.float32) / 256
JPEG = {
    "codec": {"name": "jpeg", "config": {"quality": [96, 32]}},
    "points": [96, 32],
    "default_point": 0,
    "takes_point": True,
}


def write_deployment(folder, with_whole=True):
    """Writes a deployment of one tiny unit, `rb1`, with a network."""
    edge = folder / "edge"
    edge.mkdir(parents=True)
    content = tiny.unit_content(False, unit_id=UNIT_ID, name="rb1", **JPEG)
    (edge / "unit.json").write_text(json.dumps(content))
    tiny.save_head(edge / "head.onnx", False, takes_point=True)
    np.save(edge / "gains.npy", tiny.gains(JPEG["points"]))
    identity = served.of_units("tail", {"rb1": UNIT_ID})
    (edge / "served.json").write_text(json.dumps(identity.content()))
    if with_whole:
        write_whole(edge)
    return folder


def write_whole(edge):
    nodes = [
        helper.make_node("ReduceSum", ["image", "axes"], ["sums"], keepdims=0),
        helper.make_node("MatMul", ["sums", "w"], ["logits"]),
    ]
    constants = [("axes", np.array([2, 3], np.int64)), ("w", WEIGHTS)]
    tiny.save_graph(
        edge / "whole.onnx", nodes, {"image": (1, 3, 8, 8)},
        {"logits": (1, 3)}, constants,
    )  # fmt: skip
    content = {
        "format": whole.FORMAT,
        "name": "net",
        "image_size": 8,
        "resize": 8,
        "classes": tiny.CLASSES,
        "sha256": {"whole.onnx": file_sha256(edge / "whole.onnx")},
        "timing_only": None,
    }
    (edge / whole.NAME).write_text(json.dumps(content))

"""A deployment small enough to work out by hand.

Head: codes are a weighted sum of red, green and blue at every second pixel,
clipped and rounded; the range is what those sums span. Tail: logits are
weighted sums of all codes, plus the range's bounds. A unit may take an
operating point: the head's sums are then coefficients, the gain is a 64th of
the point, and the point is added to the logits.
"""

import json
import types

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

SIZE = 8
SHAPE = (4, 4, 2)
CLASSES = ["cat", "dog", "newt"]

# (channels, 3); binary fractions, so that every sum is exact in float32.
HEAD = np.array([[0.5, 0.25, 0.25], [1.5, -0.5, 0.0]], np.float32)
TAIL = np.random.RandomState(0).randint(-8, 8, (32, 3)).astype(np.float32) / 64


def head_sums(pixels, point=64):
    """The sums (4, 4, 2) that the tiny head makes of uint8 (8, 8, 3)."""
    sums = pixels[::2, ::2].astype(np.float32) @ HEAD.T
    return sums * np.float32(point / 64)


def head_codes(pixels, point=64):
    """The codes, uint8 (4, 4, 2), worked out without any engine."""
    return np.rint(np.clip(head_sums(pixels, point), 0, 255)).astype(np.uint8)


def head_range(pixels):
    """The range that travels: float16 bounds of the sums."""
    sums = head_sums(pixels)
    return float(np.float16(sums.min())), float(np.float16(sums.max()))


def gains(points):
    """The gains at each point, float32 (points, 4, 4, 2)."""
    return np.float32(points)[:, None, None, None] / 64 * np.ones(SHAPE, "f4")


def tail_logits(codes, code_range=None, point=0):
    """The logits (3,) of one image's codes, by the tail's own formula."""
    plane = codes.transpose(2, 0, 1).astype(np.float32)
    logits = plane.ravel() @ TAIL
    if code_range is not None:
        logits = logits + np.float32(sum(code_range))
    return logits + np.float32(point)


def save_graph(path, nodes, inputs, outputs, constants=()):
    """Writes an ONNX file of float tensors, as the export does."""
    graph = helper.make_graph(
        nodes,
        "tiny",
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in inputs.items()
        ],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in outputs.items()
        ],
        [numpy_helper.from_array(v, name) for name, v in constants],
    )
    opset = [helper.make_opsetid("", 13)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=7)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def save_head(path, sends_range, size=SIZE, weights=HEAD, takes_point=False):
    channels, side = len(weights), -(-size // 2)
    nodes = [helper.make_node("Conv", ["image", "w"], ["sums"], strides=[2, 2])]
    if takes_point:
        nodes.append(helper.make_node("Identity", ["sums"], ["coefficients"]))
    else:
        nodes += [
            helper.make_node("Clip", ["sums", "low", "high"], ["clipped"]),
            helper.make_node("Round", ["clipped"], ["codes"]),
        ]
    values = "coefficients" if takes_point else "codes"
    outputs = {values: (1, channels, side, side)}
    if sends_range:
        nodes += [
            helper.make_node("ReduceMin", ["sums"], ["least"], keepdims=0),
            helper.make_node("ReduceMax", ["sums"], ["most"], keepdims=0),
            helper.make_node("Reshape", ["least", "one"], ["a"]),
            helper.make_node("Reshape", ["most", "one"], ["b"]),
            helper.make_node("Concat", ["a", "b"], ["range"], axis=1),
        ]
        outputs["range"] = (1, 2)
    constants = [
        ("w", weights[:, :, None, None]),
        ("low", np.float32(0)),
        ("high", np.float32(255)),
        ("one", np.array([1, 1], np.int64)),
    ]
    save_graph(path, nodes, {"image": (1, 3, size, size)}, outputs, constants)


def save_tail(path, sends_range, batch="N", shape=SHAPE, takes_point=False):
    height, width, channels = shape
    nodes = [
        helper.make_node("Flatten", ["codes"], ["flat"]),
        helper.make_node("MatMul", ["flat", "w"], ["product"]),
    ]
    inputs = {"codes": (batch, channels, height, width)}
    if sends_range:
        inputs["range"] = (batch, 2)
        nodes += [
            helper.make_node(
                "ReduceSum", ["range", "axis"], ["sum"], keepdims=1
            ),
            helper.make_node("Add", ["product", "sum"], ["unmoved"]),
        ]
    else:
        nodes.append(helper.make_node("Identity", ["product"], ["unmoved"]))
    if takes_point:
        inputs["point"] = (batch,)
        nodes += [
            helper.make_node("Unsqueeze", ["point", "axis"], ["column"]),
            helper.make_node("Add", ["unmoved", "column"], ["logits"]),
        ]
    else:
        nodes.append(helper.make_node("Identity", ["unmoved"], ["logits"]))
    weights = np.resize(TAIL, (height * width * channels, 3))
    constants = [("w", weights), ("axis", np.array([1], np.int64))]
    save_graph(path, nodes, inputs, {"logits": (batch, 3)}, constants)


def unit_content(sends_range=True, **changes):
    """The content of unit.json."""
    content = {
        "format": "bottlenet_tf.unit.3",
        "name": "tiny",
        "unit_id": 1234,
        "code_shape": list(SHAPE),
        "sends_range": sends_range,
        "codec": {"name": "png", "config": {}},
        "points": [None],
        "default_point": 0,
        "takes_point": False,
        "image_size": SIZE,
        "resize": SIZE,
        "classes": CLASSES,
    }
    content.update(changes)
    return content


@pytest.fixture
def hand():
    """The formulas and writers above, for the tests to call."""
    return types.SimpleNamespace(
        head_codes=head_codes,
        head_range=head_range,
        head_sums=head_sums,
        tail_logits=tail_logits,
        save_graph=save_graph,
        save_head=save_head,
        save_tail=save_tail,
        unit_content=unit_content,
        gains=gains,
        HEAD=HEAD,
    )


@pytest.fixture
def deploy(tmp_path):
    """Writes a deployment and returns its folder."""

    def write(sends_range=True, **changes):
        folder = tmp_path / "deployment"
        content = unit_content(sends_range, **changes)
        for side in ("edge", "cloud"):
            (folder / side).mkdir(parents=True, exist_ok=True)
            (folder / side / "unit.json").write_text(json.dumps(content))
        takes = {"takes_point": content["takes_point"]}
        save_head(folder / "edge" / "head.onnx", sends_range, **takes)
        save_tail(folder / "cloud" / "tail.onnx", sends_range, **takes)
        if content["takes_point"]:
            np.save(folder / "edge" / "gains.npy", gains(content["points"]))
        return folder

    return write


@pytest.fixture
def qualities():
    """Changes to unit.json: JPEG at three qualities, which gains follow."""
    return {
        "codec": {"name": "jpeg", "config": {"quality": [96, 32, 64]}},
        "points": [96, 32, 64],
        "default_point": 2,
        "takes_point": True,
    }


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def pixels():
    """One image of the size that the tiny head takes."""
    return np.random.RandomState(1).randint(0, 256, (8, 8, 3)).astype(np.uint8)

"""Head and tail as ONNX: what is in the graphs, and what they compute."""

import collections

import numpy as np
import onnxruntime
import pytest

from bottlenet_tf.export.onnx_graphs import head_graph, tail_graph

IMAGES = np.random.RandomState(0).randint(0, 256, (3, 24, 24, 3), np.uint8)


@pytest.fixture(scope="module", params=["network", "learned_network"])
def model(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def head(model):
    return head_graph(model)


@pytest.fixture(scope="module")
def tail(model):
    return tail_graph(model)


def _values(values):
    return {
        value.name: [
            d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim
        ]
        for value in values
    }


def _session(graph):
    return onnxruntime.InferenceSession(
        graph.SerializeToString(), providers=["CPUExecutionProvider"]
    )


def _operators(graph):
    return collections.Counter(node.op_type for node in graph.graph.node)


def test_the_head_takes_one_image_and_gives_codes(model, head):
    height, width, channels = model.unit.code_shape
    assert _values(head.graph.input) == {"image": [1, 3, 24, 24]}
    outputs = {"codes": [1, channels, height, width]}
    if model.unit.quantizer.sends_range:
        outputs["range"] = [1, 2]
    assert _values(head.graph.output) == outputs


def test_the_tail_takes_n_images(model, tail):
    height, width, channels = model.unit.code_shape
    inputs = {"codes": ["N", channels, height, width]}
    if model.unit.quantizer.sends_range:
        inputs["range"] = ["N", 2]
    assert _values(tail.graph.input) == inputs
    assert _values(tail.graph.output) == {"logits": ["N", 7]}


def test_both_are_of_opset_13_and_ir_7(head, tail):
    for graph in (head, tail):
        assert [(o.domain, o.version) for o in graph.opset_import] == [("", 13)]
        assert graph.ir_version == 7


def test_nothing_avoidable_is_left(head, tail):
    for graph in (head, tail):
        found = set(_operators(graph))
        assert not found & {"BatchNormalization", "Equal", "Where", "Transpose"}
    assert _operators(tail)["Shape"] == 0


def test_the_head_gives_the_keras_models_codes(model, head):
    codes, code_range = model.encode(IMAGES)
    session = _session(head)
    for i, image in enumerate(IMAGES):
        feed = image[None].transpose(0, 3, 1, 2).astype(np.float32)
        found = session.run(None, {"image": feed})
        found_codes = found[0].transpose(0, 2, 3, 1)[0]
        apart = np.abs(found_codes - codes[i].numpy())
        # Sums in another order may move a value over the edge of a code.
        assert np.mean(apart > 1e-3) < 0.01
        assert apart.max() <= 255 / model.unit.quantizer.levels + 1
        if model.unit.quantizer.sends_range:
            np.testing.assert_array_equal(found[1][0], code_range[i].numpy())


def test_the_range_is_rounded_to_float16_in_the_graph(network):
    feed = IMAGES[:1].transpose(0, 3, 1, 2).astype(np.float32)
    _, found = _session(head_graph(network)).run(None, {"image": feed})
    np.testing.assert_array_equal(found, found.astype(np.float16))


def test_the_tail_gives_the_keras_models_logits_for_any_n(model, tail):
    codes, code_range = model.encode(IMAGES)
    wanted = model.decode(codes, code_range).numpy()
    session = _session(tail)
    for count in (1, 3):
        feed = {"codes": codes[:count].numpy().transpose(0, 3, 1, 2)}
        if model.unit.quantizer.sends_range:
            feed["range"] = code_range[:count].numpy()
        (logits,) = session.run(None, feed)
        np.testing.assert_allclose(logits, wanted[:count], atol=1e-4)

"""Head and tail as ONNX: what is in the graphs, and what they compute."""

import collections

import keras
import numpy as np
import onnxruntime
import pytest

from bottlenet_tf import backbones
from bottlenet_tf.config.run import UnitConfig
from bottlenet_tf.export import frozen, tensorrt
from bottlenet_tf.export.onnx_graphs import convert
from bottlenet_tf.export.unsplit import without_unit
from bottlenet_tf.models.bottlenet import build_bottlenet

IMAGES = np.random.RandomState(0).randint(0, 256, (3, 24, 24, 3), np.uint8)


@pytest.fixture(scope="module")
def caffe_network():
    """One that computes on BGR, as the paper's ResNet-50 does."""
    keras.utils.set_random_seed(0)
    backbone = backbones.create(
        "cifar_resnet20", image_size=24, num_classes=7, preprocessing="caffe"
    )
    return build_bottlenet(backbone, "RB1", UnitConfig(channels=3, quality=60))


@pytest.fixture(
    scope="module",
    params=["network", "learned_network", "keras_network", "caffe_network"],
)
def model(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def head(model):
    return convert(frozen.head(model))


@pytest.fixture(scope="module")
def tail(model):
    return convert(frozen.tail(model))


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
    if model.unit.sends_range:
        outputs["range"] = [1, 2]
    assert _values(head.graph.output) == outputs


def test_the_tail_takes_n_images(model, tail):
    height, width, channels = model.unit.code_shape
    inputs = {"codes": ["N", channels, height, width]}
    if model.unit.sends_range:
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
        assert not found & {"Shape", "Gather", "Identity"}


@pytest.mark.parametrize("target", tensorrt.TARGETS)
def test_every_target_takes_both(head, tail, target):
    for graph in (head, tail):
        tensorrt.require_supported(graph, target)


def test_an_operator_that_onnx_has_not_is_named():
    layers = keras.layers
    network = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Lambda(keras.ops.erfinv),
            layers.GlobalAveragePooling2D(),
        ]
    )
    with pytest.raises(ValueError, match="opset 13.*operators=Erfinv"):
        convert(frozen.network(network))


@pytest.mark.parametrize("approximate", [False, True])
def test_gelu_groups_and_layer_norms_are_translated(approximate):
    keras.utils.set_random_seed(0)
    network = keras.Sequential(
        [
            keras.Input((12, 12, 3)),
            keras.layers.Conv2D(8, 3),
            keras.layers.Lambda(lambda x: keras.ops.gelu(x, approximate)),
            keras.layers.Conv2D(8, 3, groups=4, strides=2, padding="same"),
            keras.layers.LayerNormalization(),
            keras.layers.Conv2D(8, 3, groups=8),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(3),
        ]
    )
    graph = convert(frozen.network(network))
    for target in tensorrt.TARGETS:
        tensorrt.require_supported(graph, target)
    image = np.random.RandomState(0).normal(size=(1, 12, 12, 3))
    image = image.astype(np.float32)
    (found,) = _session(graph).run(None, {"image": _channels_first(image)})
    np.testing.assert_allclose(found, network(image), rtol=1e-4, atol=1e-5)


def test_attention_is_translated():
    """tf2onnx takes its einsums apart; some shapes in them stay unknown."""
    keras.utils.set_random_seed(0)
    image = keras.Input((12, 12, 3))
    x = keras.layers.Conv2D(8, 4, strides=4)(image)
    tokens = keras.layers.Reshape((9, 8))(x)
    tokens += keras.layers.MultiHeadAttention(2, 4)(tokens, tokens)
    x = keras.layers.Reshape((3, 3, 8))(tokens)
    x = keras.layers.GlobalAveragePooling2D()(x)
    network = keras.Model(image, keras.layers.Dense(3)(x))
    images = np.random.RandomState(0).normal(size=(1, 12, 12, 3))
    images = images.astype(np.float32)
    session = _session(convert(frozen.network(network)))
    (found,) = session.run(None, {"image": _channels_first(images)})
    np.testing.assert_allclose(found, network(images), rtol=1e-4, atol=1e-5)


def test_other_inputs_than_named_are_refused(network):
    part = frozen.tail(network)._replace(inputs=["image"])
    with pytest.raises(ValueError, match="must be image alone.*'range:0'"):
        convert(part)


@pytest.mark.onednn
def test_the_head_gives_the_keras_models_codes(model, head):
    sent = model.encode(IMAGES)
    session = _session(head)
    for i, image in enumerate(IMAGES):
        feed = _channels_first(image[None].astype(np.float32))
        found = session.run(None, {"image": feed})
        found_codes = found[0].transpose(0, 2, 3, 1)[0]
        apart = np.abs(found_codes - sent["codes"][i].numpy())
        # Sums in another order may move a value over the edge of a code.
        assert np.mean(apart > 1e-3) < 0.01
        assert apart.max() <= 255 / model.unit.quantizer.levels + 1
        if model.unit.sends_range:
            np.testing.assert_array_equal(found[1][0], sent["range"][i].numpy())


def test_the_range_is_rounded_to_float16_in_the_graph(network):
    feed = np.random.RandomState(0).uniform(0, 255, (1, 3, 24, 24))
    feed = feed.astype(np.float32)
    _, found = _session(convert(frozen.head(network))).run(
        None, {"image": feed}
    )
    np.testing.assert_array_equal(found, found.astype(np.float16))


@pytest.mark.onednn
def test_the_tail_gives_the_keras_models_logits_for_any_n(model, tail):
    sent = model.encode(IMAGES)
    wanted = model.decode(sent).numpy()
    session = _session(tail)
    for count in (0, 1, 3):
        codes = sent["codes"][:count].numpy()
        feed = {"codes": codes.transpose(0, 3, 1, 2)}
        if model.unit.sends_range:
            feed["range"] = sent["range"][:count].numpy()
        (logits,) = session.run(None, feed)
        np.testing.assert_allclose(logits, wanted[:count], rtol=1e-5, atol=1e-4)


def _channels_first(array):
    return array.transpose(0, 3, 1, 2) if array.ndim == 4 else array


@pytest.mark.onednn
def test_the_operating_point_is_an_input_of_the_tail_alone(point_network):
    graphs = (
        convert(frozen.head(point_network)),
        convert(frozen.tail(point_network)),
    )
    shape = point_network.unit.code_shape
    shape = [shape[0]] if len(shape) == 1 else [shape[2], *shape[:2]]
    head, tail = (_values(graph.graph.input) for graph in graphs)
    assert head == {"image": [1, 3, 24, 24]}
    assert tail == {"codes": ["N", *shape], "point": ["N"]}
    assert _values(graphs[0].graph.output) == {"coefficients": [1, *shape]}
    for target in tensorrt.TARGETS:
        for graph in graphs:
            tensorrt.require_supported(graph, target)

    unit = point_network.unit
    points = np.float32(unit.points)
    sent = point_network.encode(IMAGES, points)
    wanted = _channels_first(sent["codes"].numpy())
    gains = _channels_first(unit.gains())
    session = _session(graphs[0])
    for i, image in enumerate(IMAGES):
        feed = {"image": _channels_first(image[None].astype(np.float32))}
        (coefficients,) = session.run(None, feed)
        codes = np.rint(coefficients[0] * gains[i])
        codes = codes if unit.signed else np.clip(codes, 0, 255)
        # Sums in another order may move a value over the edge of a code.
        assert np.mean(np.abs(codes - wanted[i]) > 1e-3) < 0.01
        assert np.abs(codes - wanted[i]).max() <= 1
    # A batch that mixes all points.
    (logits,) = _session(graphs[1]).run(
        None, {"codes": wanted, "point": points}
    )
    want = point_network.decode(sent, points)
    np.testing.assert_allclose(logits, want, rtol=1e-5, atol=1e-4)


@pytest.fixture(
    scope="module", params=["network", "keras_network", "caffe_network"]
)
def unsplit(request):
    return without_unit(request.getfixturevalue(request.param))


@pytest.fixture(scope="module")
def whole(unsplit):
    return convert(frozen.network(unsplit))


def test_the_whole_network_gives_the_keras_models_logits(unsplit, whole):
    assert _values(whole.graph.output) == {"logits": [1, 7]}
    wanted = unsplit(IMAGES.astype(np.float32))
    session = _session(whole)
    for image, logits in zip(IMAGES, wanted, strict=True):
        feed = _channels_first(image[None].astype(np.float32))
        (found,) = session.run(None, {"image": feed})
        np.testing.assert_allclose(found[0], logits, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("target", tensorrt.TARGETS)
def test_every_target_takes_the_whole_network(whole, target):
    tensorrt.require_supported(whole, target)
    assert not set(_operators(whole)) & {"Transpose", "BatchNormalization"}

"""Tests of the multiply-accumulate counter."""

import logging

import keras
import pytest
from keras import layers

from bottlenet_tf.backbones.macs import count_macs
from bottlenet_tf.layers import (
    BottleneckUnit,
    ChannelReduction,
    ChannelRestoration,
    SpatialReduction,
    SpatialRestoration,
)
from bottlenet_tf.models.bottlenet import BottleNet


def one_layer(layer, shape=(8, 8, 6)):
    return keras.Sequential([keras.Input(shape), layer])


# By hand, on 8 x 8 x 6: output positions x kernel area x cin x cout.
@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (layers.Conv2D(10, 3, padding="same"), 64 * 9 * 6 * 10),
        (layers.Conv2D(10, 3), 36 * 9 * 6 * 10),
        (layers.Conv2D(10, 3, strides=2, padding="same"), 16 * 9 * 6 * 10),
        (layers.Conv2D(10, 3, groups=2), 36 * 9 * 3 * 10),
        (layers.Conv2D(10, 3, dilation_rate=2), 16 * 9 * 6 * 10),
        (layers.DepthwiseConv2D(3, padding="same"), 64 * 9 * 6),
        (layers.DepthwiseConv2D(3, depth_multiplier=2), 36 * 9 * 6 * 2),
        (layers.SeparableConv2D(10, 3), 36 * (9 * 6 + 6 * 10)),
        (
            layers.Conv2DTranspose(10, 4, strides=2, padding="same"),
            64 * 16 * 6 * 10,
        ),
        (layers.Dense(5), 64 * 6 * 5),
        (layers.EinsumDense("...d,de->...e", 5), 64 * 6 * 5),
        (layers.SpectralNormalization(layers.Conv2D(10, 3)), 36 * 9 * 6 * 10),
        (layers.BatchNormalization(), 0),
        (layers.MaxPooling2D(2), 0),
    ],
)
def test_count_matches_hand_worked_example(layer, expected):
    assert count_macs(one_layer(layer)) == expected


# On 8 x 8 x 6, with padding "same" and a transposed kernel of 4 x 4.
OURS = {
    "channel": (lambda: ChannelReduction(2), 64 * 6 * 2),
    "spatial": (lambda: SpatialReduction(2, 2), 16 * 9 * 6 * 2),
    "restored channel": (lambda: ChannelRestoration(10), 64 * 6 * 10),
    "restored spatial": (
        lambda: SpatialRestoration(5, 2, (15, 16)),
        64 * 16 * 6 * 5,
    ),
    # 6 channels to 2, 8 x 8 to 4 x 4; back by 4 x 4 taps, and to 6 channels.
    "unit": (
        lambda: BottleneckUnit(2),
        64 * 6 * 2 + 16 * 9 * 2 * 2 + 16 * 16 * 2 * 2 + 64 * 2 * 6,
    ),
}


@pytest.mark.parametrize(("make", "expected"), OURS.values(), ids=OURS)
@pytest.mark.parametrize("nested", [False, True])
def test_our_own_layers_count_wherever_they_stand(
    make, expected, nested, tmp_path, caplog
):
    model = one_layer(make())
    if nested:
        model = one_layer(model)
    assert count_macs(model) == expected
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert count_macs(loaded) == expected
    assert not caplog.records


@pytest.mark.parametrize("shape", [(8, 8, 6), (None, 8, 8, 6)])
def test_our_own_layers_take_a_shape_with_or_without_the_batch(shape):
    make, expected = OURS["unit"]
    unit = make()
    unit.build((None, 8, 8, 6))
    assert unit.macs(shape) == expected
    assert unit.device_macs(shape) + unit.cloud_macs() == expected
    make, expected = OURS["spatial"]
    assert make().macs(shape) == expected


@pytest.fixture(params=["per_image", "learned"])
def split_network(request):
    """A split network, and the multiply-accumulates of its two sides."""
    image, feature = keras.Input((16, 16, 3)), keras.Input((8, 8, 6))
    x = layers.Conv2D(6, 3, 2, padding="same")(image)
    y = layers.Dense(5)(layers.GlobalAveragePooling2D()(feature))
    unit = BottleneckUnit(2, quantizer=request.param)
    network = BottleNet(keras.Model(image, x), unit, keras.Model(feature, y))
    device = 64 * 9 * 3 * 6 + 64 * 6 * 2 + 16 * 9 * 2 * 2
    cloud = 16 * 16 * 2 * 2 + 64 * 2 * 6 + 6 * 5
    return network, device, cloud


@pytest.mark.parametrize("loaded", [False, True])
def test_a_split_network_and_its_halves_count(
    split_network, loaded, tmp_path, caplog
):
    network, device, cloud = split_network
    parts = [network, network.head, network.tail]
    if loaded:
        for i, part in enumerate(parts):
            part.save(tmp_path / f"{i}.keras")
            parts[i] = keras.saving.load_model(tmp_path / f"{i}.keras")
    assert [count_macs(part) for part in parts] == [
        device + cloud,
        device,
        cloud,
    ]
    assert parts[0].macs()[:2] == (device, cloud)
    assert not caplog.records


def test_a_split_network_inside_of_another_model_counts(split_network):
    network, device, cloud = split_network
    image = keras.Input((16, 16, 3))
    assert count_macs(keras.Model(image, network(image))) == device + cloud
    tail = network.tail
    inputs = {
        name: keras.Input(tensor.shape[1:], name=name)
        for name, tensor in tail.input.items()
    }
    assert count_macs(keras.Model(inputs, tail(inputs))) == cloud


def test_an_unknown_layer_beside_our_own_is_warned_about(caplog):
    model = keras.Sequential(
        [keras.Input((8, 8, 6)), ChannelReduction(6), _Composite(name="odd")]
    )
    assert count_macs(model) == 64 * 6 * 6
    assert "layers: odd." in caplog.text


class _Counting(layers.Layer):
    def call(self, x):
        return x

    def macs(self, input_shape):
        return 100 * input_shape[-1]


class _Composite(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(6)

    def build(self, input_shape):
        self.dense.build(input_shape)

    def call(self, x):
        return self.dense(x)


def attention(name):
    image = keras.Input((8, 8, 6))
    layer = layers.MultiHeadAttention(2, 3, name=name)
    return keras.Model(image, layer(image, image))


@pytest.mark.parametrize(
    "model",
    [
        one_layer(layers.TimeDistributed(layers.Dense(2), name="odd")),
        attention("odd"),
        one_layer(_Composite(name="odd")),
        one_layer(one_layer(_Composite(name="odd"))),
    ],
    ids=["wrapper", "attention", "composite", "nested"],
)
def test_a_layer_of_an_unknown_kind_is_warned_about_once(model, caplog):
    assert (count_macs(model), count_macs(model)) == (0, 0)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "layers: odd." in caplog.text


@pytest.mark.parametrize(
    "layer",
    [
        layers.Conv2D(4, 3),
        _Counting(),
        layers.PReLU(),
        layers.LayerNormalization(axis=(1, 2, 3)),
        layers.GroupNormalization(2),
    ],
)
def test_known_layers_are_not_warned_about(layer, caplog):
    count_macs(one_layer(layer))
    assert not caplog.records


def test_a_layer_that_counts_itself_is_believed():
    assert count_macs(one_layer(_Counting())) == 600


@pytest.mark.parametrize("shape", [(8, 8, 6), (None, None, 6)])
def test_a_nested_model_counts_at_the_size_it_is_called_with(shape):
    inner = one_layer(layers.Conv2D(10, 1), shape)
    assert count_macs(one_layer(inner)) == 64 * 60


def test_a_shared_layer_counts_once_per_call():
    x = keras.Input((8, 8, 6))
    shared = layers.Conv2D(6, 1)
    assert count_macs(keras.Model(x, shared(shared(x)))) == 2 * 64 * 36


@pytest.mark.parametrize("kind", [layers.Conv2D, ChannelReduction])
def test_an_unknown_image_size_is_named_in_the_error(kind):
    model = one_layer(kind(4, 1, name="c"), shape=(None, None, 3))
    with pytest.raises(ValueError, match="layer='c'"):
        count_macs(model)


def test_a_subclassed_model_is_refused():
    class Subclassed(keras.Model):
        def call(self, x):
            return x

    with pytest.raises(ValueError, match="no graph to cut"):
        count_macs(Subclassed())

"""Functions to convert: they capture nothing and compute as Keras does."""

import numpy as np
import pytest
import tensorflow as tf

from bottlenet_tf.export import frozen

IMAGES = np.random.RandomState(0).randint(0, 256, (1, 24, 24, 3), np.uint8)


def test_constants_of_layers_are_no_inputs(keras_network):
    for part in (frozen.head(keras_network), frozen.tail(keras_network)):
        names = [tensor.name for tensor in part.function.inputs]
        assert names == [f"{name}:0" for name in part.inputs]
        assert not part.function.captured_inputs


@pytest.mark.onednn
def test_they_compute_as_the_keras_model(keras_network):
    wanted = keras_network.encode(IMAGES)
    head, tail = frozen.head(keras_network), frozen.tail(keras_network)
    found = head.function(tf.constant(IMAGES, tf.float32))
    assert head.outputs == tail.inputs == ["codes", "range"]
    for values, name in zip(found, head.outputs, strict=True):
        np.testing.assert_array_equal(values, wanted[name])
    (logits,) = tail.function(*(wanted[name] for name in tail.inputs))
    np.testing.assert_allclose(logits, keras_network.decode(wanted), atol=1e-5)


@pytest.mark.slow
def test_the_operating_point_is_an_input_of_the_tail_alone(point_network):
    head, tail = frozen.head(point_network), frozen.tail(point_network)
    assert (head.inputs, head.outputs) == (["image"], ["coefficients"])
    assert tail.inputs == ["codes", "point"]
    unit = point_network.unit
    points = np.float32([unit.points[1]])
    wanted = point_network.encode(IMAGES, points)
    (coefficients,) = head.function(tf.constant(IMAGES, tf.float32))
    scaled = np.rint(coefficients * unit.gains()[1])
    codes = scaled if unit.signed else np.clip(scaled, 0, 255)
    np.testing.assert_array_equal(codes, wanted["codes"])
    (logits,) = tail.function(tf.constant(codes), tf.constant(points))
    want = point_network.decode(wanted, points)
    # Logits of up to 100.
    np.testing.assert_allclose(logits, want, rtol=1e-5, atol=1e-5)


def test_a_point_of_the_codec_alone_is_no_input(several_network):
    assert frozen.head(several_network).inputs == ["image"]
    assert frozen.tail(several_network).inputs == ["codes", "range"]


def test_a_learned_range_does_not_travel(learned_network):
    assert frozen.head(learned_network).outputs == ["codes"]
    assert frozen.tail(learned_network).inputs == ["codes"]

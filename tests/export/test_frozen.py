"""Functions to convert: they capture nothing and compute as Keras does."""

import numpy as np
import pytest
import tensorflow as tf

from bottlenet_tf.export.frozen import frozen_head, frozen_tail, head_outputs

IMAGES = np.random.RandomState(0).randint(0, 256, (1, 24, 24, 3), np.uint8)


def test_constants_of_layers_are_no_inputs(keras_network):
    head, tail = frozen_head(keras_network), frozen_tail(keras_network)
    assert [tensor.name for tensor in head.inputs] == ["image:0"]
    assert [tensor.name for tensor in tail.inputs] == ["codes:0", "range:0"]
    assert not head.captured_inputs and not tail.captured_inputs


@pytest.mark.onednn
def test_they_compute_as_the_keras_model(keras_network):
    wanted = keras_network.encode(IMAGES)
    found = frozen_head(keras_network)(tf.constant(IMAGES, tf.float32))
    names = ("codes", "range")
    for part, name in zip(found, names, strict=True):
        np.testing.assert_array_equal(part, wanted[name])
    (logits,) = frozen_tail(keras_network)(*(wanted[name] for name in names))
    np.testing.assert_allclose(logits, keras_network.decode(wanted), atol=1e-5)


def test_the_operating_point_is_an_input_of_the_tail_alone(point_network):
    head, tail = frozen_head(point_network), frozen_tail(point_network)
    names = [[t.name for t in half.inputs] for half in (head, tail)]
    assert names == [["image:0"], ["codes:0", "point:0"]]
    assert head_outputs(point_network) == ["coefficients"]
    unit = point_network.unit
    points = np.float32([unit.points[1]])
    wanted = point_network.encode(IMAGES, points)
    (coefficients,) = head(tf.constant(IMAGES, tf.float32))
    scaled = np.rint(coefficients * unit.gains()[1])
    codes = scaled if unit.signed else np.clip(scaled, 0, 255)
    np.testing.assert_array_equal(codes, wanted["codes"])
    (logits,) = tail(tf.constant(codes), tf.constant(points))
    want = point_network.decode(wanted, points)
    # Logits of up to 100.
    np.testing.assert_allclose(logits, want, rtol=1e-5, atol=1e-5)


def test_a_point_of_the_codec_alone_is_no_input(several_network):
    assert len(frozen_head(several_network).inputs) == 1
    assert len(frozen_tail(several_network).inputs) == 2


def test_a_learned_range_does_not_travel(learned_network):
    assert len(frozen_head(learned_network).outputs) == 1
    assert len(frozen_tail(learned_network).inputs) == 1

"""Functions to convert: they capture nothing and compute as Keras does."""

import numpy as np
import pytest
import tensorflow as tf

from bottlenet_tf.export.frozen import frozen_head, frozen_tail

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
    for part, wanted_part in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(part, wanted_part)
    (logits,) = frozen_tail(keras_network)(*wanted)
    np.testing.assert_allclose(logits, keras_network.decode(*wanted), atol=1e-5)


def test_a_learned_range_does_not_travel(learned_network):
    assert len(frozen_head(learned_network).outputs) == 1
    assert len(frozen_tail(learned_network).inputs) == 1

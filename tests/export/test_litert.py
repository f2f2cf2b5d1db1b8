"""Heads as LiteRT files, run by LiteRT."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from bottlenet_tf.export import frozen, litert
from bottlenet_tf.export.unsplit import without_unit

IMAGES = np.random.RandomState(0).randint(0, 256, (6, 24, 24, 3), np.uint8)


def _values(content):
    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    (input,) = interpreter.get_input_details()
    assert input["dtype"] == np.float32
    outputs = interpreter.get_output_details()
    (values,) = [o["index"] for o in outputs if tuple(o["shape"]) != (1, 2)]
    found = []
    for image in IMAGES:
        pixels = image[None].astype(np.float32)
        interpreter.set_tensor(input["index"], pixels)
        interpreter.invoke()
        found.append(interpreter.get_tensor(values)[0])
    return np.array(found)


def _codes(content):
    return np.rint(_values(content))


# In steps of the 6-bit quantizer: rounding on an edge; weights of 11 bits;
# features of 8 bits, whose noise the unit's convolutions spread.
@pytest.mark.parametrize(
    "kind, share, steps", [("float32", 0.01, 1), ("float16", 0.2, 1),
                           ("int8", 0.9, 6)],
)  # fmt: skip
def test_a_head_gives_the_keras_models_codes(
    learned_network, kind, share, steps
):
    content = litert.convert(frozen.head(learned_network), kind, IMAGES)
    wanted = learned_network.encode(IMAGES)["codes"].numpy()
    apart = np.abs(_codes(content) - np.rint(wanted))
    assert np.mean(apart > 0) <= share
    assert apart.max() <= np.ceil(steps * 255 / 63)


# In int8, the feature that is scaled has 8 bits. A tail that is told the point
# leaves the head as it is.
@pytest.mark.parametrize(
    "point_network", ["plane", "flat", "learned"], indirect=True
)
@pytest.mark.parametrize(
    "kind, share, most, exactness",
    [
        ("float32", 0.01, 1, 0.0),
        # Weights of 11 bits: the largest codes are in the thousands.
        ("float16", 0.2, 1, 2**-10),
        ("int8", 0.9, 40, 0.0),
    ],
)
def test_a_head_s_coefficients_give_the_keras_models_codes(
    point_network, kind, share, most, exactness
):
    unit = point_network.unit
    head = frozen.head(point_network)
    coefficients = _values(litert.convert(head, kind, IMAGES))
    apart, sums, largest = [], [], 0.0
    for t, gain in zip(unit.points, unit.gains(), strict=True):
        points = np.full(6, t, np.float32)
        wanted = point_network.encode(IMAGES, points)["codes"].numpy()
        found = np.rint(coefficients * gain)
        found = found if unit.signed else np.clip(found, 0, 255)
        apart.append(np.abs(found - np.rint(wanted)))
        sums.append(np.abs(found).sum())
        largest = max(largest, np.abs(wanted).max())
    assert np.mean(np.array(apart) > 0) <= share
    assert np.max(apart) <= most + exactness * largest
    # exp(2) from the first to the last, or by a learned unit exp(-2).
    assert np.abs(np.log(sums[2] / sums[0])) > np.log(2)


def test_a_head_with_a_range_has_two_outputs(network):
    interpreter = Interpreter(
        model_content=litert.convert(frozen.head(network), "float32")
    )
    shapes = [tuple(o["shape"]) for o in interpreter.get_output_details()]
    assert sorted(shapes) == [(1, 2), (1, 12, 12, 3)]


def test_int8_keeps_the_quantizer_in_float(learned_network):
    head = frozen.head(learned_network)
    content = litert.convert(head, "int8", IMAGES)
    float_content = litert.convert(head, "float32")
    assert len(content) < 0.7 * len(float_content)
    assert len(np.unique(_codes(content))) > 8


def test_a_network_all_in_int8_is_never_run(network, monkeypatch):
    # Its quantizer may divide by a range of 0, which LiteRT refuses.
    def fail(debugger):
        raise RuntimeError("Node number 65 (DIV) failed to invoke.")

    monkeypatch.setattr(tf.lite.experimental.QuantizationDebugger, "run", fail)
    content = litert.convert(frozen.head(network), "int8", IMAGES)
    assert np.all(np.isfinite(_codes(content)))


# In shares of the largest logit, as WHOLE in tolerances; 256 steps for int8.
@pytest.mark.parametrize(
    "kind, share", [("float32", 1e-5), ("float16", 0.05), ("int8", 0.2)]
)
def test_a_whole_network_gives_the_keras_models_logits(network, kind, share):
    whole = without_unit(network)
    wanted = whole(IMAGES.astype(np.float32)).numpy()
    content = litert.convert(frozen.network(whole), kind, IMAGES)
    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    (image,) = interpreter.get_input_details()
    (logits,) = interpreter.get_output_details()
    assert image["dtype"] == logits["dtype"] == np.float32
    for pixels, expected in zip(IMAGES, wanted, strict=True):
        interpreter.set_tensor(image["index"], pixels[None].astype(np.float32))
        interpreter.invoke()
        found = interpreter.get_tensor(logits["index"])[0]
        assert np.abs(found - expected).max() <= share * np.abs(wanted).max()


def test_operators_that_litert_lacks_are_named():
    image = keras.Input((4, 4, 3))
    x = keras.ops.erfinv(image / 300)
    network = keras.Model(
        image, keras.layers.Dense(2)(keras.ops.sum(x, (1, 2)))
    )
    with pytest.raises(ValueError, match="--litert=,.*Erfinv") as caught:
        litert.convert(frozen.network(network), "float32")
    assert len(str(caught.value)) < 300

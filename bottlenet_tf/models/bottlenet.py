"""The split network: backbone prefix, unit, backbone suffix.

```
image ─ prefix ─ unit's encode ─┐                        device: the head
                                ├─ codec ─ bytes
logits ─ suffix ─ unit's decode ┘                        cloud: the tail
```
"""

from typing import NamedTuple

import keras
import tensorflow as tf
from keras import ops

from bottlenet_tf.backbones import graph, macs
from bottlenet_tf.backbones.split_points import split_backbone
from bottlenet_tf.layers import UnitHead, UnitTail
from bottlenet_tf.models.conditioning import conditioned
from bottlenet_tf.models.units import build_unit


class ForwardPass(NamedTuple):
    """The outputs of one pass through the split network.

    logits: float32 `(batch, classes)`.
    feature: the prefix's output, `(batch, H, W, C)`.
    image_data_bytes: mean bytes per image, float32 scalar; 0 without a codec.
    rate: differentiable stand-in for bits, float32 `(batch,)`.
    restored: the suffix's input in place of `feature`, of the same shape.
    """

    logits: tf.Tensor
    feature: tf.Tensor
    image_data_bytes: tf.Tensor
    rate: tf.Tensor
    restored: tf.Tensor


class Macs(NamedTuple):
    """Multiply-accumulates of one image; `whole` is the unsplit backbone.

    `int()` gives those of the split network, both sides together.
    """

    head: int
    tail: int
    whole: int

    def __int__(self):
        return self.head + self.tail


@keras.saving.register_keras_serializable(package="bottlenet_tf")
class BottleNet(keras.Model):
    """A backbone cut in two with a unit in between.

    A frozen half runs in inference mode in training, too, as it is deployed:
    the other half and the unit must fit that.

    A unit that takes the operating point (`Unit.takes_point`) gets its value,
    one for each image; without one it works at its default point.

    Args:
        prefix: Functional model, image `(batch, image, image, 3)` in 0..255
            -> feature `(batch, H, W, C)`.
        unit: `layers.Unit`.
        suffix: Functional model, feature -> logits `(batch, classes)`; or
            `[feature, point]` -> logits, see `conditioning`.

    Call arguments:
        images: uint8 or float `(batch, image, image, 3)`, raw RGB 0..255.
        use_codec: Python bool; False skips the codec.
        point: float32 `(batch,)`, the operating points, or None.

    Returns:
        float32 logits `(batch, classes)`.

    Reference:
        Eshratifar, Esmaili, Pedram, 2019, arXiv:1902.01000.
    """

    def __init__(self, prefix, unit, suffix, **kwargs):
        super().__init__(**kwargs)
        self.prefix = prefix
        self.unit = unit
        self.suffix = suffix
        if not unit.built:
            unit.build(prefix.output_shape)
            unit.built = True
        self.built = True

    def transmit(self, images, training=None, use_codec=True, point=None):
        """Runs the complete network and returns a `ForwardPass`."""
        point = self._point(point, images)
        feature = self._before(images, training)
        restored, size, rate = self.unit.transmit(
            feature, point, training=training, use_codec=use_codec
        )
        logits = self._after(restored, point, training)
        return ForwardPass(logits, feature, size, rate, restored)

    def call(self, images, training=None, use_codec=True, point=None):
        point = self._point(point, images)
        feature = self._before(images, training)
        feature = self.unit(
            feature, point, training=training, use_codec=use_codec
        )
        return self._after(feature, point, training)

    def features(self, images):
        """Device side: images -> feature `(batch, H, W, C)`."""
        return self._before(images, False)

    def encode_features(self, feature, point=None):
        """Device side: feature -> codes; see `encode`."""
        point = self._point(point, feature)
        return self.unit.encode(feature, point, training=False)

    def encode(self, images, point=None):
        """Device side: images -> codes.

        Returns:
            Dictionary of float32 `"codes"`, `(batch, *code_shape)`, and
            `"range"`, `(batch, 2)`, if the unit sends it.
        """
        return self.encode_features(self.features(images), point)

    def decode(self, codes, point=None):
        """Cloud side: codes, as `encode` returns them -> float32 logits."""
        point = self._point(point, codes["codes"])
        feature = self.unit.decode(codes, point, training=False)
        return self._after(feature, point, False)

    def answer(self, feature, point=None):
        """Cloud side: restored feature -> float32 logits, not for training."""
        return self._after(feature, self._point(point, feature), False)

    def _point(self, point, batch):
        """Returns the operating points for the unit, or None."""
        if not self.unit.takes_point:
            return None
        if point is None:
            default = self.unit.points[self.unit.default_point]
            return ops.full((ops.shape(batch)[0],), default, "float32")
        return ops.convert_to_tensor(point, "float32")

    @property
    def tells_tail(self):
        """Whether the suffix takes the operating point."""
        return len(self.suffix.inputs) == 2

    def _before(self, images, training):
        images = ops.cast(images, "float32")
        return self.prefix(images, training=_mode(self.prefix, training))

    def _after(self, feature, point, training):
        inputs = [feature, point] if self.tells_tail else feature
        logits = self.suffix(inputs, training=_mode(self.suffix, training))
        return ops.cast(logits, "float32")

    @property
    def head(self):
        """The device's half, a functional Keras model that shares weights.

        Float image -> `Unit.deployed_encode`'s dictionary: `"codes"`, or
        `"coefficients"` if the unit takes the point, and `"range"` if it
        sends it.
        """
        feature = self.prefix.outputs[0]
        name = graph.free_name("unit_head", self.prefix)
        outputs = UnitHead(self.unit, name=name)(feature)
        return keras.Model(self.prefix.inputs[0], outputs, name="head")

    @property
    def tail(self):
        """The cloud's half, a functional Keras model that shares weights.

        `"codes"`, and `"range"` `(batch, 2)` and `"point"` `(batch,)` if the
        unit has them -> float32 logits `(batch, classes)`.
        """
        codes = keras.Input(self.unit.code_shape, name="codes")
        inputs = {"codes": codes}
        if self.unit.sends_range:
            inputs["range"] = keras.Input((2,), name="range")
        if self.unit.takes_point:
            inputs["point"] = keras.Input((), name="point")
        feature = UnitTail(self.unit, name="unit_tail")(inputs)
        logits = self._after(feature, inputs.get("point"), False)
        return keras.Model(inputs, logits, name="tail")

    def __dir__(self):
        # Keras saves all attributes, and the halves share the parts' weights.
        return [n for n in super().__dir__() if n not in ("head", "tail")]

    def macs(self, input_shape=None):
        """Returns the `Macs` of one image; the network fixes its shape."""
        before = macs.count_macs(self.prefix)
        after = macs.count_macs(self.suffix)
        feature = self.prefix.output_shape[1:]
        return Macs(
            before + self.unit.device_macs(feature),
            self.unit.cloud_macs() + after,
            before + after,
        )

    def device_mac_share(self):
        """Multiply-accumulates before the codec over the whole backbone's."""
        counted = self.macs()
        return counted.head / counted.whole

    def get_config(self):
        parts = {
            name: keras.saving.serialize_keras_object(getattr(self, name))
            for name in ("unit", "prefix", "suffix")
        }
        return {"name": self.name, **parts}

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        for name in ("prefix", "unit", "suffix"):
            config[name] = keras.saving.deserialize_keras_object(config[name])
        return cls(**config)


def build_bottlenet(backbone, split, unit, tells_tail=False):
    """Inserts a bottleneck unit after a split point of a backbone.

    The network shares its layers with `backbone`: training one changes the
    other.

    Args:
        unit: One of `config.unit.UNITS`.
        tells_tail: Whether the suffix takes the operating point of a learned
            unit; see `conditioning.conditioned`.
    """
    prefix, suffix = split_backbone(backbone, split)
    if unit.kind == "learned" and tells_tail:
        suffix = conditioned(suffix)
    activation = "relu" if _is_rectified(prefix.operations[-1]) else None
    layer = build_unit(unit, prefix.output_shape[1:], activation)
    return BottleNet(prefix, layer, suffix, name="bottlenet")


def _mode(half, training):
    """Returns `training`, or False if nothing in the half is trainable."""
    if training is False or not half.trainable:
        return False
    return training if half.trainable_weights or not half.weights else False


def _is_rectified(layer):
    """Whether the layer's output is known to be non-negative."""
    if isinstance(layer, keras.layers.ReLU):
        return True
    return "relu" in getattr(getattr(layer, "activation", None), "__name__", "")

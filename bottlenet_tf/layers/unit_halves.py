"""The two halves of a bottleneck unit as layers, for deployment."""

import keras
from keras import ops


class _UnitHalf(keras.layers.Layer):
    """Holds a built unit, whose weights it shares; inference only."""

    def __init__(self, unit, **kwargs):
        super().__init__(**kwargs)
        self.unit = unit
        self.built = True

    def get_config(self):
        unit = keras.saving.serialize_keras_object(self.unit)
        return {**super().get_config(), "unit": unit}

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        config["unit"] = keras.saving.deserialize_keras_object(config["unit"])
        return cls(**config)


@keras.saving.register_keras_serializable(package="bottlenet_tf")
class UnitHead(_UnitHalf):
    """The device's half: reduction and quantizer.

    Gives the codes that `BottleneckUnit.encode` gives, by fewer operations:
    nothing of the straight-through gradient is left, which would reach the
    exported graph. Doesn't train.

    Args:
        unit: Built `BottleneckUnit`.

    Call arguments:
        feature: `(batch, H, W, C)`.

    Returns:
        `{"codes": float32 (batch, h, w, c')}`, whole numbers 0..255, and
        `"range": float32 (batch, 2)` if the quantizer sends it.
    """

    def call(self, feature):
        x = feature
        for layer in self.unit.reduction:
            x = layer(x, training=False)
        quantizer = self.unit.quantizer
        codes, code_range = quantizer.encode(ops.cast(x, "float32"))
        if quantizer.sends_range:
            return {"codes": codes, "range": code_range}
        return {"codes": codes}

    def macs(self, input_shape):
        """Multiply-accumulates for one image; see `BottleneckUnit.macs`."""
        return self.unit.device_macs(input_shape)


@keras.saving.register_keras_serializable(package="bottlenet_tf")
class UnitTail(_UnitHalf):
    """The cloud's half: dequantizer and restoration. Doesn't train.

    Args:
        unit: Built `BottleneckUnit`.

    Call arguments:
        inputs: What `UnitHead` returns, codes as the codec decoded them.

    Returns:
        Restored feature `(batch, H, W, C)`.
    """

    def call(self, inputs):
        codes = inputs["codes"]
        if self.unit.quantizer.sends_range:
            code_range = inputs["range"]
        else:  # One range for all images: a constant in the graph.
            code_range = self.unit.quantizer.code_range(ops.zeros((1, 1)))
        return self.unit.decode(codes, code_range, training=False)

    def macs(self, input_shape):
        """Multiply-accumulates for one image; the unit fixes their number."""
        return self.unit.cloud_macs()

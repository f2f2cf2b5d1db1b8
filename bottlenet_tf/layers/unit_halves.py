"""The two halves of a unit as layers, for deployment."""

import keras


class _UnitHalf(keras.layers.Layer):
    """Wraps a built unit, whose weights it shares; inference only."""

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
    """The device's half: the unit's `deployed_encode`. Doesn't train.

    Args:
        unit: Built `Unit`.
    """

    def call(self, feature):
        return self.unit.deployed_encode(feature)

    def macs(self, input_shape):
        """Multiply-accumulates for one image."""
        return self.unit.device_macs(input_shape)


@keras.saving.register_keras_serializable(package="bottlenet_tf")
class UnitTail(_UnitHalf):
    """The cloud's half: the unit's `decode`. Doesn't train.

    Args:
        unit: Built `Unit`.

    Call arguments:
        inputs: Codes from the codec and the range, as `encode` returns them,
            and `"point": float32 (batch,)` if the unit takes it.
    """

    def call(self, inputs):
        codes = {key: inputs[key] for key in inputs if key != "point"}
        return self.unit.decode(codes, inputs.get("point"), training=False)

    def macs(self, input_shape):
        """Multiply-accumulates for one image."""
        return self.unit.cloud_macs()

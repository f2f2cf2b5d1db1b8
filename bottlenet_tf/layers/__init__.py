"""In-graph layers of the bottleneck unit, in signal order."""

# ruff: noqa: F401 (names for users, and layers that Keras registers)
import keras

from bottlenet_tf.codec.answer import PAYLOAD_STATUSES as STATUSES
from bottlenet_tf.layers.codec_layer import (
    ByteRoundTrip,
    CodecLayer,
    codec_layer,
)
from bottlenet_tf.layers.datta import DattaUnit
from bottlenet_tf.layers.depthwise import (
    DepthwiseReduction,
    DepthwiseRestoration,
)
from bottlenet_tf.layers.entropy import EntropyCode
from bottlenet_tf.layers.jpeg import JpegRoundTrip
from bottlenet_tf.layers.learned.unit import LearnedUnit
from bottlenet_tf.layers.lossless import PngRoundTrip, RawRoundTrip
from bottlenet_tf.layers.normalization import BatchNormalization
from bottlenet_tf.layers.payload import PayloadParser
from bottlenet_tf.layers.quantizer import (
    QUANTIZERS,
    LearnedRangeQuantizer,
    PerImageQuantizer,
)
from bottlenet_tf.layers.reduction import ChannelReduction, SpatialReduction
from bottlenet_tf.layers.restoration import (
    ChannelRestoration,
    SpatialRestoration,
)
from bottlenet_tf.layers.unit import BottleneckUnit
from bottlenet_tf.layers.unit_base import Unit
from bottlenet_tf.layers.unit_halves import UnitHead, UnitTail

if keras.config.backend() != "tensorflow":
    raise ImportError(
        "bottlenet_tf needs Keras on TensorFlow; set KERAS_BACKEND=tensorflow "
        "before Keras is imported. Received: "
        f"KERAS_BACKEND={keras.config.backend()}"
    )
# A user's keras.json may set another one, which layers would use.
keras.config.set_image_data_format("channels_last")
keras.config.set_floatx("float32")
keras.config.set_epsilon(1e-7)

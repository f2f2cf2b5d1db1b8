"""In-graph layers of the bottleneck unit, in signal order."""

from bottlenet_tf.layers.codec_layer import (
    ByteRoundTrip,
    CodecLayer,
    codec_layer,
)
from bottlenet_tf.layers.jpeg import JpegRoundTrip
from bottlenet_tf.layers.normalization import BatchNormalization
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
from bottlenet_tf.layers.tiling import Tile, Untile
from bottlenet_tf.layers.unit import BottleneckUnit

__all__ = [
    "QUANTIZERS",
    "BottleneckUnit",
    "ByteRoundTrip",
    "ChannelReduction",
    "ChannelRestoration",
    "CodecLayer",
    "BatchNormalization",
    "JpegRoundTrip",
    "LearnedRangeQuantizer",
    "PerImageQuantizer",
    "SpatialReduction",
    "SpatialRestoration",
    "Tile",
    "Untile",
    "codec_layer",
]

"""The rivals of a split network: cloud-only, raw features, the label."""

import dataclasses

import numpy as np
import tensorflow as tf

from bottlenet_tf import tasks
from bottlenet_tf.codec import PayloadFormat, create_codec
from bottlenet_tf.common import graphs
from bottlenet_tf.evaluation.accuracy import iterate, measured
from bottlenet_tf.evaluation.cache import (
    baseline_key,
    load_or_measure,
    raw_features_key,
)
from bottlenet_tf.evaluation.cloud_only import CloudPoint, cloud_only
from bottlenet_tf.evaluation.image_codecs import usable_codecs
from bottlenet_tf.evaluation.wire_path import whole_codes
from bottlenet_tf.layers import PerImageQuantizer


@dataclasses.dataclass(frozen=True)
class Baselines:
    """The untouched network, alone and behind image codecs.

    `cloud_only` are `CloudPoint`s; the other figures, in percent, are for
    uncompressed images, the precision for several labels per image.
    """

    network_accuracy: float
    cloud_only: tuple
    mean_average_precision: float | None = None


@dataclasses.dataclass(frozen=True)
class RawFeatures:
    """The feature at the split sent as 8-bit numbers, without a unit.

    Attributes:
        shape: `(H, W, C)` of the feature.
        bytes: Those of one payload: H * W * C, and 8 of header and range.
        deflated_bytes_mean: The same deflated (zlib level 9).
        deflated_images: Number of images in that mean.
        accuracy: In percent.
    """

    shape: tuple
    bytes: int
    deflated_bytes_mean: float
    deflated_images: int
    accuracy: float


def measure_baselines(
    classifier,
    part,
    qualities,
    cache_dir=None,
    batch_size=256,
    progress=True,
):
    """Measures the untouched network and the cloud-only sweep.

    Args:
        classifier: Keras model, float32 images 0..255 -> logits.
        qualities: Integers from 1 to 100; none for no sweep.
    """
    codecs = usable_codecs()

    def measure():
        points = ()
        if qualities:
            points = cloud_only(
                classifier, part, qualities, codecs, batch_size, progress
            )
        alone = measured(classifier, part, batch_size, progress)
        return {
            "network_accuracy": alone.accuracy,
            "mean_average_precision": alone.mean_average_precision,
            "cloud_only": [dataclasses.asdict(point) for point in points],
        }

    def key():
        return baseline_key(classifier, part, qualities, codecs)

    value = load_or_measure(cache_dir, key, measure)
    points = tuple(CloudPoint(**point) for point in value.pop("cloud_only"))
    return Baselines(cloud_only=points, **value)


def raw_features(
    prefix,
    suffix,
    part,
    batch_size=256,
    progress=True,
    deflate_images=1000,
    cache_dir=None,
):
    """Sends the backbone's own feature, quantized to 8 bits per element.

    Args:
        prefix: Keras model, images -> feature `(batch, H, W, C)`; of the
            untouched backbone (`split_points.split_backbone`), not of a
            `BottleNet` trained end to end, which shares the layers.
        suffix: Keras model, feature -> logits.
        deflate_images: About this many images, evenly spread, are deflated:
            a feature of ResNet-50 takes a tenth of a second.
    """

    def measure():
        result = _measure_raw(
            prefix, suffix, part, batch_size, progress, deflate_images
        )
        return dataclasses.asdict(result)

    def key():
        return raw_features_key(prefix, suffix, part, deflate_images)

    value = load_or_measure(cache_dir, key, measure)
    return RawFeatures(**{**value, "shape": tuple(value["shape"])})


def _measure_raw(prefix, suffix, part, batch_size, progress, deflate_images):
    quantizer = PerImageQuantizer(bits=8)
    shape = tuple(prefix.output_shape[1:])
    payloads = PayloadFormat(0, shape, create_codec("raw"), sends_range=True)

    @graphs.function(reduce_retracing=True)
    def through(images):
        feature = prefix(tf.cast(images, tf.float32), training=False)
        codes, code_range = quantizer(feature)
        feature = quantizer.dequantize(codes, code_range)
        return suffix(feature, training=False), codes, code_range

    meter, deflated = tasks.Meter(part.task), []
    every = -(-len(part) // deflate_images)
    batches = iterate(part, batch_size, progress, "raw features")
    for images, labels in batches:
        logits, codes, ranges = (
            t.numpy() for t in through(tf.convert_to_tensor(images))
        )
        for i in range(-meter.images % every, len(labels), every):
            bounds = tuple(map(float, ranges[i]))
            payload = payloads.pack(whole_codes(codes[i]), bounds)
            deflated.append(len(payload))
        meter.add(logits, labels)
    return RawFeatures(
        shape=shape,
        bytes=int(np.prod(shape)) + payloads.overhead_bytes,
        accuracy=meter.accuracy,
        deflated_bytes_mean=float(np.mean(deflated)),
        deflated_images=len(deflated),
    )


def label_only(num_classes, network_accuracy, task=tasks.ONE_CLASS):
    """Returns the bound that no later split can undercut: sending the class.

    Args:
        task: Kind of outputs; several labels take a bit each.

    Returns:
        Dictionary of the `bits` that name one class, the same rounded up to
        `bytes`, without a header, and `accuracy`.
    """
    if num_classes < 2 and task is tasks.ONE_CLASS:
        raise ValueError(
            "A label needs at least 2 classes to choose from. "
            f"Received: num_classes={num_classes}"
        )
    bits = task.answer_bits(num_classes)
    return {
        "bits": bits, "bytes": -(-bits // 8), "accuracy": network_accuracy,
    }  # fmt: skip

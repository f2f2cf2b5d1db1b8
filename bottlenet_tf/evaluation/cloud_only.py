"""The rival: the compressed image, sent to an unsplit network."""

import concurrent.futures
import dataclasses

import numpy as np
from PIL import Image

from bottlenet_tf import tasks
from bottlenet_tf.evaluation.accuracy import iterate, predictor
from bottlenet_tf.evaluation.environment import cores
from bottlenet_tf.evaluation.image_codecs import usable_codec, usable_codecs


@dataclasses.dataclass(frozen=True)
class CloudPoint:
    """One quality (1 to 100) of one image codec, the network untouched.

    `side` is the height and width in pixels of the images sent. `bytes_mean`
    are the bytes that count, see `cloud_only`. The accuracy is in percent.
    """

    codec: str
    quality: int
    side: int
    bytes_mean: float
    file_bytes_mean: float
    accuracy: float


def round_trip(images, codec, quality, side):
    """Sends images one at a time as files; grey ones without colour.

    Args:
        images: uint8 `(batch, S, S, 3)`, RGB.
        side: Side in pixels to which they are shrunk; the cloud enlarges them.

    Returns:
        `(pixels, counted, file_bytes)`: the cloud's images, uint8 of the same
        shape, and int64 `(batch,)` each.
    """
    codec = usable_codec(codec)
    pixels = np.empty_like(images)
    sizes = np.empty((2, len(images)), np.int64)
    for i, image in enumerate(images):
        if (image == image[..., :1]).all():
            image = image[..., 0]
        # Pillow's `resize` to an image's own size copies it.
        sent = Image.fromarray(image).resize((side, side), Image.LANCZOS)
        file, counted = codec.send(sent, quality)
        received = codec.decode(file)
        shape = images.shape[2], images.shape[1]
        pixels[i] = np.asarray(received.resize(shape, Image.BICUBIC))
        sizes[:, i] = counted, len(file)
    return pixels, *sizes


def round_trips(pool, images, codec, quality, side):
    """Same as `round_trip`, with a `ThreadPoolExecutor`."""
    shares = np.array_split(images, min(cores(), len(images)))
    parts = pool.map(lambda s: round_trip(s, codec, quality, side), shares)
    return tuple(map(np.concatenate, zip(*parts, strict=True)))


def cloud_only(
    classifier,
    part,
    qualities,
    codecs=None,
    batch_size=256,
    progress=True,
    sides=None,
):
    """Sweeps image codecs over qualities on the untouched network.

    Every image is encoded and decoded once for each codec and quality, with
    the settings of `image_codecs`, and counts as a fair sender would send it:
    without the bytes that the receiver can restore, plus the `HEADER_BYTES` of
    our own payloads. Images that are enlarged for the network are also sent at
    their stored size.

    Args:
        classifier: Keras model, float32 images 0..255 -> logits.
        codecs: Names in `IMAGE_CODECS`; None takes all `usable_codecs()`.
        sides: Sides in pixels to which images are shrunk before sending; the
            stored size and the network's if None.

    Returns:
        List of `CloudPoint`, codec after codec, size after size, by rising
        quality.
    """
    codecs = usable_codecs() if codecs is None else codecs
    # `Part.stored_size` is never above `image_size`.
    sides = sides or sorted({part.stored_size, part.image_size})
    for codec in codecs:
        usable_codec(codec)
    if not qualities or not all(1 <= q <= 100 for q in qualities):
        raise ValueError(
            "A sweep needs qualities from 1 to 100, the scale that image "
            f"codecs share. Received: qualities={qualities!r}"
        )
    settings = [
        (codec, int(quality), side)
        for codec in codecs
        for side in sides
        for quality in sorted(set(qualities))
    ]
    predict = predictor(classifier)
    meters = [tasks.Meter(part.task) for _ in settings]
    totals = np.zeros((len(settings), 2), np.int64)
    with concurrent.futures.ThreadPoolExecutor(cores()) as pool:
        label = f"cloud-only, {len(settings)} settings"
        batches = iterate(part, batch_size, progress, label)
        for images, labels in batches:
            for i, setting in enumerate(settings):
                pixels, *sizes = round_trips(pool, images, *setting)
                meters[i].add(predict(pixels), labels)
                totals[i] += np.sum(sizes, axis=1)
    return [
        CloudPoint(
            *setting, *map(float, total / max(meter.images, 1)), meter.accuracy
        )
        for setting, total, meter in zip(settings, totals, meters, strict=True)
    ]

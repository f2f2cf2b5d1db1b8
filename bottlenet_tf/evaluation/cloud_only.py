"""The rival: the image itself, compressed, to a network that stays whole."""

import concurrent.futures
import dataclasses
import io

import numpy as np
from PIL import Image

from bottlenet_tf.codec import jpeg
from bottlenet_tf.codec.payload import overhead_bytes
from bottlenet_tf.evaluation.accuracy import (
    iterate,
    percent,
    predictor,
)
from bottlenet_tf.evaluation.environment import cores
from bottlenet_tf.registry import Registry

# A function `(image, quality) -> (file, counted bytes)` for each codec.
IMAGE_CODECS = Registry("image codec")

# A sender that strips a file's constant headers needs version, tag and
# checksum just as our payloads do: `PayloadFormat` without a range.
HEADER_BYTES = overhead_bytes(sends_range=False)
# What a receiver that knows the image's size can put back: "RIFF", size,
# "WEBP", "VP8 ", size, five words that the length implies; and of the key
# frame's header (RFC 6386, section 9.1) start code 3, width 2 and height 2.
WEBP_CONSTANT_BYTES = 20 + 7


@dataclasses.dataclass(frozen=True)
class CloudPoint:
    """One quality of one image codec, the network untouched.

    Attributes:
        codec: "jpeg" or "webp".
        quality: The encoder's quality, 1 to 100.
        side: Height and width in pixels of the images that are sent.
        bytes_mean: Mean bytes an image that count; see `cloud_only`.
        file_bytes_mean: Mean bytes of the whole file.
        accuracy: In percent.
    """

    codec: str
    quality: int
    side: int
    bytes_mean: float
    file_bytes_mean: float
    accuracy: float


def jpeg_image_data(file):
    """Returns what lies between the scan header and EOI of a JPEG file.

    Tables, headers and markers before it depend on quality and size only, so
    a receiver that knows both can put them back.

    Raises:
        ValueError: if `file` has no scan.
    """
    *_, (_, _, end) = jpeg.segments(file)
    return file[end:-2]


@IMAGE_CODECS.register("jpeg")
def _jpeg(image, quality):
    buffer = io.BytesIO()
    image.save(
        buffer, "JPEG", quality=quality, subsampling="4:2:0", optimize=False
    )
    file = buffer.getvalue()
    return file, len(jpeg_image_data(file)) + HEADER_BYTES


@IMAGE_CODECS.register("webp")
def _webp(image, quality):
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=quality, method=6, lossless=False)
    file = buffer.getvalue()
    return file, len(file) - WEBP_CONSTANT_BYTES + HEADER_BYTES


def round_trip(images, codec, quality, side):
    """Sends images one at a time as files.

    Args:
        images: uint8 `(batch, S, S, 3)`, RGB.
        codec: Name in `IMAGE_CODECS`.
        quality: The encoder's quality.
        side: Pixels to which they are shrunk before they are sent, and from
            which the cloud enlarges them; S sends them as they are.

    Returns:
        `(pixels, counted, file_bytes)`: what the cloud sees, uint8 of the
        same shape, and int64 `(batch,)` each.
    """
    encode = IMAGE_CODECS.get(codec)
    pixels = np.empty_like(images)
    sizes = np.empty((2, len(images)), np.int64)
    for i, image in enumerate(images):
        # Pillow's `resize` to an image's own size copies it.
        sent = Image.fromarray(image).resize((side, side), Image.LANCZOS)
        file, counted = encode(sent, quality)
        with Image.open(io.BytesIO(file)) as decoded:
            received = decoded.convert("RGB")
        shape = images.shape[2], images.shape[1]
        pixels[i] = np.asarray(received.resize(shape, Image.BICUBIC))
        sizes[:, i] = counted, len(file)
    return pixels, *sizes


def cloud_only(
    classifier,
    part,
    qualities,
    codecs=("jpeg", "webp"),
    batch_size=256,
    progress=True,
    sides=None,
):
    """Sweeps image codecs over qualities on the untouched network.

    Every test image is encoded and decoded once for each codec and quality.
    JPEG is Pillow's, in colour, 4:2:0, with the standard tables, and counts
    as a fair sender would ship it: the image data alone, without tables and
    headers, plus the `HEADER_BYTES` that our own payloads carry. WebP is
    Pillow's, lossy, method 6 (the smallest files), and counts in the same
    way: without `WEBP_CONSTANT_BYTES`. Where the network sees images larger
    than they are stored, they are also sent at the stored size.

    Args:
        classifier: Keras model, float32 images 0..255 -> logits.
        part: `data.Part`, the images to measure on.
        qualities: Integers from 1 to 100.
        codecs: Names in `IMAGE_CODECS`.
        batch_size: Images per call of the network.
        progress: Whether to show a progress bar.
        sides: Pixels to which images are shrunk before they are sent; the
            stored size and the network's if None.

    Returns:
        List of `CloudPoint`, codec after codec, size after size, by rising
        quality.

    Raises:
        ValueError: for an unknown codec, a quality out of range or a data
            set without test images.
    """
    # `Part.stored_size` is never above `image_size`.
    sides = sides or sorted({part.stored_size, part.image_size})
    settings = [
        (c, side, q)
        for c in codecs
        for side in sides
        for q in sorted(set(qualities))
    ]
    _check(settings, qualities)
    predict = predictor(classifier)
    sums = np.zeros((len(settings), 3), np.int64)
    total = 0
    workers = cores()
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        label = f"cloud-only, {len(settings)} settings"
        batches = iterate(part, batch_size, progress, label)
        for images, labels in batches:
            shares = np.array_split(images, min(workers, len(images)))
            for row, (codec, side, quality) in zip(sums, settings, strict=True):
                tasks = [
                    pool.submit(round_trip, share, codec, quality, side)
                    for share in shares
                ]
                pixels, counted, whole = (
                    np.concatenate(parts)
                    for parts in zip(*(t.result() for t in tasks), strict=True)
                )
                hits = np.sum(predict(pixels) == labels)
                row += (counted.sum(), whole.sum(), hits)
            total += len(labels)
    return [
        CloudPoint(
            codec=codec,
            quality=int(quality),
            side=side,
            bytes_mean=float(counted / max(total, 1)),
            file_bytes_mean=float(whole / max(total, 1)),
            accuracy=percent(hits, total),
        )
        for (codec, side, quality), (counted, whole, hits) in zip(
            settings, sums, strict=True
        )
    ]


def _check(settings, qualities):
    for codec, _, _ in settings:
        IMAGE_CODECS.get(codec)
    if not settings or not all(1 <= q <= 100 for q in qualities):
        raise ValueError(
            "A sweep needs a codec and qualities from 1 to 100, the scale "
            f"that JPEG and WebP share. Received: qualities={qualities!r}"
        )

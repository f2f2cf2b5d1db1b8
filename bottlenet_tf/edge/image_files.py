"""Image files for cloud-only, by this device's Pillow."""

import io

from PIL import Image, features

# The codecs of `runtime.whole_images`: Pillow's names, and the options used to
# measure a plan's accuracy (`evaluation.image_codecs`).
_OPTIONS = {
    "jpeg": ("JPEG", "jpg", {"subsampling": "4:2:0", "optimize": False}),
    "webp": ("WEBP", "webp", {"method": 6, "lossless": False}),
    "avif": (
        "AVIF",
        "avif",
        {
            "codec": "aom",
            "max_threads": 1,
            "autotiling": False,
            "advanced": {"tune": "psnr"},
        },
    ),
}


def why_not(codec):
    """Returns why this device can't write a codec's files; None if it can."""
    if codec not in _OPTIONS:
        return "the server can't read {} files".format(codec)
    feature = _OPTIONS[codec][1]
    # Pillow warns of a feature unknown to its version.
    known = feature in features.modules or feature in features.codecs
    if known and features.check(feature):
        return None
    return "no Pillow with {} here".format(_OPTIONS[codec][0])


def encode(pixels, codec, quality, side):
    """Returns an image file, grey if the image is.

    Args:
        pixels: uint8 `(S, S, 3)`.
        codec: Name of a codec for which `why_not` returns None.
        quality: 1 to 100.
        side: Side in pixels to which it is resized first.
    """
    if (pixels == pixels[..., :1]).all():
        pixels = pixels[..., 0]
    image = Image.fromarray(pixels)
    if image.size != (side, side):
        image = image.resize((side, side), Image.LANCZOS)
    kind, _, options = _OPTIONS[codec]
    if codec == "avif":
        speed = 6 if image.width * image.height <= 64 * 64 else 8
        options = dict(options, speed=speed)
    buffer = io.BytesIO()
    image.save(buffer, kind, quality=int(quality), **options)
    return buffer.getvalue()

"""Image codecs of the rival: their files, and the bytes that count.

A fair sender leaves out the bytes that its receiver can restore, as ours does:

    file -> bytes that vary -> without a shared head -> + HEADER_BYTES
"""

import io

import numpy as np
from PIL import AvifImagePlugin, Image, features

from bottlenet_tf.codec import jpeg
from bottlenet_tf.codec.payload import overhead_bytes
from bottlenet_tf.common.registry import Registry
from bottlenet_tf.evaluation.avif_file import av1_frame
from bottlenet_tf.evaluation.shared_heads import shared_heads, without_head

try:
    import imagecodecs
except ImportError:
    imagecodecs = None

# An `ImageCodec` for each name.
IMAGE_CODECS = Registry("image codec")
# The codecs of a sweep, where this machine has them.
_SWEPT = ("jpeg", "webp", "avif", "jxl")
# A sender that strips a file's constant headers needs version, tag and checksum
# like our payloads: `PayloadFormat` without a range.
HEADER_BYTES = overhead_bytes(sends_range=False)
# Decoding takes 0.08 ms in one thread and 0.3 ms in two; Pillow has no other
# way to set their number.
AvifImagePlugin.DEFAULT_MAX_THREADS = 1


class ImageCodec:
    """A format that Pillow writes, with settings of its encoder.

    Codes one image at a time in one thread; callers supply threads.

    Args:
        **settings: Options of the encoder.
    """

    # Pillow's name of the format; the library's, for display.
    kind = library = None
    # Whether `varying` begins with fields that many images share.
    has_frame_header = True

    def __init__(self, **settings):
        self.settings = settings

    def version(self):
        """Returns the library's version, or None if it is missing."""
        return features.version(self.kind.lower())

    def encode(self, image, quality):
        """Returns a file.

        Args:
            image: Pillow image, "L" or "RGB".
            quality: Integer from 1 (smallest) to 100.
        """
        buffer = io.BytesIO()
        image.save(buffer, self.kind, quality=quality, **self.options(image))
        return buffer.getvalue()

    def options(self, image):
        """Returns Pillow's options for an image."""
        return self.settings

    def decode(self, file):
        """Returns the image of a file, a Pillow image in RGB."""
        with Image.open(io.BytesIO(file), formats=[self.kind]) as image:
            return image.convert("RGB")

    def varying(self, file):
        """Returns the bytes that, with size and quality, restore the file.

        Their order may differ.
        """
        raise NotImplementedError

    def send(self, image, quality):
        """Returns `(file, counted)`: a file, and its bytes that count."""
        file = self.encode(image, quality)
        sent = self.varying(file)
        if self.has_frame_header:
            heads = shared_heads(self, quality, image.size, image.mode)
            sent = without_head(sent, heads)
        return file, len(sent) + HEADER_BYTES


class Jpeg(ImageCodec):
    """JPEG with the standard Huffman tables; others would have to be sent."""

    kind, library = "JPEG", "Pillow with JPEG"
    has_frame_header = False

    def version(self):
        return features.version("jpg")

    def varying(self, file):
        """Returns the image data, between the scan's header and EOI."""
        *_, (_, _, end) = jpeg.segments(file)
        return file[end:-2]


class WebP(ImageCodec):
    """Lossy WebP."""

    kind, library = "WEBP", "Pillow with WebP"

    def varying(self, file):
        """Returns the frame without start code and size, its tag last.

        Its length implies the container: "RIFF", size, "WEBP", "VP8 ", size,
        and a byte of padding after an odd one. It begins (RFC 6386, section
        9.1) with tag 3, start code 3, width 2 and height 2.
        """
        end = 20 + int.from_bytes(file[16:20], "little")
        is_plain = file[12:16] == b"VP8 " and file[23:26] == b"\x9d\x01\x2a"
        if not is_plain or not 30 <= end <= len(file):
            raise ValueError(
                "A WebP file must contain a lossy frame and nothing else, or "
                f"its bytes can't be counted. Received: file of {len(file)} "
                "bytes"
            )
        return file[30:end] + file[20:23]


class Avif(ImageCodec):
    """AVIF of libaom, at a slower speed for small images."""

    kind, library = "AVIF", "Pillow with AVIF and libaom"

    def version(self):
        aom = AvifImagePlugin.SUPPORTED and (
            AvifImagePlugin.get_codec_version("aom")
        )
        return f"{features.version('avif')}, aom {aom}" if aom else None

    def options(self, image):
        # Slower speeds take ten times WebP's time for 224x224.
        speed = 6 if image.width * image.height <= 64 * 64 else 8
        return {
            "codec": "aom",
            "speed": speed,
            "max_threads": 1,
            "autotiling": False,
            **self.settings,
        }

    def varying(self, file):
        return av1_frame(file)


class JpegXl(ImageCodec):
    """JPEG XL of libjxl, as a bare codestream."""

    library = "imagecodecs with JPEG XL"

    def version(self):
        if imagecodecs is None or not imagecodecs.JPEGXL.available:
            return None
        return imagecodecs.jpegxl_version()

    def encode(self, image, quality):
        """Uses libjxl's own scale of qualities (cjxl.cc)."""
        if quality < 30:
            distance = 53 / 3000 * quality**2 - 23 / 20 * quality + 25
        else:
            distance = 0.1 + 0.09 * (100 - quality)
        return imagecodecs.jpegxl_encode(
            np.asarray(image), distance=distance, usecontainer=False,
            numthreads=1, **self.settings,
        )  # fmt: skip

    def decode(self, file):
        pixels = imagecodecs.jpegxl_decode(file, numthreads=1)
        return Image.fromarray(pixels).convert("RGB")

    def varying(self, file):
        return file


# Subsampled colour takes the fewest bytes at equal accuracy below 60 and above
# 95 % of CIFAR's training images, 4:4:4 up to 6 % fewer between. Huffman tables
# of its own cost a small image more than they save.
IMAGE_CODECS.register("jpeg")(Jpeg(subsampling="4:2:0", optimize=False))
IMAGE_CODECS.register("webp")(WebP(method=6, lossless=False))
IMAGE_CODECS.register("avif")(Avif(advanced={"tune": "psnr"}))
IMAGE_CODECS.register("jxl")(JpegXl(effort=5))


def missing_codecs():
    """Returns `{name: why}` of the sweep's codecs that this machine lacks."""
    return {
        name: f"this machine has no {IMAGE_CODECS.get(name).library}"
        for name in _SWEPT
        if IMAGE_CODECS.get(name).version() is None
    }


def usable_codecs():
    """Returns the names of the codecs of a sweep on this machine."""
    missing = missing_codecs()
    return tuple(name for name in _SWEPT if name not in missing)


def usable_codec(name):
    """Returns a name's `ImageCodec`."""
    codec = IMAGE_CODECS.get(name)
    if codec.version() is None:
        raise ValueError(
            f"This image codec needs {codec.library}, which is missing. "
            f"Usable: {', '.join(usable_codecs())}. Received: codec={name!r}"
        )
    return codec

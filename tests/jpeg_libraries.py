"""Stand-ins for a device's JPEG library that writes other bytes than ours."""

import contextlib
import io

from PIL import Image

from bottlenet_tf.codec import jpeg


def pillow_file(plane, quality, **options):
    """A grey JPEG file of Pillow's; `options` as `Image.save` takes them."""
    buffer = io.BytesIO()
    Image.fromarray(plane).save(buffer, "JPEG", quality=quality, **options)
    return buffer.getvalue()


def coarser(plane, quality):
    """A file whose every quantisation step is one larger than libjpeg's."""
    with Image.open(io.BytesIO(pillow_file(plane, quality))) as image:
        steps = [min(step + 1, 255) for step in image.quantization[0]]
    return pillow_file(plane, quality, qtables=[steps])


def edited(at, value):
    """Returns an encoder whose files have another byte at one place."""

    def encode(plane, quality):
        file = bytearray(pillow_file(plane, quality))
        assert file[at] != value
        file[at] = value
        return bytes(file)

    return encode


# SOI 2, APP0 18, DQT 69, SOF0 13, DHT 33 + 183, SOS 10: 328 bytes.
OTHER_TABLES = {
    "quantisation table": coarser,
    "frame's sampling": edited(2 + 18 + 69 + 11, 0x22),
    "DC table": edited(2 + 18 + 69 + 13 + 5 + 16, 1),  # Its first symbol.
    "AC table": edited(2 + 18 + 69 + 13 + 33 + 5 + 16, 2),
    "scan's last coefficient": edited(328 - 2, 62),
}


@contextlib.contextmanager
def encoding_by(encode_file):
    """Context in which this machine's JPEG library encodes like that."""
    ours = jpeg._encode_file
    jpeg._encode_file = encode_file
    jpeg.jpeg_prefix.cache_clear()
    try:
        yield
    finally:
        jpeg._encode_file = ours
        jpeg.jpeg_prefix.cache_clear()

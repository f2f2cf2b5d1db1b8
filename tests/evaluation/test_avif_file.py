"""Tests of the frame in an AVIF file."""

import io

import numpy as np
import pytest
from PIL import Image

from bottlenet_tf.evaluation.avif_file import av1_frame


def _box(name, data):
    return (8 + len(data)).to_bytes(4, "big") + name + data


def _unit(kind, data):
    # Bit 1: a size follows; of the sizes below 16384, in two bytes.
    size = bytes([0x80 | len(data) & 0x7F, len(data) >> 7])
    return bytes([kind << 3 | 2]) + size + data


def _file(*units):
    return _box(b"ftyp", b"avif") + _box(b"mdat", b"".join(units))


DELIMITER, SEQUENCE, FRAME = _unit(2, b""), _unit(1, b"seq"), b"x" * 300


def test_frame_is_the_last_unit_of_the_media_data():
    file = _file(DELIMITER, SEQUENCE, _unit(6, FRAME))
    assert av1_frame(file) == FRAME
    assert av1_frame(file + _box(b"free", b"12")) == FRAME


@pytest.mark.parametrize(
    "file",
    [
        b"",
        b"GIF89a: no boxes at all, however long",
        _box(b"ftyp", b"avif"),
        _file(DELIMITER, SEQUENCE),
        _file(_unit(6, FRAME), _unit(6, FRAME)),
        _file(_unit(5, b"metadata"), _unit(6, FRAME)),
        _file(bytes([6 << 3]) + FRAME),  # Without a size.
        _file(b"\x32\xff\xff"),  # Within the size.
    ],
)
def test_file_with_anything_else_is_refused(file):
    with pytest.raises(ValueError, match=f"one frame.*file of {len(file)} by"):
        av1_frame(file)


def test_truncated_file_is_refused_at_every_byte():
    file = _file(DELIMITER, SEQUENCE, _unit(6, FRAME))
    for end in range(len(file)):
        with pytest.raises(ValueError, match=f"Received: file of {end} bytes"):
            av1_frame(file[:end])


@pytest.mark.parametrize("size", [(8, 8), (33, 50), (600, 20)])
def test_frame_ends_the_files_that_pillow_writes(size):
    buffer = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    Image.fromarray(pixels).save(buffer, "AVIF", speed=9)
    file = buffer.getvalue()
    assert file.endswith(av1_frame(file))
    assert len(file) - len(av1_frame(file)) < 320

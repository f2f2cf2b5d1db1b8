"""Tests of the image codecs: what counts of a file restores it."""

import io

import numpy as np
import pytest
from PIL import Image, features

from bottlenet_tf.evaluation import image_codecs
from bottlenet_tf.evaluation.avif_file import av1_frame
from bottlenet_tf.evaluation.image_codecs import HEADER_BYTES, IMAGE_CODECS
from bottlenet_tf.evaluation.shared_heads import shared_heads, without_head

NAMES = image_codecs.usable_codecs()
MODES = ["RGB", "L"]


def _jpeg(varying, template):
    head = template.index(IMAGE_CODECS.get("jpeg").varying(template))
    return template[:head] + varying + b"\xff\xd9"


def _webp(varying, template):
    frame = varying[-3:] + template[23:30] + varying[:-3]
    chunk = b"VP8 " + len(frame).to_bytes(4, "little") + frame
    chunk += bytes(len(frame) % 2)
    size = (4 + len(chunk)).to_bytes(4, "little")
    return b"RIFF" + size + b"WEBP" + chunk


def _leb128(value):
    low = value & 0x7F
    return bytes([low]) if value < 128 else bytes([low | 128, value >> 7])


def _avif(varying, template):
    # Three lengths follow from the frame's: of its unit, of the last box and,
    # at the end of the box "iloc", of the item that the last box holds.
    old = av1_frame(template)
    media = template.index(b"mdat")
    before = template[media + 4 : -len(old) - len(_leb128(len(old)))]
    stream = before + _leb128(len(varying)) + varying
    item = template.index(b"iloc") - 4
    item += int.from_bytes(template[item : item + 4], "big")
    return (
        template[: item - 4]
        + len(stream).to_bytes(4, "big")
        + template[item : media - 4]
        + (8 + len(stream)).to_bytes(4, "big")
        + b"mdat"
        + stream
    )


RECEIVERS = {
    "jpeg": _jpeg,
    "webp": _webp,
    "avif": _avif,
    "jxl": lambda varying, template: varying,
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("quality", [3, 50, 95])
def test_receiver_restores_the_file_from_what_counts(
    make_images, name, quality, mode
):
    codec = IMAGE_CODECS.get(name)
    # All that a receiver has of its own: it encodes one image, any.
    other = Image.new(mode, (16, 16), 99 if mode == "L" else (99, 50, 0))
    template = codec.encode(other, quality)
    heads = {b""}
    if codec.has_frame_header:
        heads = shared_heads(codec, quality, (16, 16), mode)
    for pixels in make_images(6):
        image = Image.fromarray(pixels).convert(mode)
        file, counted = codec.send(image, quality)
        sent = without_head(codec.varying(file), heads)
        assert counted == len(sent) + HEADER_BYTES
        # The payload's tag names the head.
        (head,) = {h for h in heads if h + sent == codec.varying(file)}
        assert RECEIVERS[name](head + sent, template) == file


@pytest.mark.parametrize("name", NAMES)
def test_decoded_pixels_are_near_the_image(make_images, name):
    codec = IMAGE_CODECS.get(name)
    for mode in MODES:
        image = Image.fromarray(make_images(1)[0]).convert(mode)
        decoded = codec.decode(codec.encode(image, 95)).convert("RGB")
        error = np.subtract(decoded, image.convert("RGB"), dtype=float)
        assert np.abs(error).mean() < 8


@pytest.mark.parametrize("name", NAMES)
def test_bytes_rise_with_quality_from_a_few_dozen(make_images, name):
    codec = IMAGE_CODECS.get(name)
    image = Image.fromarray(make_images(1, size=32)[0])
    sizes = [codec.send(image, quality)[1] for quality in (1, 30, 60, 95)]
    assert sizes == sorted(set(sizes))
    assert sizes[0] < 110 and sizes[-1] > 3 * sizes[0]


@pytest.mark.parametrize(
    ("name", "shared"), [("webp", 1), ("avif", 5), ("jxl", 5)]
)
def test_frame_headers_are_shared(make_images, name, shared):
    if name not in NAMES:
        pytest.skip("this machine lacks the codec")
    codec = IMAGE_CODECS.get(name)
    saved = []
    for pixels in make_images(8, size=32):
        file, counted = codec.send(Image.fromarray(pixels), 60)
        saved.append(len(codec.varying(file)) + HEADER_BYTES - counted)
    assert np.mean(saved) >= shared


def test_grey_jpeg_takes_fewer_bytes_than_grey_in_colour(make_images):
    grey = Image.fromarray(make_images(1)[0]).convert("L")
    codec = IMAGE_CODECS.get("jpeg")
    assert codec.send(grey, 50)[1] < codec.send(grey.convert("RGB"), 50)[1]


def test_jpeg_without_a_scan_is_refused():
    with pytest.raises(ValueError, match="scan.*Received: file of 4 bytes"):
        IMAGE_CODECS.get("jpeg").varying(b"\xff\xd8\xff\xd9")


def test_webp_with_more_than_a_frame_is_refused(make_images):
    image = Image.fromarray(make_images(1)[0])
    codec = IMAGE_CODECS.get("webp")
    lossless = io.BytesIO()
    image.save(lossless, "WEBP", lossless=True)
    whole = codec.encode(image, 50)
    for file in (lossless.getvalue(), whole[:-2], whole[:20], b""):
        with pytest.raises(ValueError, match="lossy frame and nothing else"):
            codec.varying(file)


def test_unknown_codec_lists_the_choices():
    with pytest.raises(ValueError, match="avif, jpeg, jxl, webp.*name='gif'"):
        image_codecs.usable_codec("gif")


def _without_avif(monkeypatch):
    version = features.version
    monkeypatch.setattr(
        features, "version", lambda name: name != "avif" and version(name)
    )
    monkeypatch.setattr(image_codecs.AvifImagePlugin, "SUPPORTED", False)


def test_codecs_that_are_missing_are_left_out_and_named(monkeypatch):
    assert "jpeg" in NAMES and "webp" in NAMES
    _without_avif(monkeypatch)
    monkeypatch.setattr(image_codecs, "imagecodecs", None)
    assert image_codecs.usable_codecs() == ("jpeg", "webp")
    missing = image_codecs.missing_codecs()
    assert "Pillow with AVIF" in missing["avif"]
    assert "imagecodecs with JPEG XL" in missing["jxl"]
    with pytest.raises(ValueError, match="Usable: jpeg, webp.*codec='avif'"):
        image_codecs.usable_codec("avif")

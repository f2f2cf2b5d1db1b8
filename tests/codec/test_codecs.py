"""Tests that hold for every built-in codec, and of their registration."""

import io
import subprocess
import sys
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from bottlenet_tf.codec import (
    CODECS,
    Codec,
    PayloadError,
    create_codec,
    lossless,
)

BUILT_IN = ["jpeg", "png", "raw"]
LOSSLESS = ["png", "raw"]


@pytest.fixture(autouse=True)
def warnings_are_errors():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.mark.parametrize("name", LOSSLESS)
@pytest.mark.parametrize(
    "shape",
    # The last four: planes of up to 4 pixels a row.
    [
        (28, 28, 1),
        (7, 7, 3),
        (1, 1, 1),
        (5, 300, 10),
        (300, 1, 1),
        (128, 3, 1),
        (3000, 4, 1),
        (300, 1, 5),
    ],
)
def test_a_lossless_codec_returns_the_codes(library, name, shape):
    codes = np.random.default_rng(2).integers(0, 256, shape, np.uint8)
    codec = create_codec(name)
    np.testing.assert_array_equal(
        codec.decode(codec.encode(codes), shape), codes
    )


def test_png_written_with_one_library_is_read_with_the_other(
    monkeypatch, codes
):
    from bottlenet_tf.codec import lossless

    codec = create_codec("png")
    data = codec.encode(codes)
    monkeypatch.setattr(lossless, "imagecodecs", None)
    np.testing.assert_array_equal(codec.decode(data, codes.shape), codes)


def test_png_image_data_has_no_container(codes):
    # One zlib stream of every row's filter byte and pixels: 9 rows a tile.
    data = create_codec("png").encode(codes)
    assert len(zlib.decompress(data)) == 2 * 9 * (1 + 2 * 7)


@pytest.mark.parametrize("name", BUILT_IN)
@pytest.mark.parametrize("content", ["noise", "checkerboard", "flat"])
def test_honest_image_data_stays_below_max_bytes(library, name, content):
    shape = (13, 11, 2)
    codes = {
        "noise": np.random.default_rng(3).integers(0, 256, shape, np.uint8),
        "checkerboard": (np.indices(shape).sum(0) % 2 * 255).astype(np.uint8),
        "flat": np.zeros(shape, np.uint8),
    }[content]
    config = {"quality": 100} if name == "jpeg" else {}
    codec = create_codec(name, **config)
    assert len(codec.encode(codes)) <= codec.max_bytes(shape)


@pytest.mark.parametrize(
    "name, limit",
    [
        # 3 channels in 2 x 2 tiles: 18 x 14 pixels, 3 x 2 blocks of 432.
        ("jpeg", 6 * 432 + 16),
        # Four bytes an element and 1 KiB.
        ("png", 4 * 9 * 7 * 3 + 1024),
        ("raw", 4 * 9 * 7 * 3 + 1024),
    ],
)
def test_max_bytes_match_hand_worked_sizes(name, limit):
    assert create_codec(name).max_bytes((9, 7, 3)) == limit


@pytest.mark.parametrize("name", BUILT_IN)
@pytest.mark.parametrize(
    "codes",
    [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 1)), [[[0]]]],
    ids=["rank 2", "float", "list"],
)
def test_codes_of_another_kind_are_refused(name, codes):
    with pytest.raises(ValueError, match="uint8 array of shape"):
        create_codec(name).encode(codes)


def corrupt(data, rng):
    """Cuts, overwrites, replaces or extends `data`."""
    kind = rng.integers(4)
    if kind == 0:
        return data[: rng.integers(len(data))]
    if kind == 1:
        data = bytearray(data)
        for _ in range(rng.integers(1, 5)):
            data[rng.integers(len(data))] = rng.integers(256)
        return bytes(data)
    if kind == 2:
        return rng.bytes(rng.integers(600))
    return data + rng.bytes(rng.integers(1, 300))


@pytest.mark.parametrize("name", BUILT_IN)
def test_hostile_image_data_gives_codes_or_a_payload_error(
    library, name, codes
):
    rng = np.random.default_rng(4)
    codec = create_codec(name)
    honest = codec.encode(codes)
    for _ in range(1500):
        try:
            decoded = codec.decode(corrupt(honest, rng), codes.shape)
        except PayloadError:
            continue
        assert decoded.shape == codes.shape and decoded.dtype == np.uint8


@pytest.mark.parametrize("name", LOSSLESS)
def test_a_zlib_bomb_is_refused_without_inflating_it(name):
    # 64 MiB of zeros in 64 KiB. Codes of 4 x 4 need 16 bytes, PNG rows 20.
    bomb = zlib.compress(bytes(2**26), 9)
    with pytest.raises(PayloadError, match="inflate to more or fewer"):
        create_codec(name).decode(bomb, (4, 4, 1))


@pytest.mark.parametrize("name", LOSSLESS)
def test_bytes_after_a_lossless_stream_are_refused(library, name, codes):
    codec = create_codec(name)
    with pytest.raises(PayloadError):
        codec.decode(codec.encode(codes) + b"x", codes.shape)


@pytest.mark.parametrize("name", LOSSLESS)
def test_a_lossless_stream_cut_short_is_refused(library, name, codes):
    codec = create_codec(name)
    data = codec.encode(codes)
    for length in range(len(data)):
        with pytest.raises(PayloadError):
            codec.decode(data[:length], codes.shape)


def test_an_unknown_png_filter_is_refused(library):
    # Filters are 0 to 4; two rows of two pixels.
    data = zlib.compress(b"\x05ab\x05cd")
    with pytest.raises(PayloadError, match="PNG"):
        create_codec("png").decode(data, (2, 2, 1))


def test_a_png_library_that_writes_another_header_is_not_used(
    monkeypatch, codes
):
    def palette_file(plane):
        buffer = io.BytesIO()
        Image.fromarray(plane).convert("P").save(buffer, "PNG")
        return buffer.getvalue()

    monkeypatch.setattr(lossless, "_encode_file", palette_file)
    with pytest.raises(RuntimeError, match="8-bit grey.*header=.*0803000000"):
        create_codec("png").encode(codes)


def test_another_file_format_is_no_png(library):
    with pytest.raises(PayloadError):
        create_codec("png").decode(b"GIF89a" + bytes(60), (2, 2, 1))


def test_a_stream_that_wants_a_dictionary_is_refused():
    deflater = zlib.compressobj(9, zdict=b"abcd")
    data = deflater.compress(b"abcd") + deflater.flush()
    with pytest.raises(PayloadError):
        create_codec("raw").decode(data, (2, 2, 1))


def test_a_name_is_registered_once():
    with pytest.raises(ValueError, match="name='jpeg'"):
        CODECS.register("jpeg")(Codec)


def test_an_unknown_codec_lists_the_choices():
    with pytest.raises(ValueError, match="jpeg, png, raw.*name='webp'"):
        create_codec("webp")


@pytest.mark.parametrize(
    "name, option", [("png", "quality"), ("raw", "level"), ("jpeg", "level")]
)
def test_an_option_that_a_codec_has_not_is_named_in_the_error(name, option):
    with pytest.raises(ValueError, match=f"'{option}'.*Received: {{'{option}'"):
        create_codec(name, **{option: 20})


def test_a_codec_whose_own_name_differs_is_refused(monkeypatch):
    class Nameless(Codec):
        def encode(self, codes, point=0):
            return codes.tobytes()

        def decode(self, data, shape, point=0):
            return np.frombuffer(data, np.uint8).reshape(shape)

    monkeypatch.setattr(CODECS, "_entries", dict(CODECS._entries))
    CODECS.register("nameless")(Nameless)
    with pytest.raises(ValueError, match="Received: name=None"):
        create_codec("nameless")


@pytest.mark.parametrize("name", BUILT_IN)
def test_get_config_builds_the_same_codec(name, codes):
    config = {"quality": 37} if name == "jpeg" else {}
    codec = create_codec(name, **config)
    twin = create_codec(name, **codec.get_config())
    assert twin.encode(codes) == codec.encode(codes)


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_codec_has_one_operating_point_unless_told_otherwise(name):
    codec = create_codec(name)
    assert codec.points == ((20,) if name == "jpeg" else (None,))
    assert codec.code_dtype == np.uint8 and codec.min_bytes == 1


@pytest.mark.parametrize("name", BUILT_IN)
@pytest.mark.parametrize("shape", [(9,), (9, 7), (9, 7, 3, 1)])
def test_codes_of_another_number_of_axes_are_refused(name, shape):
    with pytest.raises(ValueError, match=r"\(h, w, c\).*Received: shape="):
        create_codec(name).check_shape(shape)


def test_the_byte_side_imports_neither_tensorflow_nor_keras():
    code = (
        "import sys, bottlenet_tf.codec;"
        "sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0

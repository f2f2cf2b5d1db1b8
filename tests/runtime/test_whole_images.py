"""Image files for the unsplit network: answered, or refused within bounds."""

import io
import json
import resource
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from bottlenet_tf.codec import PayloadError
from bottlenet_tf.codec import answer as answers
from bottlenet_tf.edge import image_files
from bottlenet_tf.runtime import images, whole, whole_images
from bottlenet_tf.runtime.whole import Whole
from bottlenet_tf.runtime.whole_images import WholeImages
from tests.edge.tiny_deployment import write_whole

SIZE = 8


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    edge = tmp_path_factory.mktemp("whole")
    write_whole(edge)
    return edge


@pytest.fixture(scope="module")
def served(folder):
    return WholeImages.load(folder, threads=1)


@pytest.fixture(scope="module")
def about(folder):
    return whole.read(folder / whole.NAME)


def file_of(pixels, kind="PNG", **options):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def noise(height, width, seed=0):
    shape = height, width, 3
    return np.random.RandomState(seed).randint(0, 256, shape).astype(np.uint8)


def png_of_size(width, height):
    """A PNG that is nothing but its dimensions and a few bytes of zeros."""

    def chunk(name, data):
        crc = zlib.crc32(name + data)
        return (
            struct.pack(">I", len(data)) + name + data + crc.to_bytes(4, "big")
        )

    about = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", about)
        + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )  # fmt: skip


def test_an_image_is_answered_as_on_the_device(served, folder):
    files = [file_of(noise(SIZE, SIZE, i)) for i in range(3)]
    found = served.answer(files, queued_ms=[0.5, 1.0, 1.5])
    here = Whole.load(folder)
    for i, row in enumerate(found["answer"]):
        got, want = (
            answers.unpack(bytes(row)),
            here.predict(noise(SIZE, SIZE, i)),
        )
        assert got.status == "ok" and got.answers(files[i])
        assert got.class_index == want.argmax()
        assert got.unit_id == whole.identity(here.about)
        assert (got.batch, got.queued_ms) == (3, 0.5 * (i + 1))
        # A compact answer's probabilities are 65535ths.
        np.testing.assert_allclose(got.top[0][1], want.max(), atol=1 / 65535)


def test_a_photo_is_prepared_as_on_the_device(about):
    photo = noise(30, 20)
    found = whole_images.decode(file_of(photo), about)
    np.testing.assert_array_equal(found, images.pixels(photo, SIZE, SIZE))


GOOD = file_of(noise(SIZE, SIZE))
JPEG = file_of(noise(SIZE, SIZE), "JPEG")
HOSTILE = {
    "nothing": (b"", "wrong size"),
    "too many bytes": (GOOD + bytes(whole_images.MOST_BYTES), "wrong size"),
    "no image": (bytes(1000), "undecodable"),
    "another format": (file_of(noise(8, 8), "BMP"), "undecodable"),
    "cut off": (GOOD[:-40], "undecodable"),
    "a bit turned": (
        GOOD[:60] + bytes([GOOD[60] ^ 1]) + GOOD[61:],
        "undecodable",
    ),
    "too many pixels": (png_of_size(4096, 2048), "wrong size"),
    "a bomb": (png_of_size(60000, 60000), "wrong size"),
    "a strip with a hole": (png_of_size(4000000, 1), "undecodable"),
    "zeros for pixels": (png_of_size(2048, 2048), "undecodable"),
    "endless scans": (
        JPEG[:-2] + b"\xff\xda\0\x02" * 1000 + JPEG[-2:],
        "undecodable",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_image_has_a_status_and_leaves_the_others(served, name):
    data, status = HOSTILE[name]
    found = served.answer([GOOD, data, JPEG])
    assert found["status"][:, 0].tolist() == ["ok", status, "ok"]
    assert found["classes"][1, 0] == -1 and not found["probabilities"][1].any()


def test_hostile_images_take_no_memory(about):
    moving = io.BytesIO()
    frames = [Image.fromarray(noise(8, 8, i)) for i in range(2)]
    frames[0].save(moving, "WEBP", save_all=True, append_images=frames[1:])
    webp = bytearray(moving.getvalue())
    assert webp[12:16] == b"VP8X"
    webp[24:30] = (16382).to_bytes(3, "little") * 2  # 1 GiB for a canvas.
    webp = bytes(webp)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for data in (webp, *(data for data, _ in HOSTILE.values())):
        with pytest.raises(PayloadError):
            whole_images.decode(data, about)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert after - before < 100_000  # KiB.


def test_any_damage_to_an_image_is_survived(served):
    rng = np.random.RandomState(0)
    originals = [
        image_files.encode(noise(SIZE, SIZE), codec, 80, SIZE)
        for codec in ("jpeg", "webp", "avif")
        if image_files.why_not(codec) is None
    ]
    for data in originals * 40:
        damaged = bytearray(data)
        for place in rng.randint(0, len(data), 3):
            damaged[place] = rng.randint(256)
        (status,) = served.answer([bytes(damaged)])["status"][:, 0]
        assert status in ("ok", "wrong size", "undecodable")


def test_another_network_is_another_identity(about):
    assert whole.identity(about) == whole.identity(about)
    changes = [{"image_size": 9}, {"classes": ("a", "b", "c")}, {"sha256": {}}]
    found = {whole.identity(about._replace(**change)) for change in changes}
    assert len(found | {whole.identity(about)}) == 4


def test_one_for_timing_alone_is_not_served(folder, tmp_path):
    content = json.loads((folder / whole.NAME).read_text())
    content["timing_only"] = "nobody trained it"
    (tmp_path / whole.NAME).write_text(json.dumps(content))
    (tmp_path / "whole_for_timing.onnx").write_bytes(
        (folder / "whole.onnx").read_bytes()
    )
    with pytest.raises(ValueError, match="nobody trained it"):
        WholeImages.load(tmp_path)

"""Tests of the device's half on ONNX Runtime."""

import subprocess
import sys

import numpy as np
import pytest
from onnx import helper
from PIL import Image

from bottlenet_tf.codec import CODECS, Codec
from bottlenet_tf.codec.lossless import PngCodec
from bottlenet_tf.runtime import edge, runtimes, unit_file
from bottlenet_tf.runtime.edge import Head
from bottlenet_tf.runtime.gains import Gains


def test_codes_are_the_ones_worked_out_by_hand(deploy, hand, pixels):
    codes, _ = Head.load(deploy()).codes(pixels)
    assert codes.dtype == np.uint8 and codes.shape == (4, 4, 2)
    np.testing.assert_array_equal(codes, hand.head_codes(pixels))


def test_the_range_is_rounded_to_float16_by_the_host(deploy, hand, pixels):
    # The tiny head gives float32 bounds, as TensorRT without the cast would.
    folder = deploy()
    hand.save_head(folder / "edge" / "head.onnx", True, weights=3 * hand.HEAD)
    pixels[...] = 0
    pixels[0, 0] = (255, 0, 1)  # 4.5 * 255 = 1147.5; from 1024 in steps of 1.
    pixels[2, 2] = (1, 255, 0)  # 4.5 - 1.5 * 255 = -378; to 512 in quarters.
    _, code_range = Head.load(folder).codes(pixels)
    assert code_range == (-378.0, 1148.0)


def test_a_unit_without_a_range_gives_none(deploy, pixels):
    head = Head.load(deploy(sends_range=False))
    assert head.codes(pixels)[1] is None


@pytest.mark.parametrize("sends_range", [True, False])
def test_the_payload_unpacks_to_codes_and_range(
    deploy, hand, pixels, sends_range
):
    head = Head.load(deploy(sends_range))
    unpacked = head.unit.format.unpack(head.encode(pixels))
    np.testing.assert_array_equal(unpacked.codes, hand.head_codes(pixels))
    want = hand.head_range(pixels) if sends_range else None
    assert unpacked.code_range == want and unpacked.point == 0


@pytest.mark.parametrize(
    "point, value", [(0, 96), (1, 32), (2, 64), (None, 64)]
)
def test_codes_are_of_the_point_asked_for_or_the_default_one(
    deploy, hand, pixels, qualities, point, value
):
    head = Head.load(deploy(sends_range=False, **qualities))
    codes, _ = head.codes(pixels, point)
    np.testing.assert_array_equal(codes, hand.head_codes(pixels, value))
    payload = head.encode(pixels, point)
    index = 2 if point is None else point
    assert payload == head.unit.format.pack(codes, None, index)


def test_a_point_may_be_the_codec_s_alone(deploy, hand, pixels, qualities):
    head = Head.load(deploy(**{**qualities, "takes_point": False}))
    for point in (0, 1, 2):
        codes, code_range = head.codes(pixels, point)
        np.testing.assert_array_equal(codes, hand.head_codes(pixels))
        want = head.unit.format.pack(codes, code_range, point)
        assert head.encode(pixels, point) == want


@pytest.mark.parametrize("point", [-1, 3, 0.5, True])
def test_a_point_that_the_unit_has_not_is_refused(
    deploy, pixels, qualities, point
):
    head = Head.load(deploy(**qualities))
    with pytest.raises(ValueError, match=f"0 to 2 .*point={point}"):
        head.encode(pixels, point)


def test_one_run_of_the_network_serves_every_point(
    deploy, hand, pixels, qualities
):
    head = Head.load(deploy(sends_range=False, **qualities))
    coefficients, code_range = head.run(pixels)
    assert coefficients.dtype == np.float32 and code_range is None
    np.testing.assert_array_equal(coefficients, hand.head_sums(pixels))


def test_gains_of_another_export_are_refused(deploy, hand, qualities):
    folder = deploy(**qualities)
    path = folder / "edge" / "gains.npy"
    digest = unit_file.file_sha256(path)
    folder = deploy(**qualities, sha256={"gains.npy": digest})
    Head.load(folder)
    np.save(path, 2 * hand.gains([96, 32, 64]))
    with pytest.raises(ValueError, match="gains.npy must be.*copy the comp"):
        Head.load(folder)


def test_missing_gains_are_named(deploy, qualities):
    folder = deploy(**qualities)
    (folder / "edge" / "gains.npy").unlink()
    with pytest.raises(FileNotFoundError, match="gains.npy"):
        Head.load(folder)


@pytest.mark.parametrize("takes_point", [True, False])
def test_gains_are_given_exactly_if_the_unit_takes_the_point(
    deploy, hand, qualities, takes_point
):
    head = Head.load(deploy(**{**qualities, "takes_point": takes_point}))
    table = Gains(hand.gains([96, 32, 64]), head.unit.format)
    with pytest.raises(ValueError, match="exactly if its unit takes"):
        Head(head.unit, head._engine, "onnx", None if takes_point else table)


def test_a_limit_takes_the_finest_point_that_fits(deploy, pixels):
    # As PNG at gains that fall, payloads shrink from point to point.
    head = falling_head(deploy)
    sizes = [len(head.encode(pixels, point)) for point in range(3)]
    assert sizes[0] > sizes[1] > sizes[2]
    for point, size in enumerate(sizes):
        assert head.encode(pixels, max_bytes=size) == head.encode(pixels, point)
        found = head.fit(*head.run(pixels), size)
        assert (found.point, found.left_out) == (point, 0)


def test_below_the_coarsest_point_codes_are_left_out(deploy, pixels):
    head = falling_head(deploy)
    coarsest = head.encode(pixels, 2)
    payload = head.encode(pixels, max_bytes=len(coarsest) - 1)
    assert len(payload) < len(coarsest)
    found, full = map(head.unit.format.unpack, (payload, coarsest))
    assert found.point == 2
    kept = found.codes.ravel() != 0
    # By their own order, that of a codec without tables.
    count = np.flatnonzero(kept).max() + 1
    want = full.codes.ravel().copy()
    want[count:] = 0
    np.testing.assert_array_equal(found.codes.ravel(), want)


def test_the_network_runs_once_whatever_the_limit(deploy, pixels):
    head = falling_head(deploy)
    engine, runs = head._engine, []
    head._engine = CountedEngine(engine, runs)
    least = head.least_bytes
    assert len(head.encode(pixels, max_bytes=least)) == least
    assert len(runs) == 1


def test_a_limit_that_nothing_keeps_is_refused_before_the_image_is_read(deploy):
    head = falling_head(deploy)
    least = head.least_bytes
    with pytest.raises(ValueError, match=f"at least {least}.*={least - 1}$"):
        head.encode("no such file", max_bytes=least - 1)


@pytest.mark.parametrize("limit", [0, -5, 2.5, True, "300"])
def test_a_limit_that_is_no_number_of_bytes_is_refused(deploy, limit):
    with pytest.raises(ValueError, match="positive integer.*max_bytes="):
        Head.load(deploy()).encode("no such file", max_bytes=limit)


def test_a_point_and_a_limit_together_are_refused(deploy, pixels):
    with pytest.raises(ValueError, match="point=0, max_bytes=300"):
        Head.load(deploy()).encode(pixels, 0, 300)


def test_a_unit_of_one_point_refuses_what_is_beyond_the_limit(deploy, pixels):
    head = Head.load(deploy())
    payload = head.encode(pixels)
    assert head.encode(pixels, max_bytes=len(payload)) == payload
    with pytest.raises(ValueError, match=f"limit.*, {len(payload)} bytes$"):
        head.encode(pixels, max_bytes=len(payload) - 1)


@pytest.mark.parametrize("value", [1e30, -1e30, np.inf, -np.inf, 300.0])
def test_a_head_gone_wild_stays_within_the_limit(deploy, pixels, value):
    head = falling_head(deploy)
    sums = np.random.default_rng(0).choice([0, 1, value], (1, 2, 4, 4))
    head._engine = FakeEngine(sums.astype(np.float32))
    for limit in (head.least_bytes, 50, 60):
        payload = head.encode(pixels, max_bytes=limit)
        assert len(payload) <= limit
        assert head.unit.format.unpack(payload).codes.shape == (4, 4, 2)


def test_a_head_whose_coefficients_are_no_numbers_is_refused(deploy, pixels):
    head = falling_head(deploy)
    head._engine = FakeEngine(np.full((1, 2, 4, 4), np.nan, np.float32))
    for rate in ({"max_bytes": 60}, {"point": 0}):
        with pytest.raises(ValueError, match="must be numbers.*32 of 32"):
            head.encode(pixels, **rate)


class FakeEngine:
    """An engine that answers with these coefficients, whatever the image."""

    channels_first = True

    def __init__(self, coefficients):
        self._coefficients = coefficients

    def __call__(self, arrays):
        return {"coefficients": self._coefficients}


class CountedEngine:
    """An engine that notes its calls."""

    def __init__(self, engine, runs):
        self._engine, self._runs = engine, runs
        self.channels_first = engine.channels_first

    def __call__(self, arrays):
        self._runs.append(arrays)
        return self._engine(arrays)


def falling_head(deploy):
    """A head whose gains fall from point to point; codes as PNG."""
    folder = deploy(
        sends_range=False,
        codec={"name": "points_png", "config": {}},
        points=[64.0, 2.0, 0.5],
        takes_point=True,
    )
    return Head.load(folder)


@pytest.fixture(autouse=True)
def points_png(monkeypatch):
    """Registers PNG with three operating points, for `falling_head`."""

    class PointsPng(PngCodec):
        name = "points_png"
        points = (64.0, 2.0, 0.5)

    monkeypatch.setattr(CODECS, "_entries", dict(CODECS._entries))
    CODECS.register("points_png")(PointsPng)


def vector_codec(name="vector"):
    class VectorCodec(Codec):
        """int16 codes `(n,)` as they are."""

        code_dtype = np.int16

        def encode(self, codes, point=0):
            return codes.astype(">i2").tobytes()

        def decode(self, data, shape, point=0):
            return np.frombuffer(data, ">i2").astype(np.int16).reshape(shape)

        def check_shape(self, shape):
            pass

    VectorCodec.name = name
    return VectorCodec


@pytest.mark.parametrize("length", [2, 5])
@pytest.mark.parametrize("sends_range", [True, False])
def test_codes_of_one_axis_are_told_from_the_range(
    deploy, hand, pixels, monkeypatch, length, sends_range
):
    monkeypatch.setattr(CODECS, "_entries", dict(CODECS._entries))
    CODECS.register("vector")(vector_codec())
    folder = deploy(
        sends_range,
        code_shape=[length],
        codec={"name": "vector", "config": {}},
    )
    nodes = [
        helper.make_node(
            "ReduceMax", ["image"], ["x"], axes=[1, 2, 3], keepdims=0
        ),
        helper.make_node("Unsqueeze", ["x", "last"], ["column"]),
        helper.make_node("Mul", ["column", "w"], ["codes"]),
        helper.make_node("Identity", ["limits"], ["range"]),
    ]
    outputs = {"codes": (1, length), "range": (1, 2)}
    if not sends_range:
        del nodes[3], outputs["range"]
    weights = np.arange(-length, 0, dtype=np.float32)
    constants = [
        ("w", weights[None]),
        ("limits", np.float32([[-1, 4]])),
        ("last", np.array([1], np.int64)),
    ]
    hand.save_graph(
        folder / "edge" / "head.onnx",
        nodes,
        {"image": (1, 3, 8, 8)},
        outputs,
        constants,
    )
    codes, code_range = Head.load(folder).codes(pixels)
    np.testing.assert_array_equal(codes, weights * pixels.max())
    assert codes.dtype == np.int16 and codes.shape == (length,)
    assert code_range == ((-1.0, 4.0) if sends_range else None)


def test_a_file_a_pillow_image_and_an_array_give_the_same_payload(
    deploy, pixels, tmp_path
):
    head = Head.load(deploy())
    image = Image.fromarray(pixels)
    image.save(tmp_path / "image.png")
    want = head.encode(pixels)
    assert head.encode(image) == want
    assert head.encode(tmp_path / "image.png") == want
    assert head.encode(str(tmp_path / "image.png")) == want


def test_an_image_of_another_size_is_prepared(deploy, hand, pixels):
    head = Head.load(deploy())
    large = pixels.repeat(3, 0).repeat(3, 1)
    codes, _ = head.codes(large)
    np.testing.assert_array_equal(codes, hand.head_codes(head.prepare(large)))


def test_an_array_of_the_network_s_size_is_taken_for_prepared(
    deploy, hand, pixels, tmp_path
):
    # An image of that size would be resized to 10 and cropped to 8.
    head = Head.load(deploy(resize=10))
    np.testing.assert_array_equal(head.prepare(pixels), pixels)
    image = Image.fromarray(pixels)
    image.save(tmp_path / "image.png")
    prepared = head.prepare(tmp_path / "image.png")
    assert (prepared != pixels).any()
    np.testing.assert_array_equal(head.prepare(image), prepared)
    codes, _ = head.codes(prepared)
    np.testing.assert_array_equal(codes, hand.head_codes(prepared))


def test_the_edge_folder_alone_is_enough(deploy, pixels):
    folder = deploy()
    alone = Head.load(folder / "edge")
    assert alone.encode(pixels) == Head.load(folder).encode(pixels)


def test_the_number_of_threads_changes_nothing(deploy, pixels):
    folder = deploy()
    one = Head.load(folder, threads=1)
    assert one.encode(pixels) == Head.load(folder).encode(pixels)


def test_an_unknown_runtime_lists_the_choices(deploy):
    with pytest.raises(ValueError, match="tensorrt, onnx, litert.*'tvm'"):
        Head.load(deploy(), "tvm")


def test_a_missing_head_is_named(deploy):
    folder = deploy()
    (folder / "edge" / "head.onnx").unlink()
    message = "head.engine is missing, head.onnx is missing, head.tflite is"
    with pytest.raises(FileNotFoundError, match=message):
        Head.load(folder)
    with pytest.raises(FileNotFoundError, match="head.onnx"):
        Head.load(folder, "onnx")


def test_a_missing_library_is_named(deploy, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ImportError, match="head.onnx needs the module onnxr"):
        Head.load(deploy())
    with pytest.raises(ImportError, match="pip install onnxruntime"):
        Head.load(deploy(), "onnx")


def test_onnx_is_chosen_where_tensorrt_is_not_installed(deploy, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    folder = deploy()
    (folder / "edge" / "head.engine").write_bytes(b"for another device")
    assert Head.load(folder).runtime == "onnx"


def test_tensorrt_comes_before_onnx_before_litert(tmp_path, monkeypatch):
    monkeypatch.setattr(runtimes, "_is_installed", lambda module: True)
    chosen = []
    for file in ("head.tflite", "head.onnx", "head.engine"):
        (tmp_path / file).touch()
        chosen.append(runtimes.choose(str(tmp_path)))
    assert chosen == ["litert", "onnx", "tensorrt"]


def test_a_damaged_head_is_named(deploy):
    folder = deploy()
    path = folder / "edge" / "head.onnx"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match="cannot open.*head.onnx"):
        Head.load(folder)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"image_size": 6, "resize": 6}, r"an input of shape \(1, 3, 6, 6\)"),
        ({"code_shape": [4, 4, 3]}, r"codes of shape \(1, 3, 4, 4\)"),
        ({"code_shape": [2, 8, 2]}, r"codes of shape \(1, 2, 2, 8\)"),
    ],
)
def test_a_head_of_other_shapes_than_unit_json_is_refused(
    deploy, changes, message
):
    with pytest.raises(ValueError, match=f"'tiny'.*head.onnx.*{message}"):
        Head.load(deploy(**changes))


@pytest.mark.parametrize("in_unit", [True, False])
def test_a_head_and_a_unit_json_that_differ_in_the_range_are_refused(
    deploy, hand, in_unit
):
    folder = deploy(in_unit)
    hand.save_head(folder / "edge" / "head.onnx", not in_unit)
    rule = "two outputs" if in_unit else "no output but the codes"
    with pytest.raises(ValueError, match=rule):
        Head.load(folder)


def save_simple_head(hand, path, operator, inputs=("image",)):
    """Makes every output of the image's first two channels by one node."""
    hand.save_graph(
        path,
        [
            helper.make_node("Conv", ["image", "w"], ["x"], strides=[2, 2]),
            helper.make_node(operator, ["x"], ["codes"]),
        ],
        {name: (1, 3, 8, 8) for name in inputs},
        {"codes": (1, 2, 4, 4)},
        [("w", hand.HEAD[:, :, None, None])],
    )


def test_a_head_with_a_second_input_is_refused(deploy, hand):
    folder = deploy(sends_range=False)
    path = folder / "edge" / "head.onnx"
    save_simple_head(hand, path, "Round", ("image", "mask"))
    with pytest.raises(ValueError, match="one input"):
        Head.load(folder)


@pytest.mark.parametrize("operator", ["Neg", "Log", "Exp"])
def test_codes_that_do_not_fit_a_byte_are_refused(
    deploy, hand, pixels, operator
):
    # Negative, not a number (log of a negative sum) and too large.
    pixels[:, :, 1] = 255
    pixels[0, 0] = 0
    folder = deploy(sends_range=False)
    save_simple_head(hand, folder / "edge" / "head.onnx", operator)
    with pytest.raises(ValueError, match="finite and within 0..255"):
        Head.load(folder).codes(pixels)


@pytest.mark.parametrize(
    "bounds", [(0, 1e6), (1, 0), (0, np.nan), (-np.inf, 0)]
)
def test_a_range_that_the_payload_cannot_hold_is_refused(bounds):
    with pytest.raises(ValueError, match="finite in float16 and ordered"):
        edge._float16_range(np.array([bounds], np.float32))


def test_codes_a_little_off_a_whole_number_are_rounded():
    codes = edge._whole(
        np.array([[[0.4, 254.6, -0.3, 2.5001]]], np.float32), np.uint8
    )
    np.testing.assert_array_equal(codes, [[[0, 255, 0, 3]]])


def test_importing_the_head_imports_no_tensorflow():
    program = (
        "import sys, bottlenet_tf.runtime.edge\n"
        "heavy = {'tensorflow', 'keras', 'absl', 'onnxruntime', 'onnx'}\n"
        "found = heavy & set(sys.modules)\n"
        "sys.exit(f'imports {found}' if found else 0)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)

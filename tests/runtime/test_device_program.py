"""Tests of the device program: real files, a real process, real bytes."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import bottlenet_tf
from bottlenet_tf.runtime import device
from bottlenet_tf.runtime.cloud import Tail
from bottlenet_tf.runtime.edge import Head

PACKAGE = pathlib.Path(bottlenet_tf.__file__).parent


@pytest.fixture
def photos(tmp_path):
    """A folder of three images, with other files between them."""
    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.RandomState(3)
    for name, shape in (
        ("b.png", (8, 8, 3)),
        ("a.PNG", (20, 31, 3)),
        ("a.bmp", (8, 9, 3)),
    ):
        pixels = rng.randint(0, 256, shape).astype(np.uint8)
        Image.fromarray(pixels).save(folder / name)
    (folder / "notes.txt").write_text("no image")
    (folder / ".hidden.png").write_bytes(b"")
    (folder / "more.png").mkdir()
    return folder


def test_the_whole_path_gives_the_probabilities_worked_out_by_hand(
    deploy, hand, photos, tmp_path
):
    folder, out = deploy(), tmp_path / "payloads"
    program = [sys.executable, "-m", "bottlenet_tf.runtime.device"]
    subprocess.run(
        [*program, photos, "--out", out, "--deploy", folder], check=True
    )
    names = ["a.PNG", "a.bmp", "b.png"]
    assert sorted(os.listdir(out)) == [f"{name}.payload" for name in names]
    head, tail = Head.load(folder), Tail.load(folder)
    payloads = [(out / f"{name}.payload").read_bytes() for name in names]
    logits = []
    for name in names:
        pixels = head.prepare(photos / name)
        logits.append(
            hand.tail_logits(hand.head_codes(pixels), hand.head_range(pixels))
        )
    odds = np.exp(logits - np.max(logits, axis=1, keepdims=True))
    want = odds / odds.sum(1, keepdims=True)
    # Logits of about 100, so that float32 leaves 1e-5 of each.
    np.testing.assert_allclose(tail.predict(payloads), want, atol=1e-4)


def test_an_operating_point_is_asked_for_by_its_index(
    deploy, photos, tmp_path, qualities
):
    folder, out = deploy(**qualities), tmp_path / "b.payload"
    head = Head.load(folder)
    arguments = [str(photos / "b.png"), "--out", str(out)]
    for point in ("1", "0"):
        assert device.main([*arguments, "--point", point], deploy=folder) == 0
        want = head.encode(photos / "b.png", int(point))
        assert out.read_bytes() == want
    assert device.main(arguments, deploy=folder) == 0
    assert out.read_bytes() == head.encode(photos / "b.png", 2)


def test_an_operating_point_that_the_unit_has_not_is_reported(
    deploy, photos, tmp_path, qualities, capsys
):
    folder, out = deploy(**qualities), tmp_path / "b.payload"
    arguments = [str(photos / "b.png"), "--out", str(out), "--point"]
    assert device.main([*arguments, "3"], deploy=folder) == 1
    assert "Received: point=3" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        device.main([*arguments, "-1"], deploy=folder)
    assert not out.exists()


def test_payloads_are_within_the_limit_asked_for(
    deploy, photos, tmp_path, qualities
):
    folder, out = deploy(**qualities), tmp_path / "out"
    head, limit = Head.load(folder), 0
    for name in ("a.PNG", "a.bmp", "b.png"):
        sizes = [len(head.encode(photos / name, i)) for i in range(3)]
        limit = max(limit, min(sizes))
    arguments = [str(photos), "--out", str(out), "--max_bytes", str(limit)]
    assert device.main(arguments, deploy=folder) == 0
    for name in ("a.PNG", "a.bmp", "b.png"):
        payload = (out / f"{name}.payload").read_bytes()
        assert len(payload) <= limit
        assert payload == head.encode(photos / name, max_bytes=limit)


def test_an_image_beyond_the_limit_of_a_unit_of_one_point_fails_alone(
    deploy, photos, tmp_path, capsys
):
    folder, out = deploy(), tmp_path / "out"
    Image.new("RGB", (8, 8)).save(photos / "a.bmp")
    limit = len(Head.load(folder).encode(photos / "a.bmp"))
    arguments = [str(photos), "--out", str(out), "--max_bytes", str(limit)]
    assert device.main(arguments, deploy=folder) == 1
    assert os.listdir(out) == ["a.bmp.payload"]
    errors = capsys.readouterr().err
    assert f"b.png: failed, ValueError: {RULE}: max_bytes={limit}" in errors


RULE = (
    "A payload must be within the limit, and this unit has no smaller one of "
    "this image. Received"
)


def test_a_limit_that_no_payload_keeps_stops_before_any_work(
    deploy, photos, tmp_path, capsys
):
    out = tmp_path / "out"
    arguments = [str(photos), "--out", str(out), "--max_bytes", "7"]
    assert device.main(arguments, deploy=deploy()) == 1
    errors = capsys.readouterr().err
    assert errors.startswith("error: `max_bytes` must be at least 9")
    assert not out.exists()


def test_a_limit_is_timed_with_its_tries(deploy, photos, capsys, qualities):
    folder = deploy(**qualities)
    arguments = [str(photos), "--timing", "--max_bytes", "2000"]
    assert device.main(arguments, deploy=folder) == 0
    table = capsys.readouterr().out
    assert "limit: 2000 bytes, kept in 1.0 tries (mean; 1 at most)" in table


def test_the_edge_folder_works_when_copied_away_alone(deploy, photos, tmp_path):
    edge = tmp_path / "elsewhere"
    shutil.copytree(deploy() / "edge", edge)
    package = edge / "bottlenet_tf"
    ignored = shutil.ignore_patterns("__pycache__")
    for part in ("codec", "runtime"):
        shutil.copytree(PACKAGE / part, package / part, ignore=ignored)
    (package / "common").mkdir()
    for part in (
        "__init__.py",
        "common/__init__.py",
        "common/checks.py",
        "common/registry.py",
    ):
        shutil.copy(PACKAGE / part, package / part)
    (edge / "encode.py").write_text(
        "import sys\n"
        "from bottlenet_tf.runtime import device\n"
        "sys.exit(device.main())\n"
    )
    out = tmp_path / "b.payload"
    subprocess.run(
        # A script's own folder comes before any installed copy.
        [sys.executable, "encode.py", photos / "b.png", "--out", out],
        cwd=edge,
        check=True,
    )
    assert out.read_bytes() == Head.load(edge).encode(photos / "b.png")


def test_one_image_gives_one_file(deploy, photos, tmp_path):
    out = tmp_path / "b.payload"
    arguments = [str(photos / "b.png"), "--out", str(out)]
    assert device.main(arguments, deploy=str(deploy())) == 0
    assert out.read_bytes() == Head.load(deploy()).encode(photos / "b.png")


def test_progress_goes_to_stderr_in_order(deploy, photos, tmp_path, capsys):
    arguments = [str(photos), "--out", str(tmp_path / "out")]
    device.main(arguments, deploy=str(deploy()))
    printed = capsys.readouterr()
    assert printed.out == ""
    lines = printed.err.splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "[1/3] a.PNG",
        "[2/3] a.bmp",
        "[3/3] b.png",
    ]
    assert all(re.search(r": \d+ bytes$", line) for line in lines)


def test_a_damaged_image_is_reported_and_the_others_are_done(
    deploy, photos, tmp_path, capsys
):
    (photos / "a.bmp").write_bytes(b"BM and no more")
    out = tmp_path / "out"
    arguments = [str(photos), "--out", str(out)]
    assert device.main(arguments, deploy=str(deploy())) == 1
    assert sorted(os.listdir(out)) == ["a.PNG.payload", "b.png.payload"]
    errors = capsys.readouterr().err
    assert re.search(r"\[2/3\] a.bmp: failed, ValueError: .*a\.bmp", errors)
    assert errors.endswith("1 of 3 images failed\n")


def test_an_image_that_fails_leaves_an_earlier_payload_alone(
    deploy, photos, tmp_path
):
    out = tmp_path / "b.payload"
    out.write_bytes(b"earlier")
    (photos / "b.png").write_bytes(b"damaged")
    arguments = [str(photos / "b.png"), "--out", str(out)]
    assert device.main(arguments, deploy=str(deploy())) == 1
    assert out.read_bytes() == b"earlier"


def test_a_write_that_fails_leaves_nothing_behind(
    deploy, photos, tmp_path, monkeypatch, capsys
):
    def full(source, target):
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "replace", full)
    out = tmp_path / "out"
    arguments = [str(photos), "--out", str(out)]
    assert device.main(arguments, deploy=str(deploy())) == 1
    assert os.listdir(out) == []
    assert "No space left on device" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], "IMAGE"),
        (["{photos}"], "--out must be given"),
        (["{photos}", "--repeat", "3"], "--repeat only makes sense"),
        (["{photos}", "--timing", "--repeat", "0"], "'0' is not a positive"),
        (["{photos}", "--timing", "--threads", "x"], "'x' is not a positive"),
        (["{photos}", "--timing", "--runtime", "tvm"], "tensorrt"),
        (["{photos}", "--timing", "--max_bytes", "0"], "'0' is not a positive"),
        (["{photos}", "--timing", "--max_bytes=-3"], "'-3' is not a positive"),
        (
            ["{photos}", "--timing", "--max_bytes=300", "--point=0"],
            "not allowed with argument --max_bytes",
        ),
        (["{photos}/c.png", "--out", "{tmp}/c"], "no image or folder"),
        (["{photos}", "--out", "{photos}/b.png"], "--out must be a folder"),
        (["{photos}/b.png", "--out", "{photos}"], "--out must be a file"),
        (["{photos}/b.png", "--out", "/dev/null"], "--out must be a file"),
        (["{photos}/b.png", "--out", "{tmp}/no/b"], "folder of --out must"),
        (["{photos}/b.png", "--out", "{photos}/b.png"], "not be IMAGE itself"),
        (["{photos}/more.png", "--timing"], "must contain images"),
        (["{photos}", "--out", "{tmp}/o", "--time"], "unrecognized"),
    ],
)
def test_arguments_that_make_no_sense_are_explained(
    deploy, photos, tmp_path, capsys, arguments, message
):
    filled = [a.format(photos=photos, tmp=tmp_path) for a in arguments]
    with pytest.raises(SystemExit) as stopped:
        device.main(filled, deploy=str(deploy()))
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_a_missing_deployment_is_explained(photos, tmp_path, capsys):
    arguments = [str(photos), "--out", str(tmp_path / "out")]
    assert device.main([*arguments, "--deploy", str(tmp_path)]) == 1
    assert "must contain unit.json" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_unit_json_is_looked_for_beside_the_package_by_default(
    photos, tmp_path, capsys
):
    arguments = [str(photos), "--out", str(tmp_path / "out")]
    assert device.main(arguments) == 1
    assert f"folder='{PACKAGE.parent}'" in capsys.readouterr().err


def test_timing_prints_each_step_and_writes_nothing(
    deploy, photos, capsys, tmp_path
):
    before = sorted(tmp_path.rglob("*"))
    arguments = [str(photos), "--timing", "--repeat", "2", "--threads", "1"]
    folder = str(deploy())
    assert device.main(arguments, deploy=folder) == 0
    table = capsys.readouterr().out
    assert "6 runs (3 images, 2 each) after 1 to warm up" in table
    assert "head: onnx" in table
    for step in ("image (read", "head (network", "payload (codec", "all"):
        row = next(r for r in table.splitlines() if r.startswith(step))
        median, high = map(float, row.split()[-2:])
        assert 0 < median <= high
    sizes = r"mean \d+\.\d, median \d+, p95 \d+, p99 \d+, max \d+$"
    assert re.search(sizes, table.strip())
    after = [p for p in tmp_path.rglob("*") if "deployment" not in p.parts]
    assert [p for p in sorted(after) if p not in before] == []


def test_timing_passes_over_images_that_fail(deploy, photos, capsys):
    (photos / "a.PNG").write_bytes(b"damaged")
    assert device.main([str(photos), "--timing"], deploy=str(deploy())) == 1
    assert "2 runs (2 images, 1 each)" in capsys.readouterr().out


def test_help_teaches_and_needs_no_numpy():
    code = (
        "import sys\n"
        "from bottlenet_tf.runtime import device\n"
        "try:\n"
        "    device.main(['--help'])\n"
        "except SystemExit:\n"
        "    sys.exit('numpy' in sys.modules or 'PIL' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True
    )
    assert done.returncode == 0
    for word in ("examples:", "--runtime", "litert_int8", "Exit code"):
        assert word in done.stdout


def test_a_broken_unit_json_is_one_line_not_a_traceback(
    deploy, photos, tmp_path
):
    folder = deploy()
    unit = folder / "edge" / "unit.json"
    content = json.loads(unit.read_text())
    content["codec"]["name"] = "webp"
    unit.write_text(json.dumps(content))
    done = subprocess.run(
        [
            *(sys.executable, "-m", "bottlenet_tf.runtime.device"),
            *(photos, "--out", tmp_path / "out", "--deploy", folder),
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: ") and "'codec'" in done.stderr
    assert "Traceback" not in done.stderr

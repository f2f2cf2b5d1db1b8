"""The program as an export copies it, in a process of its own.

Also under a real Python 3.6 with NumPy, Pillow and onnxruntime: the one that
the environment variable PYTHON36 names, else pyenv's or that on PATH.
"""

import json
import os
import shutil
import subprocess
import sys
import threading
import zlib

import numpy as np
import pytest
from PIL import Image

from bottlenet_tf.codec import answer
from bottlenet_tf.export import device_files
from bottlenet_tf.export.manifest import write_parts
from bottlenet_tf.runtime import served
from bottlenet_tf.runtime.edge import Head
from bottlenet_tf.runtime.whole import Whole
from tests.edge.stand_ins import UNIT_ID, plan_values
from tests.edge.tiny_deployment import write_deployment
from tests.link.scripted_server import (
    ScriptedServer,
    response,
    tensor,
    tensors_body,
)
from tests.link.test_on_python36 import old_python

POINT = 1
CHOICE = "rb1 at point {}".format(POINT)


@pytest.fixture(scope="module")
def edge(tmp_path_factory):
    """The `edge` folder of a deployment, away from all else."""
    folder = tmp_path_factory.mktemp("copied")
    folder = write_deployment(folder / "deployment") / "edge"
    device_files.copy_program(folder)
    device_files.copy_sending_program(folder)
    (folder / "plan.json").write_text(json.dumps(plan_values()))
    return folder


@pytest.fixture(params=["this one", "3.6"])
def python(request):
    """The interpreter of a device."""
    if request.param == "this one":
        return sys.executable
    found = os.environ.get("PYTHON36") or old_python()
    needs = "a Python 3.6 with NumPy, Pillow and onnxruntime"
    if found is None:
        pytest.skip(f"needs {needs}")
    imported = subprocess.run(
        [found, "-c", "import numpy, PIL, onnxruntime"], capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    if imported.returncode:
        pytest.skip(f"needs {needs}: {imported.stderr.splitlines()[-1]}")
    return found


def start(python, edge, *arguments):
    return subprocess.Popen(
        # Isolated from the repository: the copies alone are found.
        [python, "run.py", *map(str, arguments)],
        cwd=edge, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={"PATH": os.environ["PATH"]},
    )  # fmt: skip


def real_answer(payload):
    """Returns the bytes of a served model's answer: the class is 2."""
    found = answer.CompactAnswer(
        "ok", UNIT_ID, zlib.crc32(payload), 0.5, 0.1, 1,
        ((2, 0.75), (0, 0.25)),
    )  # fmt: skip
    packed = answer.pack(found, 3)
    return response(*tensors_body([tensor("answer", "UINT8", packed)]))


def write_image(folder, name, seed):
    """Moves an image into a folder; returns its path."""
    folder.mkdir(exist_ok=True)
    pixels = np.random.RandomState(seed).randint(0, 256, (8, 8, 3), np.uint8)
    Image.fromarray(pixels).save(folder / "part", "PNG")
    (folder / "part").rename(folder / name)
    return folder / name


def test_it_is_answered_by_a_server_that_dies_and_comes_back(
    python, edge, tmp_path
):
    inbox, dead = tmp_path / "inbox", threading.Event()
    inbox.mkdir()

    def script(payload, number):
        if dead.is_set():
            return None
        return real_answer(payload) if payload else response(b"")

    with ScriptedServer(script) as server:
        running = start(
            python, edge, inbox, "--watch", "--server", server.address,
            "--choice", CHOICE,
        )  # fmt: skip

        def ask(count, wanted, most=30):
            """Sends images until so many were answered as wanted."""
            lines = []
            while sum(x["where"] == wanted for x in lines) < count:
                assert len(lines) < most
                name = "{}{}.png".format(wanted, len(asked) + len(lines))
                write_image(inbox, name, len(asked) + len(lines))
                lines.append(json.loads(running.stdout.readline()))
                assert lines[-1]["image"] == str(inbox / name)
            asked.extend(lines)
            return lines

        asked = []
        ask(2, "split")
        dead.set()
        ask(2, "device")
        dead.clear()
        ask(1, "split")
        running.terminate()
        rest, told = running.communicate(timeout=30)
        requests = list(server.requests)
    assert (running.returncode, rest) == (0, ""), told
    head, whole = Head.load(edge), Whole.load(edge)
    version = served.read(edge).version
    path = "POST /v2/models/tail/versions/{}/infer".format(version)
    for line in asked:
        if line["where"] == "split":
            assert (line["class"], line["label"]) == (2, "newt")
            assert line["point"] == POINT
            payload = head.encode(line["image"], POINT)
            assert line["payload_bytes"] == len(payload)
            sent = next(r for r in requests if r.endswith(payload))
            assert sent.startswith(path.encode())
        else:
            shares = whole.predict(line["image"])
            assert line["class"] == shares.argmax()
            assert line["problem"] or not line["payload_bytes"]
    assert "{} images in".format(len(asked)) in told


def test_the_deployment_beside_it_is_its_own(python, edge, tmp_path):
    image = write_image(tmp_path / "in", "a.png", 0)
    running = start(python, edge, image)
    output, told = running.communicate(timeout=30)
    assert running.returncode == 0, told
    line = json.loads(output)
    assert line["class"] == Whole.load(edge).predict(image).argmax()
    assert line["choice"] == "mobile-only"


def test_a_deployment_that_is_damaged_is_one_sentence(python, edge, tmp_path):
    image = write_image(tmp_path / "in", "a.png", 0)
    damaged = shutil.copytree(edge, tmp_path / "damaged")
    (damaged / "served.json").write_text("{")
    output, told = start(python, damaged, image).communicate(timeout=30)
    assert output == ""
    assert told.startswith("error: ") and "served.json must be JSON" in told
    assert "Traceback" not in told


@pytest.mark.parametrize("program", ["run.py", "encode.py"])
def test_a_damaged_file_of_the_program_is_named_before_it_is_imported(
    python, edge, tmp_path, program
):
    damaged = shutil.copytree(edge, tmp_path / "damaged")
    write_parts(damaged)
    (damaged / "bottlenet_tf" / "codec" / "base.py").write_text("import (")
    ran = subprocess.run(
        [python, program, "--help"], cwd=damaged, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 1 and not ran.stdout
    assert ran.stderr.startswith("error: base.py must be the exported file")


def test_encode_runs_beside_it(python, edge, tmp_path):
    image = write_image(tmp_path / "in", "a.png", 0)
    out = tmp_path / "a.payload"
    subprocess.run(
        [python, "encode.py", str(image), "--out", str(out)], cwd=edge,
        check=True,
    )  # fmt: skip
    assert out.read_bytes() == Head.load(edge).encode(image)

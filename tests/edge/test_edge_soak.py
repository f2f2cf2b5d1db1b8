"""The soak in short: every fault once, on a deployment worked out by hand."""

import json
import shutil

import pytest

from benchmarks import soak, tampering
from bottlenet_tf.export import device_files
from bottlenet_tf.runtime import served, whole
from bottlenet_tf.runtime.triton_model import UNITS, WHOLE
from tests.edge.tiny_deployment import write_deployment
from tests.link.scripted_server import ScriptedServer, response
from tests.runtime import conftest as tiny


def write_cloud(folder):
    """Adds to a deployment what a server has."""
    edge, triton = folder / "edge", folder / "cloud" / "triton"
    identity = served.read(edge)._replace(image_model="whole", image_version=5)
    for place in (edge, folder / "cloud"):
        place.mkdir(exist_ok=True)
        (place / served.NAME).write_text(json.dumps(identity.content()))
    unit = triton / "tail" / str(identity.version) / UNITS / "rb1"
    images = triton / "whole" / "5" / WHOLE
    for place in (unit, images):
        place.mkdir(parents=True)
    shutil.copy(edge / "unit.json", unit)
    tiny.save_tail(unit / "tail.onnx", False, takes_point=True)
    for file in ("whole.onnx", whole.NAME):
        shutil.copy(edge / file, images)


@pytest.fixture
def deployment(tmp_path):
    folder = write_deployment(tmp_path / "deployment")
    write_cloud(folder)
    device_files.copy_program(folder / "edge")
    device_files.copy_sending_program(folder / "edge")
    return folder


def test_every_image_is_answered_once_and_none_wrong(deployment, capsys):
    stand_in = (
        "{python} -m bottlenet_tf.serving.stand_in {deploy} 127.0.0.1 {port}"
    )
    code = soak.main(
        [str(deployment), "--images=600", "--contents=40", "--pace=0.05",
         "--kill_share=1", f"--server={stand_in}"]
    )  # fmt: skip
    found = json.loads(capsys.readouterr().out)
    assert code == 0
    assert found["missing"] == found["more than once"] == found["wrong"] == 0
    assert found["classes"] > 1
    # The first three; how many more depends on the machine.
    assert {"device killed", "server killed", "link cut"} <= set(
        found["events"]
    )
    assert found["refused while overloaded"] >= 0
    assert found["link"].startswith("The emulated link (proxy, ")
    assert "with arithmetic: at worst" in found["link"]


def test_refusals_of_an_overloaded_server_are_counted():
    def every_other(payload, number):
        if number % 2:
            return response(b"", status="503 Service Unavailable")
        return response(b"")

    with ScriptedServer(every_other) as server:
        host, port = server.address.split(":")
        refused = tampering.flood((host, int(port)), "/x", b"payload", 0.3, 1)
        asked = len(server.requests)
    assert asked > 2 and abs(refused - asked / 2) <= 1

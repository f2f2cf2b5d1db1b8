"""bottlenet-cloud as a program: it finds, starts, stops and refuses."""

import json
import os
import pathlib
import signal
import subprocess
import sys

import pytest

from bottlenet_tf.serving import launch
from tests.serving import fake_programs

ROOT = pathlib.Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "bottlenet_tf.cli.cloud"]


def start(folder, *arguments):
    environment = {
        **os.environ, "PATH": f"{folder}:/usr/bin:/bin",
        "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    return subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_it_is_told_to_stop(tmp_path, number):
    identity = fake_programs.deployment(tmp_path / "deploy")
    fake_programs.write(tmp_path, "tritonserver")
    with start(tmp_path, "deploy", "--http_port=0", "--grpc_port=0") as process:
        try:
            line = process.stdout.readline()
            given = json.loads((tmp_path / "arguments.json").read_text())
            url = f"http://127.0.0.1:{given['http-port']}/"
            assert launch.answers(url)
            process.send_signal(number)
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert line == (
        f"Ready: Triton serves tail, version {identity.version} (a 12345678) "
        f"at HTTP 127.0.0.1:{given['http-port']}, "
        f"gRPC 127.0.0.1:{given['grpc-port']}\n"
    )
    assert (process.returncode, out, err) == (0, "Stopped\n", "")
    assert not launch.answers(url)
    # It asked for the deployment's very version.
    asked = (tmp_path / "paths").read_text().split()
    wanted = f"/v2/models/tail/versions/{identity.version}/ready"
    assert asked.count("start") == 1 and wanted in asked


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], "DEPLOY... must be given"),
        (["nowhere"], "deploy='nowhere'"),
        (["."], "served.json"),
        (["deploy"], "Triton isn't installed"),
        (["deploy", "--http_port=70000", "--program=./tritonserver"], "70000"),
        (["deploy", "--grpc_tls_cert=x"], "go together"),
        (["deploy", "--engine=tf_serving"], "--host=0.0.0.0"),
        (["deploy", "--ready_seconds=0"], "--ready_seconds"),
    ],
)
def test_what_cannot_be_served_is_refused_with_a_reason(
    tmp_path, arguments, message
):
    fake_programs.deployment(tmp_path / "deploy")
    (tmp_path / "hidden").mkdir()
    program = fake_programs.write(tmp_path / "hidden", "tritonserver")
    arguments = [a.replace("./tritonserver", str(program)) for a in arguments]
    with start(tmp_path, *arguments) as process:
        out, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert message in err and "Traceback" not in err
    assert out == ""


def test_its_help_comes_without_tensorflow():
    program = (
        "import sys, bottlenet_tf.cli.cloud\n"
        "found = {'tensorflow', 'keras'} & set(sys.modules)\n"
        "sys.exit(f'imports {found}' if found else 0)"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)

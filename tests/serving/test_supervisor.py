"""An engine that crashes, hangs or won't start, and what becomes of it."""

import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
import urllib.request

import pytest

from bottlenet_tf.serving import launch, supervisor

FAKE = pathlib.Path(__file__).parent / "fake_engine.py"
QUICK = supervisor.Timing(
    ready=20.0, poll=0.02, probe=0.05, misses=2, stop=5.0, first_wait=0.05
)


class Fake:
    """A supervised fake engine in a thread."""

    def __init__(self, folder, plan, monkeypatch, **timing):
        # A question that isn't answered shouldn't take long here.
        monkeypatch.setattr(launch, "_PROBE_SECONDS", 0.5)
        self.folder = folder
        self.port = launch.take_ports("127.0.0.1", port=0)["port"]
        self.url = f"http://127.0.0.1:{self.port}/"
        self.lines = []
        self.error = None
        self.launch = launch.Launch(
            "fake",
            [sys.executable, FAKE, self.port, folder, *plan],
            dict(os.environ),
            lambda: launch.answers(self.url),
            {"HTTP": f"127.0.0.1:{self.port}"},
            "nothing",
            {"onnxruntime": "Install onnxruntime for it."},
        )
        self.supervisor = supervisor.Supervisor(
            self.launch, QUICK._replace(**timing), self.lines.append
        )
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        try:
            self.supervisor.run()
        except launch.EngineError as error:
            self.error = str(error)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.supervisor.stop()
        self.thread.join(30)
        assert not self.thread.is_alive()

    def wait_for(self, word, count=1):
        deadline = time.monotonic() + 30
        while sum(word in line for line in self.lines) < count:
            assert time.monotonic() < deadline, self.lines
            time.sleep(0.02)

    def children(self):
        return [int(n) for n in (self.folder / "children").read_text().split()]

    def starts(self):
        return len((self.folder / "starts").read_text().split())


def is_alive(number):
    try:
        state = pathlib.Path(f"/proc/{number}/stat").read_text()
    except OSError:
        return False
    return state.rsplit(")", 1)[1].split()[0] != "Z"


def assert_gone(numbers):
    deadline = time.monotonic() + 20
    while any(map(is_alive, numbers)):
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def fake(tmp_path, monkeypatch):
    return lambda *plan, **timing: Fake(tmp_path, plan, monkeypatch, **timing)


def test_one_line_says_what_is_served_where(fake):
    with fake("serve") as engine:
        engine.wait_for("Ready")
        wanted = f"Ready: fake serves nothing at HTTP 127.0.0.1:{engine.port}"
        assert engine.lines == [wanted]
        assert launch.answers(engine.url)
    assert not launch.answers(engine.url)
    assert_gone(engine.children())
    assert engine.lines == [wanted]


def test_one_that_crashes_is_started_again(fake):
    with fake("crash", "serve") as engine:
        engine.wait_for("Ready")
        assert not launch.answers(engine.url + "crash")
        engine.wait_for("Ready", 2)
        assert "fake ended with exit code 9" in engine.lines[1]
        assert "start 0: crash" in engine.lines[1]
        assert "again in 0.1 s" in engine.lines[1]
        # The crashed one's child is gone, too.
        first, second = engine.children()
        assert_gone([first])
        assert is_alive(second)
    assert_gone(engine.children())


def test_one_that_is_killed_is_started_again(fake):
    with fake("serve") as engine:
        engine.wait_for("Ready")
        os.kill(engine.supervisor._process.pid, signal.SIGKILL)
        engine.wait_for("Ready", 2)
        assert "was ended by SIGKILL" in engine.lines[1]


def test_one_that_hangs_is_ended_and_started_again(fake):
    with fake("hang", "serve") as engine:
        engine.wait_for("Ready", 2)
        assert "did not answer 2 times in a row" in engine.lines[1]
        assert_gone(engine.children()[:1])


def test_waits_double_while_it_keeps_failing(fake):
    with fake("crash", "exit", "exit", "serve") as engine:
        engine.wait_for("Ready")
        launch.answers(engine.url + "crash")
        engine.wait_for("Ready", 2)
        waits = [line.rsplit(" in ", 1)[1] for line in engine.lines[1:4]]
        assert waits == ["0.1 s", "0.1 s", "0.2 s"]  # 0.05, 0.1 and 0.2.
        assert engine.starts() == 4


def test_one_that_never_starts_is_an_error_with_advice(fake):
    with fake("exit") as engine:
        engine.thread.join(30)
        assert engine.starts() == 1
    assert engine.error.startswith("fake ended with exit code 3.\n")
    assert "Install onnxruntime for it." in engine.error
    assert engine.error.endswith("  No module named 'onnxruntime'")


def test_one_that_never_gets_ready_is_an_error_and_gone(fake):
    with fake("deaf", ready=1.5) as engine:
        engine.thread.join(30)
    assert "was not ready within 1.5 s" in engine.error
    assert_gone(engine.children())


def test_one_that_ignores_sigterm_is_killed(fake):
    with fake("stubborn", stop=0.3) as engine:
        engine.wait_for("Ready")
    assert "did not stop within 0.3 s and is killed" in engine.lines[-1]
    assert_gone(engine.children())


def test_it_can_be_stopped_before_it_is_ready(fake):
    with fake("deaf") as engine:
        deadline = time.monotonic() + 20
        while not (engine.folder / "children").exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
    assert engine.error is None
    assert_gone(engine.children())


def test_a_missing_program_is_an_error(tmp_path):
    missing = launch.Launch(
        "fake", [tmp_path / "none"], {}, lambda: False, {}, "nothing"
    )
    with pytest.raises(launch.EngineError, match="cannot be started.*none"):
        supervisor.Supervisor(missing, QUICK).run()


_PROGRAM = """
import os, sys
from bottlenet_tf.serving import launch, supervisor
url = f"http://127.0.0.1:{sys.argv[2]}/"
supervisor.Supervisor(launch.Launch(
    "fake", [sys.executable, *sys.argv[1:4], "serve"], dict(os.environ),
    lambda: launch.answers(url), {}, "nothing"),
    report=lambda line: print(line, flush=True)).run()
"""


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="asks Linux for it"
)
def test_a_killed_supervisor_leaves_no_engine(tmp_path):
    port = str(launch.take_ports("127.0.0.1", port=0)["port"])
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, str(FAKE), port, str(tmp_path)],
        stdout=subprocess.PIPE,
    )
    assert process.stdout.readline().startswith(b"Ready")
    deadline = time.monotonic() + 20
    process.kill()
    process.wait()
    process.stdout.close()
    while launch.answers(f"http://127.0.0.1:{port}/"):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    # The fake one ends without ending its child; a real engine does.
    for number in (tmp_path / "children").read_text().split():
        os.kill(int(number), signal.SIGKILL)


def test_ports_are_found_checked_and_never_given_twice():
    found = launch.take_ports("127.0.0.1", http_port=0, grpc_port=0)
    assert found["http_port"] != found["grpc_port"]
    with pytest.raises(ValueError, match="--grpc_port.*grpc_port=70000"):
        launch.take_ports("127.0.0.1", grpc_port=70000)
    with pytest.raises(OSError, match="host='203.0.113.9'"):
        launch.take_ports("203.0.113.9", http_port=0)


def test_a_taken_port_is_reported_before_anything_starts():
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"--http_port.*http_port={port}"):
            launch.take_ports("127.0.0.1", http_port=port)


def test_addresses_are_written_as_clients_take_them():
    assert launch.address("127.0.0.1", 80) == "127.0.0.1:80"
    assert launch.address("::1", 80) == "[::1]:80"
    assert launch.local("0.0.0.0") == "127.0.0.1"


def test_a_proxy_of_the_environment_is_passed_over(fake, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9/")
    with fake("serve") as engine:
        engine.wait_for("Ready")
        assert urllib.request.getproxies()["http"]

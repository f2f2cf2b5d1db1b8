"""bottlenet-link as a program, and its flags."""

import contextlib
import pathlib
import re
import signal
import socket
import subprocess
import sys
import threading

import pytest
from absl import flags

from bottlenet_tf.cli import config_flags, link, link_flags
from bottlenet_tf.emulation import netns
from bottlenet_tf.selection.links import NAMED
from tests.cli.programs import run

ROOT = pathlib.Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "bottlenet_tf.cli.link"]
TIMEOUT_S = 30


def _config(*arguments):
    values = flags.FlagValues()
    config_flags.define((link_flags.LinkConfig,), flag_values=values)
    values(["link", *arguments])
    return config_flags.read(link_flags.LinkConfig, values)


def _settings(*arguments):
    return _config("--namespaces", *arguments).link_settings()


# Tests in the background start with SIGINT ignored; the new process undoes it.
# `preexec_fn` would run beside the threads of this one, and may abort.
_INTERRUPTIBLE = (
    sys.executable,
    "-c",
    "import os, signal, sys\n"
    "signal.signal(signal.SIGINT, signal.SIG_DFL)\n"
    "os.execv(sys.argv[1], sys.argv[1:])",
)


@contextlib.contextmanager
def _started(*arguments):
    with subprocess.Popen(
        [*_INTERRUPTIBLE, *COMMAND, *arguments, "--skip_check"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        # A line that never comes ends with the process.
        limit = threading.Timer(TIMEOUT_S, process.kill)
        limit.start()
        try:
            yield process
        finally:
            limit.cancel()
            process.kill()


def _line_with(process, pattern):
    lines = iter(process.stdout.readline, "")
    return next(filter(None, (re.search(pattern, line) for line in lines)))


@pytest.mark.parametrize("name", NAMED)
def test_named_networks_have_their_rate(name):
    settings = _settings(f"--network={name}")
    for line in settings.lines():
        assert line.trace.mean_mbps == pytest.approx(NAMED[name].uplink_mbps)


def test_the_flags_describe_both_directions(tmp_path):
    path = tmp_path / "recorded.up"
    path.write_text("1\n2\n3\n")
    settings = _settings(
        f"--trace={path}", "--downlink_mbps=7", "--delay_ms=20", "--loss=0.1",
        "--outage=10:13,60:75.5", "--queue_bytes=9000",
    )  # fmt: skip
    up, down = settings.lines()
    assert up.trace.mean_mbps == pytest.approx(12)
    assert down.trace.mean_mbps == pytest.approx(7)
    assert up.delay_s == down.delay_s == 0.02
    assert settings.outages == ((10, 13), (60, 75.5))
    assert settings.queue_bytes == 9000 and settings.loss == 0.1


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], "must be given: the up-link"),
        (["--network=5g"], "3g, 4g, wifi"),
        (["--network=3g", "--uplink_mbps=2"], "must be given: the up-link"),
        (["--uplink_mbps=0"], "rate must be positive"),
        (["--uplink_mbps=nan"], "--uplink_mbps must be finite"),
        (["--network=3g", "--outage=10"], "FROM:TO"),
        (["--network=3g", "--outage=10:9"], "FROM:TO"),
        (["--network=3g", "--outage=1:5,4:8"], "overlap"),
        (["--network=3g", "--loss=2"], "loss"),
        (["--network=3g", "--delay_ms=-1"], "delay"),
        (
            ["--network=3g", "--downlink_mbps=1", "--downlink_trace=x"],
            "Only one",
        ),
    ],
)
def test_flags_out_of_range_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        _settings(*arguments)


@pytest.mark.parametrize(
    "text", [None, "", "8000", "host:", ":80", "host:x", "host:0", "h:99999"]
)
def test_an_address_is_host_and_port(text):
    assert link_flags.address("connect", "[::1]:80") == ("::1", 80)
    with pytest.raises(ValueError, match="HOST:PORT"):
        link_flags.address("connect", text)


def test_typed_lines_change_the_link():
    assert link.changes("uplink=1.1 delay_ms=50\n") == {
        "uplink": 1.1,
        "delay_ms": 50,
    }
    assert link.changes("outage=on") == {"outage": True}
    assert link.changes("\n") == {}
    for line in ("speed=5", "loss", "loss=", "outage=1", "or=1"):
        with pytest.raises(ValueError, match="change"):
            link.changes(line)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--network=3g"], "One of --check, --listen and --namespaces"),
        (["--network=3g", "--listen=0", "--namespaces"], "One of --check"),
        (["--network=3g", "--listen=0"], "connect=None"),
        (["--network=3g", "--listen=70000", "--connect=h:1"], "listen=70000"),
        (["--trace=none", "--listen=0", "--connect=h:1"], "none"),
        (
            ["--network=3g", "--listen=0", "--connect=h:1", "ls"],
            "runs commands",
        ),
        (
            ["--network=3g", "--listen=0", "--server_command=ls"],
            "runs commands",
        ),
    ],
)
def test_bad_commands_are_refused(arguments, message):
    with pytest.raises((ValueError, OSError), match=message):
        link.run(
            _config(*arguments), [a for a in arguments if not a.startswith("-")]
        )


def test_the_proxy_runs_until_ctrl_c():
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(TIMEOUT_S)
        port = server.getsockname()[1]
        with _started(
            "--network=wifi", "--listen=0", f"--connect=127.0.0.1:{port}"
        ) as process:
            listening = int(_line_with(process, r"127.0.0.1:(\d+) forwards")[1])
            process.stdin.write("speed=5\n")
            process.stdin.write("delay_ms=20\n")
            process.stdin.flush()
            assert "typed='speed=5'" in process.stderr.readline()
            with socket.create_connection(
                ("127.0.0.1", listening), TIMEOUT_S
            ) as device:
                accepted, _ = server.accept()
                with accepted:
                    device.sendall(b"through")
                    assert accepted.recv(20) == b"through"
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 0
    assert re.search(r"Up: \d+ packets, \d+ bytes at IP level, 0 packets", out)
    assert "Traceback" not in err


@pytest.mark.link
@pytest.mark.skipif(bool(netns.missing()), reason=str(netns.missing()))
def test_commands_run_on_two_emulated_machines():
    done = run(
        "link", "--network=wifi", "--skip_check", "--namespaces",
        "--server_command=python3 -m http.server -b 192.0.2.2 8000",
        "--", "sh", "-c",
        "for i in 1 2 3 4 5 6 7 8 9; do python3 -c 'import urllib.request as r;"
        'print(len(r.urlopen("http://192.0.2.2:8000/README.md").read()))'
        "' 2>/dev/null && exit 7; sleep 0.3; done",
    )  # fmt: skip
    assert done.returncode == 7, done.stderr
    assert str((ROOT / "README.md").stat().st_size) in done.stdout.split()
    down = int(re.search(r"Down: \d+ packets, (\d+) bytes", done.stdout)[1])
    assert down > (ROOT / "README.md").stat().st_size


@pytest.mark.link
@pytest.mark.skipif(bool(netns.missing()), reason=str(netns.missing()))
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_two_emulated_machines_are_removed_when_it_is_told_to_stop(end):
    with _started("--network=wifi", "--namespaces") as process:
        name = _line_with(process, r"exec (bottlenet-\d+-0-server)")[1]
        assert name in netns.ip("netns", "list")
        process.send_signal(end)
        _, err = process.communicate(timeout=TIMEOUT_S)
    assert name not in netns.ip("netns", "list")
    assert "Traceback" not in err

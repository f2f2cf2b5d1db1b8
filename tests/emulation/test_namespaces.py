"""Two emulated machines: what passes between them, and what is left."""

import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from bottlenet_tf.emulation import Namespaces, Settings, check_link, netns
from bottlenet_tf.emulation.namespaces import ADDRESSES, Datagrams

pytestmark = [
    pytest.mark.link,
    pytest.mark.skipif(bool(netns.missing()), reason=str(netns.missing())),
]
ROOT = pathlib.Path(__file__).parents[2]
FAST = Settings(200.0)
TIMEOUT_S = 20


@pytest.fixture
def pair():
    with Namespaces(FAST) as link:
        yield link


def _left():
    """This machine's namespaces that are ours."""
    return {n for n in os.listdir("/run/netns") if n.startswith("bottlenet-")}


def _wait_until(condition):
    until_s = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < until_s
        time.sleep(0.02)


@contextlib.contextmanager
def _sockets(link, kind):
    with contextlib.ExitStack() as stack:
        ends = {
            side: stack.enter_context(
                netns.open_socket(name, socket.AF_INET, kind)
            )
            for side, name in link.names.items()
        }
        ends["server"].bind((ADDRESSES["server"], 0))
        for end in ends.values():
            end.settimeout(TIMEOUT_S)
        yield ends["device"], ends["server"]


def test_a_datagram_is_counted_at_ip_level(pair):
    with _sockets(pair, socket.SOCK_DGRAM) as (device, server):
        device.sendto(bytes(288), server.getsockname())
        data, sender = server.recvfrom(2000)
        server.sendto(bytes(1472), sender)
        assert len(data) == 288 and sender[0] == ADDRESSES["device"]
        assert len(device.recv(2000)) == 1472
    up, down = pair.counters()
    assert (up.packets, up.num_bytes) == (1, 316)
    assert (down.packets, down.num_bytes) == (1, 1500)


def test_a_stream_is_whole_even_over_a_lossy_link(pair):
    pair.set(loss=0.02, delay_ms=2)
    data = os.urandom(500_000)
    with _sockets(pair, socket.SOCK_STREAM) as (device, server):
        server.listen()
        got = []

        def serve():
            accepted, _ = server.accept()
            with accepted:
                accepted.settimeout(TIMEOUT_S)
                got.extend(iter(lambda: accepted.recv(65_536), b""))

        thread = threading.Thread(target=serve)
        thread.start()
        device.connect(server.getsockname())
        device.sendall(data)
        device.shutdown(socket.SHUT_WR)
        thread.join(TIMEOUT_S)
    assert b"".join(got) == data
    assert pair.counters()[0].lost_packets > 0


def test_nothing_passes_in_an_outage(pair):
    with _sockets(pair, socket.SOCK_DGRAM) as (device, server):
        pair.set(outage=True)
        device.sendto(b"lost", server.getsockname())
        _wait_until(lambda: pair.counters()[0].packets == 1)
        pair.set(outage=False)
        device.sendto(b"next", server.getsockname())
        assert server.recv(10) == b"next"
    assert pair.counters()[0].lost_packets == 1


def test_an_outage_takes_what_waits_on_the_line(pair):
    pair.set(uplink=0.012)  # A packet takes a second.
    with _sockets(pair, socket.SOCK_DGRAM) as (device, server):
        device.sendto(bytes(1472), server.getsockname())
        _wait_until(lambda: pair.counters()[0].packets == 1)
        pair.set(outage=True)
        pair.set(outage=False, uplink=100)
        device.sendto(b"next", server.getsockname())
        assert server.recv(2000) == b"next"
        server.settimeout(1.2)
        with pytest.raises(TimeoutError):
            server.recv(2000)


def test_they_reach_each_other_and_nothing_else(pair):
    for side, name in pair.names.items():
        routes = netns.ip("-n", name, "route").splitlines()
        assert len(routes) == 1 and routes[0].startswith("192.0.2.0/24")
        with netns.open_socket(name, socket.AF_INET, socket.SOCK_DGRAM) as end:
            with pytest.raises(OSError):
                end.connect(("198.51.100.1", 9))


def test_commands_run_on_both_and_end_with_the_link():
    with Namespaces(FAST) as link:
        sleeping = [link.run_in(side, ["sleep", "1000"]) for side in link.names]
        address = link.run_in(
            "device",
            ["ip", "-o", "addr", "show", "link0"],
            stdout=subprocess.PIPE,
            text=True,
        ).communicate()[0]
        assert "192.0.2.1/24" in address
        with pytest.raises(ValueError, match="device, server"):
            link.run_in("phone", ["true"])
    assert all(process.poll() is not None for process in sleeping)
    assert not _left() & set(link.names.values())


def test_what_ignores_its_end_is_killed(monkeypatch):
    monkeypatch.setattr("bottlenet_tf.emulation.process._TERMINATE_S", 0.2)
    with Namespaces(FAST) as link:
        stubborn = link.run_in(
            "server",
            ["sh", "-c", "trap '' TERM; echo ready; sleep 1000 & wait; wait"],
            stdout=subprocess.PIPE,
        )
        stubborn.stdout.readline()
    # The shell's own child, too: it holds the pipe.
    assert stubborn.stdout.read() == b""
    assert not _left() & set(link.names.values())


def test_two_pairs_do_not_meet(pair):
    with Namespaces(FAST) as other:
        assert not set(pair.names.values()) & set(other.names.values())
        with _sockets(other, socket.SOCK_DGRAM) as (device, server):
            device.sendto(b"x", server.getsockname())
            assert server.recv(10) == b"x"
        assert pair.counters()[0].packets == 0


_STARTER = """
import sys, time
from bottlenet_tf.emulation import Namespaces, Settings
link = Namespaces(Settings(5.0))
sleeping = link.run_in("server", ["sleep", "1000"])
print(*link.names.values(), link._process.pid, sleeping.pid, flush=True)
time.sleep(1000)
"""


@contextlib.contextmanager
def _starter():
    """Yields the process, its namespaces, its loop's pid and a command's."""
    with subprocess.Popen(
        [sys.executable, "-c", _STARTER],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            *names, loop, command = process.stdout.readline().split()
            yield process, set(names), int(loop), int(command)
        finally:
            process.kill()


def _is_alive(pid):
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return state.rpartition(")")[2].split()[0] != "Z"


def test_nothing_is_left_of_a_killed_starter():
    with _starter() as (process, names, loop, command):
        assert names <= _left()
        process.send_signal(signal.SIGKILL)
        _wait_until(lambda: not names & _left())
        _wait_until(lambda: not _is_alive(command) and not _is_alive(loop))


def test_the_next_start_removes_what_was_left():
    with _starter() as (process, names, loop, command):
        os.kill(loop, signal.SIGKILL)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert names <= _left() and _is_alive(command)
        with Namespaces(FAST):
            assert not names & _left()
        _wait_until(lambda: not _is_alive(command))


def test_a_running_neighbour_is_left_alone():
    with _starter() as (_, names, _, command):
        with Namespaces(FAST):
            assert names <= _left() and _is_alive(command)


def test_a_killed_loop_is_reported_and_cleared_away():
    with Namespaces(FAST) as link:
        os.kill(link._process.pid, signal.SIGKILL)
        with pytest.raises(RuntimeError, match="exit code"):
            link.counters()
            link.counters()
    assert not _left() & set(link.names.values())


def test_nothing_is_left_of_a_start_that_failed(monkeypatch):
    made = _left()

    def fail(*arguments):
        if "addr" in arguments:
            raise OSError("no address")
        return ip(*arguments)

    ip = netns.ip
    monkeypatch.setattr(netns, "ip", fail)
    with pytest.raises(OSError, match="no address"):
        Namespaces(FAST)
    assert _left() == made


def test_no_message_is_faster_than_arithmetic():
    """Slower is the machine's business: `bottlenet-link --check` judges it."""
    with Datagrams(FAST) as timed:
        result = check_link(timed, (1.1, 18.88), delay_ms=5, sends=3)
    assert len(result.cells) == 4
    for cell in result.cells:
        assert cell.least_ms >= cell.expected_ms

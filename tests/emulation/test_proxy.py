"""The proxy as a process: bytes, ends and failures pass through the lines."""

import contextlib
import os
import resource
import signal
import socket
import threading
import time

import pytest

from bottlenet_tf.emulation import Proxy, Settings, tcp_forwarder

# Twelve times faster than Wi-Fi, so that tests wait for nothing but delays.
FAST = Settings(200.0)
TIMEOUT_S = 20


@contextlib.contextmanager
def _link(settings=FAST):
    """Yields the link and a listening server behind it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(TIMEOUT_S)
        with Proxy(settings, server.getsockname()) as link:
            yield link, server


@contextlib.contextmanager
def _connected(link, server):
    with socket.create_connection(link.address, TIMEOUT_S) as device:
        accepted, _ = server.accept()
        with accepted:
            accepted.settimeout(TIMEOUT_S)
            yield device, accepted


def _read_all(end):
    return b"".join(iter(lambda: end.recv(65_536), b""))


def test_bytes_pass_both_ways_whole_and_in_order():
    up, down = os.urandom(3_000_000), os.urandom(2_000_000)
    with _link() as (link, server), _connected(link, server) as ends:
        device, cloud = ends
        got = {}

        def serve():
            got["up"] = _read_all(cloud)
            cloud.sendall(down)
            cloud.shutdown(socket.SHUT_WR)

        thread = threading.Thread(target=serve)
        thread.start()
        device.sendall(up)
        device.shutdown(socket.SHUT_WR)
        got["down"] = _read_all(device)
        thread.join(TIMEOUT_S)
        counters = link.counters()
    assert got == {"up": up, "down": down}
    # Data, a header for each 1448 bytes, SYN and the stream's end.
    least = 3_000_000 + 52 * (-(-3_000_000 // 1448)) + 60 + 52
    assert least <= counters[0].num_bytes < 1.02 * least
    assert counters[1].num_bytes > 2_000_000


def test_what_is_lost_comes_later_and_in_order():
    data = os.urandom(30_000)
    settings = Settings(200.0, loss=0.2, seed=3)
    with _link(settings) as (link, server), _connected(link, server) as ends:
        device, cloud = ends
        device.sendall(data)
        device.shutdown(socket.SHUT_WR)
        assert _read_all(cloud) == data
        assert link.counters()[0].lost_packets > 0


def test_an_outage_holds_a_connection():
    with _link() as (link, server), _connected(link, server) as ends:
        device, cloud = ends
        link.set(outage=True)
        device.sendall(b"held")
        cloud.settimeout(0.5)
        with pytest.raises(TimeoutError):
            cloud.recv(10)
        link.set(outage=False)
        cloud.settimeout(TIMEOUT_S)
        assert cloud.recv(10) == b"held"


def test_a_connection_begun_in_an_outage_begins_after_it():
    with _link() as (link, server):
        link.set(outage=True)
        with socket.create_connection(link.address, TIMEOUT_S) as device:
            device.sendall(b"early")
            server.settimeout(0.3)
            with pytest.raises(TimeoutError):
                server.accept()
            link.set(outage=False)
            server.settimeout(TIMEOUT_S)
            accepted, _ = server.accept()
            with accepted:
                assert accepted.recv(10) == b"early"


def test_a_message_is_never_faster_than_arithmetic():
    """Slower is the machine's business; faster would be the link's fault."""
    settings = Settings(1.0, delay_ms=30)
    with _link(settings) as (link, server), _connected(link, server) as ends:
        device, cloud = ends
        for size in (100, 5000):
            start_s = time.monotonic()
            device.sendall(bytes(size))
            left = size
            while left:
                left -= len(cloud.recv(left))
            taken_ms = 1e3 * (time.monotonic() - start_s)
            assert taken_ms >= 30 + 8e-3 * (size + 52)


def test_a_change_is_felt():
    with _link() as (link, server), _connected(link, server) as ends:
        device, cloud = ends
        link.set(delay_ms=300)
        start_s = time.monotonic()
        device.sendall(b"x")
        cloud.recv(1)
        assert time.monotonic() - start_s >= 0.3
        with pytest.raises(ValueError, match="loss"):
            link.set(uplink=5, loss=7)
        with pytest.raises(TypeError):
            link.set(speed=5)


def test_a_restart_begins_at_0_with_new_lines():
    with _link() as (link, server), _connected(link, server) as ends:
        device, cloud = ends
        device.sendall(b"x")
        cloud.recv(1)
        link.restart(Settings(100.0, outages=[(0, 1e9)]))
        assert link.counters()[0].packets == 0
        device.sendall(b"y")
        cloud.settimeout(0.3)
        with pytest.raises(TimeoutError):
            cloud.recv(1)
        link.restart(FAST)
        cloud.settimeout(TIMEOUT_S)
        assert cloud.recv(1) == b"y"


@pytest.mark.parametrize("dying", [0, 1], ids=["device", "server"])
def test_a_reset_passes_through(dying):
    with _link() as (link, server), _connected(link, server) as ends:
        dead, alive = ends[dying], ends[1 - dying]
        dead.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0"
        )
        dead.close()
        with pytest.raises(ConnectionResetError):
            if not alive.recv(1):
                raise AssertionError("An orderly end isn't a reset.")
        # Others are served on.
        with _connected(link, server) as (device, cloud):
            device.sendall(b"x")
            assert cloud.recv(1) == b"x"


def test_half_closed_connections_live_on():
    with _link() as (link, server), _connected(link, server) as ends:
        device, cloud = ends
        device.shutdown(socket.SHUT_WR)
        assert cloud.recv(1) == b""
        cloud.sendall(b"still here")
        assert device.recv(20) == b"still here"


def test_a_target_that_refuses_ends_the_connection():
    with socket.create_server(("127.0.0.1", 0)) as server:
        target = server.getsockname()
    with Proxy(FAST, target) as link:
        # The reset may come before `connect` is back.
        with pytest.raises(ConnectionResetError):
            socket.create_connection(link.address, TIMEOUT_S).recv(1)
        assert link.is_running


def test_a_reader_that_does_not_read_slows_its_sender_alone():
    with _link() as (link, server), _connected(link, server) as ends:
        device, _ = ends
        device.settimeout(1)
        with pytest.raises(TimeoutError):
            for _ in range(1000):
                device.sendall(bytes(100_000))
        with _connected(link, server) as (other, cloud):
            other.sendall(b"x")
            assert cloud.recv(1) == b"x"


def test_many_connections_come_and_go():
    with _link() as (link, server):
        for _ in range(30):
            with contextlib.ExitStack() as stack:
                for number in range(20):
                    device, cloud = stack.enter_context(
                        _connected(link, server)
                    )
                    device.sendall(bytes([number]))
                    assert cloud.recv(1) == bytes([number])
        assert link.is_running


def test_a_starter_may_have_many_files_open():
    """`select` takes no descriptor above 1023, whatever the starter's are."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= hard < 2000:
        pytest.skip("a process may not have so many files open")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2000), hard))
    with contextlib.ExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        for _ in range(1100):
            stack.callback(os.close, os.dup(0))
        link, server = stack.enter_context(_link())
        device, cloud = stack.enter_context(_connected(link, server))
        device.sendall(b"x")
        assert cloud.recv(1) == b"x"


def test_connections_beyond_the_most_wait_for_one_to_end():
    with _link() as (link, server):
        with contextlib.ExitStack() as stack:
            for _ in range(tcp_forwarder.MAX_CONNECTIONS):
                stack.enter_context(_connected(link, server))
            waiting = socket.create_connection(link.address, TIMEOUT_S)
            stack.enter_context(waiting)
            server.settimeout(0.2)
            with pytest.raises(TimeoutError):
                server.accept()
            server.settimeout(TIMEOUT_S)
        # All have ended, and it accepts again.
        while True:
            with _connected(link, server) as (device, cloud):
                device.sendall(b"x")
                if cloud.recv(1) == b"x":
                    break


def test_an_idle_link_takes_no_time():
    with _link() as (link, server), _connected(link, server):
        path = f"/proc/{link._process.pid}/stat"

        def ticks():
            fields = open(path).read().rpartition(")")[2].split()
            return int(fields[11]) + int(fields[12])

        before = ticks()
        time.sleep(0.5)
        # A loop that spins takes 50 ticks of 10 ms.
        assert ticks() - before < 10


def test_a_killed_process_is_reported():
    with _link() as (link, server), _connected(link, server) as ends:
        os.kill(link._process.pid, signal.SIGKILL)
        with pytest.raises(RuntimeError, match="exit code"):
            link.counters()
            link.counters()
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            if not ends[0].recv(1):
                raise ConnectionResetError
        assert not link.is_running


def test_it_ends_with_its_starter():
    """As after kill -9: the pipe's end is closed and nothing else is said."""
    with _link() as (link, _):
        link._control.close()
        assert link._process.wait(TIMEOUT_S) == 0


def test_closing_twice_is_fine():
    with _link() as (link, _):
        link.close()


def test_a_taken_port_is_an_os_error():
    with _link() as (link, _), pytest.raises(OSError):
        Proxy(FAST, ("127.0.0.1", 1), listen=link.address)

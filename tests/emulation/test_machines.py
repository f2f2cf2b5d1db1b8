"""Two machines in both forms: a server answers, and nothing is left."""

import subprocess
import sys

import pytest

from bottlenet_tf.emulation import Settings, machines, netns

ECHO = """
import socket, sys
server = socket.create_server((sys.argv[1], int(sys.argv[2])))
print(server.getsockname()[1], flush=True)
while True:
    connection, _ = server.accept()
    connection.sendall(connection.recv(99))
"""
ASK = """
import socket, sys
with socket.create_connection(sys.argv[1].split(":")) as connection:
    connection.sendall(b"hello")
    print(connection.recv(99).decode())
"""


@pytest.mark.parametrize(
    "with_namespaces",
    [
        False,
        pytest.param(
            True,
            marks=[
                pytest.mark.link,
                pytest.mark.skipif(
                    bool(netns.missing()), reason=str(netns.missing())
                ),
            ],
        ),
    ],
)
def test_a_device_reaches_a_server_and_both_end(with_namespaces):
    pipe = {"stdout": subprocess.PIPE, "text": True}
    with machines.opened(
        Settings(200.0, delay_ms=1.0), [200.0], with_namespaces
    ) as both:
        assert both.form == ("namespaces" if with_namespaces else "proxy")
        assert len(both.checked.cells) == 2
        server = both.start(
            "server",
            [sys.executable, "-c", ECHO, both.host, str(both.port)],
            **pipe,
        )
        link, address = both.join(int(server.stdout.readline()))
        ask = [sys.executable, "-c", ASK, address]
        asking = both.start("device", ask, **pipe)
        assert asking.communicate(timeout=20)[0] == "hello\n"
        assert link.counters()[0].num_bytes > 5
    assert server.poll() is not None

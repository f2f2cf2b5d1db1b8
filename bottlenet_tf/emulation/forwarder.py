"""The forwarding process: started by `process.Forwarder`, set by a pipe.

It ends with its parent, even if that is killed, and cleans up after it.
"""

import multiprocessing.connection
import os
import selectors
import signal
import socket
import sys

from bottlenet_tf.emulation import netns
from bottlenet_tf.emulation.loop import Loop, prefer_real_time
from bottlenet_tf.emulation.tcp_forwarder import TcpForwarder
from bottlenet_tf.emulation.tun_forwarder import TunForwarder


def _make(job, loop):
    lines = job["settings"].lines()
    files = [_lowest(file) for file in job["files"]]
    if job["form"] == "namespaces":
        return TunForwarder(loop, lines, files)
    (file,) = files
    listener = socket.socket(fileno=file)
    return TcpForwarder(loop, lines, listener, job["target"])


def _lowest(file):
    """Returns the same file as the lowest free descriptor.

    It has the parent's number, and `select` takes none above 1023.
    """
    lowest = os.dup(file)
    os.close(file)
    return lowest


def _answer(request, forwarder):
    """Fulfils a request; returns the answer."""
    kind, value = request
    if kind == "restart":
        forwarder.restart(value.lines())
    elif kind == "change":
        forwarder.change(value)
    elif kind == "counters":
        return tuple(line.counters for line in forwarder.lines)
    return None


def _serve(control, loop, forwarder):
    try:
        request = control.recv()
    except (EOFError, OSError):
        loop.stop()  # The parent has ended.
        return
    control.send(_answer(request, forwarder))


def main(file):
    """Forwards until the other end of the pipe, a descriptor, is closed."""
    # The parent handles Ctrl-C and closes the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    control = multiprocessing.connection.Connection(_lowest(file))
    job = control.recv()
    try:
        scheduling = prefer_real_time()
        loop = Loop()
        forwarder = _make(job, loop)
        loop.selector.register(
            control,
            selectors.EVENT_READ,
            lambda: _serve(control, loop, forwarder),
        )
        control.send(scheduling)
        loop.restart()
        loop.run()
    finally:
        netns.remove(job.get("namespaces", ()))


if __name__ == "__main__":
    main(int(sys.argv[1]))

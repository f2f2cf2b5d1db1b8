"""Two machines and the link between them, in the form that this one permits.

Namespaces where possible, else the proxy on loopback.
"""

import contextlib
import dataclasses
import subprocess
from collections.abc import Callable

from bottlenet_tf.emulation import netns
from bottlenet_tf.emulation.check import check_link
from bottlenet_tf.emulation.namespaces import ADDRESSES, Datagrams
from bottlenet_tf.emulation.process import end
from bottlenet_tf.emulation.proxy import Messages, Proxy

_PORT = 8000


@dataclasses.dataclass(frozen=True)
class Machines:
    """A device's machine and a server's.

    Attributes:
        host: Address that the server must listen on.
        port: The server's port; 0 for any free one.
        start: Function of a side, a command and options of
            `subprocess.Popen` that starts it there.
        join: Function of the server's port that returns the link, and the
            address by which the device reaches the server.
    """

    form: str
    checked: object
    host: str
    port: int
    start: Callable
    join: Callable


@contextlib.contextmanager
def opened(settings, rates_mbps, with_namespaces=None):
    """Yields `Machines`; processes started on them are ended at the end.

    Args:
        with_namespaces: The form; None takes namespaces where possible.
    """
    if with_namespaces is None:
        with_namespaces = netns.missing() is None
    make = _namespaces if with_namespaces else _proxy
    with contextlib.ExitStack() as stack:
        yield make(stack, settings, rates_mbps)


def _namespaces(stack, settings, rates_mbps):
    timed = stack.enter_context(Datagrams(settings))
    checked = check_link(timed, rates_mbps, settings.delay_ms)
    link, host = timed.link, ADDRESSES["server"]

    def join(port):
        link.restart(settings)
        return link, f"{host}:{port}"

    return Machines(link.form, checked, host, _PORT, link.run_in, join)


def _proxy(stack, settings, rates_mbps):
    with Messages(settings) as timed:
        checked = check_link(timed, rates_mbps, settings.delay_ms)
    # The link is closed after the processes have ended.
    links, started = stack.enter_context(contextlib.ExitStack()), []
    stack.callback(end, started)

    def join(port):
        link = links.enter_context(Proxy(settings, ("127.0.0.1", port)))
        return link, "{}:{}".format(*link.address)

    def start(side, command, **options):
        started.append(subprocess.Popen(command, **options))
        return started[-1]

    return Machines(Proxy.form, checked, "127.0.0.1", 0, start, join)

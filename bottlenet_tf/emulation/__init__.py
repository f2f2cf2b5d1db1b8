"""An emulated link between device and server: rate, delay, loss, outages."""

from bottlenet_tf.emulation.check import Cell, LinkCheck, check_link
from bottlenet_tf.emulation.line import Counters, Line
from bottlenet_tf.emulation.namespaces import Namespaces
from bottlenet_tf.emulation.proxy import Proxy
from bottlenet_tf.emulation.settings import Settings
from bottlenet_tf.emulation.trace_files import load
from bottlenet_tf.emulation.traces import Trace

__all__ = [
    "Cell",
    "Counters",
    "Line",
    "LinkCheck",
    "Namespaces",
    "Proxy",
    "Settings",
    "Trace",
    "check_link",
    "load",
]

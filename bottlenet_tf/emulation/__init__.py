"""An emulated link between device and server: rate, delay, loss, outages."""

from bottlenet_tf.emulation.line import Counters, Line
from bottlenet_tf.emulation.trace_files import load
from bottlenet_tf.emulation.traces import Trace

__all__ = ["Counters", "Line", "Trace", "load"]

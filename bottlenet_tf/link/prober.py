"""Small probes of the link, while images are answered on the device."""

import threading

from bottlenet_tf.link.transport import LinkError, Missed, Refused
from bottlenet_tf.link.worker import Worker


class Prober:
    """Sends probes in its own thread; `learn` passes on their results.

    A probe is as many zeros as the plan's smallest payload has bytes. The
    server reports that it can't read them, and so computes nothing.

    Args:
        controller: `Controller`; called only by `send` and `learn`.
    """

    def __init__(self, controller, transport, clock):
        self._controller, self._transport = controller, transport
        self._clock = clock
        self._worker = Worker(clock, name="probes")
        sizes = [c.bytes_mean for c in controller.plan.choices if c.sends]
        self._payload = bytes(max(1, int(min(sizes, default=1))))
        self._lock, self._found = threading.Lock(), []
        self._under_way = False

    def send(self):
        """Sends a probe if one is due and none is under way."""
        if self._under_way or not self._controller.take_probe():
            return
        self._under_way = True
        until_s = self._clock() + 1e-3 * self._controller.probe_ms
        self._worker.submit(lambda: self._ask(until_s))

    def learn(self):
        """Passes the results of ended probes on to the controller."""
        with self._lock:
            found, self._found = self._found, []
        for report in found:
            self._under_way = False
            report()

    def exchange(self, transport):
        """Returns its transport and takes another, unless it is in use."""
        if self._under_way:
            return transport
        self._transport, transport = transport, self._transport
        return transport

    @property
    def is_open(self):
        """Whether its connection is open and idle."""
        return not self._under_way and self._transport.is_open

    def close(self):
        """Ends the thread and the connection."""
        self._worker.close()
        self._transport.close()

    def _ask(self, until_s):
        size, begun_s = len(self._payload), self._clock()
        controller = self._controller
        try:
            answer = self._transport.ask(self._payload, until_s, "probe")
        except Refused as refused:
            retry_after_s = refused.retry_after_s
            self._report(lambda: controller.refused(retry_after_s))
        except Missed:
            ms = 1e3 * (self._clock() - begun_s)
            self._report(lambda: controller.missed(size, ms))
        except LinkError:
            self._report(controller.refused)
        except Exception:  # A transport's bug must not end probing.
            self._report(controller.refused)
        else:
            ms = 1e3 * (self._clock() - begun_s)
            self._report(lambda: self._answered(size, ms, answer))

    def _report(self, report):
        with self._lock:
            self._found.append(report)

    def _answered(self, size, ms, answer):
        connect_ms = self._transport.connect_ms or 0.0
        if connect_ms:
            self._controller.connected(connect_ms)
        ms -= connect_ms + (answer.computed_ms or 0) + (answer.queued_ms or 0)
        self._controller.probed(size, max(0.0, ms), answer.queued_ms)

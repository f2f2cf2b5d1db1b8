"""Packets from one TUN device to the other, each through its line."""

import functools
import os
import selectors

# Longer than any packet: the devices' MTU is 1500 bytes.
_MAX_PACKET = 65_536
# Packets read before due times are checked again.
_BATCH = 16


class TunForwarder:
    """Joins two TUN devices.

    Args:
        lines: Up, from the first device to the second, and down.
        files: Descriptors of the device's and the server's TUN device,
            non-blocking.
    """

    def __init__(self, loop, lines, files):
        self._loop = loop
        self.lines = lines
        device, server = files
        for direction, (source, target) in enumerate(
            [(device, server), (server, device)]
        ):
            loop.selector.register(
                source,
                selectors.EVENT_READ,
                functools.partial(self._read, direction, source, target),
            )

    def restart(self, lines):
        """Switches to new lines; packets on the old ones are lost."""
        self._loop.forget(lambda _, call: call == self._write)
        self._loop.restart()
        self.lines = lines

    def change(self, change):
        """Applies a `Change`; an outage loses queued packets."""
        now_s = self._loop.now()
        if change.outage:
            delay_s = min(line.delay_s for line in self.lines)
            self._loop.forget(
                lambda time_s, call: (
                    call == self._write and time_s - delay_s > now_s
                )
            )
        change.apply(self.lines, now_s)

    def _read(self, direction, source, target):
        for _ in range(_BATCH):
            try:
                packet = os.read(source, _MAX_PACKET)
            except BlockingIOError:
                return
            except OSError:
                self._loop.stop()  # The device is gone, and its link.
                return
            arrives_s = self.lines[direction].send(
                self._loop.now(), len(packet)
            )
            if arrives_s is not None:
                self._loop.at(arrives_s, self._write, target, packet)

    def _write(self, target, packet):
        try:
            os.write(target, packet)
        except OSError:
            # The device is down or its queue is full: lost, as on any wire.
            pass

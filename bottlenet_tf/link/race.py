"""A race of device and server for an image: the first answer counts."""

import threading

from bottlenet_tf.link.transport import Missed

REMOTE, LOCAL = "server", "device"


class Race:
    """Decides who is first; interrupts the question if it is the device."""

    def __init__(self, transport):
        self._transport, self._lock = transport, threading.Lock()
        self._is_asking = False
        self.winner = None

    def asking(self):
        """Starts a question, which `local` interrupts from now on."""
        with self._lock:
            if self.winner is not None:
                raise Missed("The device was first.")
            self._is_asking = True

    def asked(self):
        """Ends the question."""
        with self._lock:
            self._is_asking = False

    def local(self, answer):
        """Notes that the device has answered."""
        with self._lock:
            if self.winner is None:
                self.winner = LOCAL
                # Under the lock, so that it never interrupts the next question.
                if self._is_asking:
                    self._transport.interrupt()

    def remote(self):
        """Notes the server's answer; returns whether it was first."""
        with self._lock:
            if self.winner is None:
                self.winner = REMOTE
            return self.winner == REMOTE

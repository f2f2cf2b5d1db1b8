"""Device and server at the same image: the first answer counts."""

import threading

from bottlenet_tf.link.transport import Missed

REMOTE, LOCAL = "server", "device"


class Race:
    """Which of two answers was first; ends the question once it can't win."""

    def __init__(self, transport):
        self._transport = transport
        self._lock = threading.Lock()
        self._is_asking = False
        self._winner = None
        self.answer = None

    def asking(self):
        with self._lock:
            if self._winner is not None:
                raise Missed("The device was first.")
            self._is_asking = True

    def asked(self):
        with self._lock:
            self._is_asking = False

    def local(self, answer):
        with self._lock:
            if self._winner is None:
                self._winner = LOCAL
                # Under the lock, so that it never meets the next question.
                if self._is_asking:
                    self._transport.interrupt()

    def remote(self, answer):
        with self._lock:
            if self._winner is None:
                self._winner, self.answer = REMOTE, answer

    def won_by(self, name):
        with self._lock:
            return self._winner == name

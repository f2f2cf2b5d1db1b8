"""A bounded queue in front of one worker."""

import collections
import threading
import time


class Waiting:
    """Collects items into batches for one worker thread.

    The worker gets the items that came in while it worked, up to a batch's
    size, so nothing waits for a batch to fill up. An item is refused if the
    queue is full, or if it has waited too long.

    Args:
        work: Function of a list of `(item, seconds waited)`; called only by the
            worker.
        refuse: Function of an item and the reason, "full" or "late".
        size: Function of an item that returns its part of a batch.
        most: Size of a batch. A larger item is a separate batch.
        delay: Seconds to wait for a batch to fill up, 0 for none.
    """

    def __init__(
        self, work, refuse, size, most, room, seconds, delay=0.0,
        clock=time.monotonic,
    ):  # fmt: skip
        self._work, self._refuse, self._size = work, refuse, size
        self._most, self._room, self._seconds = most, room, seconds
        self._delay, self._clock = delay, clock
        self._items = collections.deque()
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run)
        self._thread.daemon = True

    def start(self):
        """Starts the worker."""
        self._thread.start()

    def put(self, item):
        """Queues an item, or refuses it."""
        with self._changed:
            is_full = self._closed or len(self._items) >= self._room
            if not is_full:
                self._items.append((item, self._clock()))
                self._changed.notify()
        if is_full:
            self._refuse(item, "full")

    def close(self):
        """Ends the worker once all waiting items are answered."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join()

    def take(self):
        """Waits for items; returns those of a batch and the late ones.

        Both are lists of `(item, seconds waited)`, empty once it is closed.
        """
        with self._changed:
            while not self._items and not self._closed:
                self._changed.wait()
            if self._delay and not self._closed:
                self._fill()
            now = self._clock()
            batch, late, total = [], [], 0
            while self._items:
                item, since = self._items[0]
                waited = now - since
                if waited > self._seconds:
                    late.append((item, waited))
                else:
                    total += self._size(item)
                    if batch and total > self._most:
                        break
                    batch.append((item, waited))
                self._items.popleft()
            return batch, late

    def _fill(self):
        """Waits until a batch is full, or the first item's delay is over."""
        end = self._items[0][1] + self._delay
        while sum(self._size(item) for item, _ in self._items) < self._most:
            left = end - self._clock()
            if left <= 0 or self._closed:
                break
            self._changed.wait(left)

    def _run(self):
        while True:
            batch, late = self.take()
            for item, _ in late:
                self._refuse(item, "late")
            if batch:
                self._work(batch)
            elif not late:
                return  # Closed.

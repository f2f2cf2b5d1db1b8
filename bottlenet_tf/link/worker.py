"""One thread for computing locally beside a question that is under way."""

import threading

_LONGEST_WAIT_S = 3600.0


class Task:
    """A computation that begins at a time unless it is hurried or cancelled.

    Made by `Worker.submit`.
    """

    def __init__(self, function, at_s, then):
        self._function, self.at_s, self._then = function, at_s, then
        self._changed = threading.Condition()
        self._state = "waiting"
        self._result = self._error = None

    def begin_at(self, at_s):
        """Changes when it begins; None is as soon as the thread is free."""
        with self._changed:
            self.at_s = at_s
            self._changed.notify_all()

    def hurry(self):
        """Begins as soon as the thread is free."""
        self.begin_at(None)

    def cancel(self):
        """Drops it if it hasn't begun."""
        with self._changed:
            if self._state == "waiting":
                self._state = "cancelled"
            self._changed.notify_all()

    def result(self):
        """Waits for the result and returns it, or raises what it raised."""
        with self._changed:
            while self._state not in ("done", "cancelled"):
                self._changed.wait()
        if self._error is not None:
            raise self._error
        return self._result

    def run(self, clock):
        """Waits for its time and computes; for the worker."""
        with self._changed:
            while self._state == "waiting" and self.at_s is not None:
                left = self.at_s - clock()
                if left <= 0:
                    break
                # Beyond a limit of its own a lock refuses to wait.
                self._changed.wait(min(left, _LONGEST_WAIT_S))
            if self._state == "cancelled":
                return
            self._state = "running"
        try:
            self._result = self._function()
        except Exception as error:
            self._error = error
        with self._changed:
            self._state = "done"
            self._changed.notify_all()
        if self._error is None:
            self._then(self._result)


class Worker:
    """A thread that computes one task after the other.

    It is a daemon: it never keeps the program from ending.

    Args:
        clock: Function that returns monotonic seconds.
        name: Of the thread.
    """

    def __init__(self, clock, name="local"):
        self._clock = clock
        self._tasks, self._ready = [], threading.Condition()
        self._thread = threading.Thread(target=self._run, name=name)
        self._thread.daemon = True
        self._thread.start()

    def submit(self, function, at_s=None, then=lambda result: None):
        """Returns a `Task`.

        Args:
            function: Without arguments.
            at_s: When it begins, in seconds of the clock; None is at once,
                infinity once it is hurried.
            then: Called with the result in the worker's thread.
        """
        task = Task(function, at_s, then)
        with self._ready:
            self._tasks.append(task)
            self._ready.notify()
        return task

    def close(self):
        """Ends the thread after what was submitted."""
        with self._ready:
            self._tasks.append(None)
            self._ready.notify()
        self._thread.join()

    def _run(self):
        while True:
            with self._ready:
                while not self._tasks:
                    self._ready.wait()
                task = self._tasks.pop(0)
            if task is None:
                return
            task.run(self._clock)

"""A thread for computing locally while a question is under way.

Waking a thread takes longer than everything else that a controller does for an
image, and most images don't need it: the thread is woken only for tasks that
start before it would wake anyway.
"""

import threading

_LONGEST_WAIT_S = 3600.0
_NOW, _NEVER = float("-inf"), float("inf")


class Task:
    """A computation that starts at a time unless it is hurried or cancelled.

    Made by `Worker.submit`.
    """

    def __init__(self, worker, function, at_s, then):
        self._worker, self._function, self._then = worker, function, then
        self.at_s = _NOW if at_s is None else at_s
        self._result = self._error = None
        self._pending = threading.Lock()  # A condition costs 3 µs per image.
        self._pending.acquire()

    def begin_at(self, at_s):
        """Changes its start, in seconds of the worker's clock."""
        self._worker.begin_at(self, at_s)

    def hurry(self):
        """Starts it as soon as the thread is free."""
        self.begin_at(_NOW)

    def cancel(self):
        """Drops it if it hasn't started."""
        if self._worker.drop(self):
            self._pending.release()

    def wait(self, seconds=-1):
        """Waits, up to a time if given; returns whether it has ended."""
        has_ended = self._pending.acquire(timeout=seconds)
        if has_ended:
            self._pending.release()
        return has_ended

    def result(self):
        """Waits for the result and returns it, or raises its exception."""
        self.wait()
        if self._error is not None:
            raise self._error
        return self._result

    def run(self):
        """Computes; for the worker."""
        try:
            self._result = self._function()
        except Exception as error:
            self._error = error
        self._pending.release()
        if self._error is None:
            self._then(self._result)


class Worker:
    """A thread that computes one task after the other.

    It is a daemon: it never keeps the program from ending.
    """

    def __init__(self, clock, name="local"):
        self._clock = clock
        self._tasks, self._changed = [], threading.Condition()
        self._is_closed = False
        self._wakes_s = _NOW  # When it wakes by itself; now while it is awake.
        self._thread = threading.Thread(target=self._run, name=name)
        self._thread.daemon = True
        self._thread.start()

    def submit(self, function, at_s=None, then=lambda result: None):
        """Returns a `Task`.

        Args:
            at_s: Its start, in seconds of the clock; None for at once, infinity
                for when hurried.
            then: Called with the result in the worker's thread.
        """
        task = Task(self, function, at_s, then)
        with self._changed:
            self._tasks.append(task)
            self._wake_if_due()
        return task

    @property
    def is_idle(self):
        """Whether the thread sleeps, and has nothing to do later."""
        with self._changed:
            return not self._tasks and self._wakes_s > _NOW

    def begin_at(self, task, at_s):
        """Changes the start of a task."""
        with self._changed:
            task.at_s = at_s
            self._wake_if_due()

    def drop(self, task):
        """Returns whether a task hadn't started, and never will."""
        with self._changed:
            if task not in self._tasks:
                return False
            self._tasks.remove(task)
            self._wake_if_due()
            return True

    def _wake_if_due(self):
        """Wakes the thread if it must start before it would wake."""
        if self._tasks and self._tasks[0].at_s < self._wakes_s:
            self._changed.notify()

    def close(self):
        """Ends the thread after its tasks."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self):
        while True:
            task = self._next()
            if task is None:
                return
            task.run()

    def _next(self):
        """Waits for the next task's time, and takes it; None at the end."""
        with self._changed:
            while True:
                self._wakes_s, left = _NEVER, None
                if self._tasks:
                    self._wakes_s = self._tasks[0].at_s
                    left = self._wakes_s - self._clock()
                    if left <= 0:
                        self._wakes_s = _NOW
                        return self._tasks.pop(0)
                elif self._is_closed:
                    return None
                # A lock refuses to wait beyond its limit.
                self._changed.wait(left and min(left, _LONGEST_WAIT_S))

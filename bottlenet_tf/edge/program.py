"""The device program: answers every image of its sources, each exactly once.

NumPy and the rest are imported only after valid arguments.
"""

import os
import signal
import sys
import time

from bottlenet_tf.edge import output, sources
from bottlenet_tf.edge.arguments import parse
from bottlenet_tf.edge.opening import Alone, open_answerer
from bottlenet_tf.edge.paced import Paced
from bottlenet_tf.edge.tally import Tally
from bottlenet_tf.link import plan_file

_REFRESH_S, _LOGGED_S = 0.2, 10.0
_EXPECTED = (
    Alone, ImportError, OSError, RuntimeError, ValueError, sources.SourceError,
)  # fmt: skip


def main(argv=None, deploy=None):
    """Runs the program and returns its exit code; see `arguments.parse`."""
    args = parse(argv, deploy)
    stop = Stop()
    with stop:
        try:
            return _run(args, stop)
        except KeyboardInterrupt:  # A second Ctrl-C.
            say("interrupted")
            return 1


def _run(args, stop):
    from bottlenet_tf.edge import network as networks

    try:
        network = networks.Network.open(
            args.deploy,
            args.runtime,
            args.threads,
            with_heads=args.server is not None,
        )
        plan_path = args.plan or networks.plan_path(args.deploy)
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        say("error: {}".format(error))
        return 1
    return run(args, network, plan_path, stop)


def run(args, network, plan_path, stop):
    """Answers the images of the arguments; returns the exit code."""
    try:
        items = _items(args, stop)
        if args.paced:
            if plan_path is None:
                raise ValueError("--paced must have a plan. Received: none")
            network = Paced(network, plan_file.read(plan_path))
        lines = (
            output.StandardOutput()
            if args.out is None
            else output.AnswerFile(args.out)
        )
        opened = open_answerer(args, network, plan_path, say)
        network.warm_up(opened.splits)
    except _EXPECTED as error:
        say("error: {}".format(error))
        return 1
    if opened.alone is not None:
        say("every image is answered on this device: {}".format(opened.alone))
    loop = Loop(network, opened.answerer, lines, stop, args.count)
    try:
        is_whole = loop.run(items)
    finally:
        lines.close()
        if not stop.at_once:
            opened.answerer.close()
    loop.progress.end()
    if loop.known:
        say("{} images were answered before".format(loop.known))
    if loop.tally.answered + loop.tally.failed and not loop.is_closed:
        say(loop.tally.summary())
    return 0 if is_whole and not loop.tally.failed else 1


def _items(args, stop):
    if args.camera is not None:
        return sources.camera(args.camera, stop)
    if args.watch:
        return sources.Watched(args.images[0], stop)
    return sources.files(args.images)


class Stop:
    """Whether to end: set by the first Ctrl-C or SIGTERM.

    The second Ctrl-C ends at once. Use it with `with`, in the main thread.
    """

    def __init__(self):
        self._asked, self._before = False, {}
        self.at_once = False

    def __call__(self):
        return self._asked

    def __enter__(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(self, *_):
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask(self, number, frame):
        if self._asked and number == signal.SIGINT:
            self.at_once = True
            raise KeyboardInterrupt
        self._asked = True


class Loop:
    """Prepares, answers and writes image after image.

    Attributes:
        known: Number of images answered by an earlier run.
        is_closed: Whether standard output was closed by its reader.
    """

    def __init__(self, network, answerer, lines, stop, count=None):
        self._network, self._answerer = network, answerer
        self._lines, self._stop, self._count = lines, stop, count
        self.known = 0
        self.tally = Tally()
        self.progress = Progress(self.tally)
        self.is_closed = False

    def run(self, items):
        """Answers items; returns whether none is left."""
        done = 0
        is_finite = isinstance(items, list)
        retry = getattr(items, "retry", lambda item: False)
        try:
            for item in items:
                # Other sources end on their own, and then nothing is left.
                if is_finite and self._stop():
                    return False
                if self._lines.has(item.name):
                    self.known += 1
                    continue
                line = self._answer(item, retry)
                if line is None:
                    continue
                self._lines.write(line)
                done += 1
                self.progress.show()
                if done == self._count:
                    break
        except sources.SourceError as error:
            self.progress.end()
            say("error: {}".format(error))
            return False
        except BrokenPipeError:
            self.is_closed = True
            _leave_output()
            return False
        except OSError as error:  # E.g. a full disk.
            self.progress.end()
            say("error: {}".format(error))
            return False
        return True

    def _answer(self, item, retry):
        """Returns an item's line; None if it will come again."""
        try:
            picture = self._network.prepare(item.image)
        except Exception as error:  # The others must still be answered.
            return None if retry(item) else self._failed(item, error)
        try:
            result = self._answerer.answer(picture)
            line = output.answered(item.name, result)
        except Exception as error:
            return self._failed(item, error)
        self.tally.add(result)
        return line

    def _failed(self, item, error):
        self.tally.add_failure()
        problem = "{}: {}".format(type(error).__name__, error)
        return output.failed(item.name, problem)


def _leave_output():
    """Lets Python end without an error about a closed pipe."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Progress:
    """A `Tally`'s line on standard error: updated, or every 10 s in a log."""

    def __init__(self, tally):
        self._tally = tally
        # On one terminal for both, answers would overwrite it.
        self._is_terminal = (
            sys.stderr is not None
            and sys.stderr.isatty()
            and not sys.stdout.isatty()
        )
        self._every_s = _REFRESH_S if self._is_terminal else _LOGGED_S
        self._shown_s = time.monotonic() - (
            _REFRESH_S if self._is_terminal else 0.0
        )
        self._width = 0

    def show(self):
        """Shows the line if it is due."""
        now = time.monotonic()
        if now - self._shown_s < self._every_s:
            return
        self._shown_s = now
        text = self._tally.progress()
        if not self._is_terminal:
            say(text)
            return
        say("\r" + text.ljust(self._width), end="")
        self._width = len(text)

    def end(self):
        """Keeps a terminal's line."""
        if self._width:
            say("")
            self._width = 0


def say(text, end="\n"):
    """Writes to standard error, if it is open."""
    try:
        sys.stderr.write(text + end)
        sys.stderr.flush()
    except (AttributeError, OSError, ValueError):
        pass


if __name__ == "__main__":
    sys.exit(main())

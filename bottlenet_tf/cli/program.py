"""How every program starts: absl, its help, and how it is ended."""

import signal
import sys

from absl import app


def start(main, usage, argv=None, cleans_up=False):
    """Runs a program whose flags are defined; ends the process.

    Args:
        main: Takes the arguments that are left, returns the exit code.
        usage: What --help begins with.
        argv: Arguments with the program's name; `sys.argv` if None.
        cleans_up: Whether SIGTERM shall end it as an error does, so that
            what it began is cleared away. By itself the signal would end the
            process alone, and leave files half-written and others running.
    """
    # absl's --help shows this module's docstring.
    sys.modules["__main__"].__doc__ = usage
    if cleans_up:
        signal.signal(signal.SIGTERM, _leave)
    app.run(main, argv=argv)


def _leave(signum, frame):
    signal.signal(signum, signal.SIG_IGN)  # Not again while cleaning up.
    sys.exit(128 + signum)

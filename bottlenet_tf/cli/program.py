"""Start, error reports and end of every program."""

import functools
import os
import signal
import sys
import traceback

from absl import app, flags

from bottlenet_tf.cli import arguments as arguments_lib
from bottlenet_tf.cli import config_flags, help_page, surroundings
from bottlenet_tf.common.settings import local

# Errors that a user can cause and fix; any other is a bug, with a traceback.
EXPECTED_ERRORS = (ValueError, TypeError, OSError, RuntimeError, ImportError)


def entry(usage, sections, without=(), defaults=(), **options):
    """Makes a function `main` of `run` the entry point of a program.

    `sections` and `without` are those of `config_flags.define`, `defaults` are
    arguments ahead of the user's, and `options` are those of `run`.
    """

    def decorate(main):
        @functools.wraps(main)
        def start():
            groups = config_flags.define(sections, without)
            argv = [sys.argv[0], *defaults, *sys.argv[1:]]
            run(main, usage, groups, argv=argv, **options)

        return start

    return decorate


def run(main, usage, groups, arguments="", cleans_up=False, argv=None):
    """Runs a program whose flags are defined; ends the process.

    An expected error is one line on standard error and exit code 1.

    Args:
        main: Takes the flags' values and the other arguments, and returns the
            exit code or None.
        groups: `{title: names of flags}` that --help shows after `usage`.
        arguments: The arguments besides flags: "RUN"; "PLAN TRACE..." if the
            last may be several; "[COMMAND...]" if there may be none.
        cleans_up: Whether SIGTERM ends it as an error does, so that it removes
            half-written files and ends processes that it started.
        argv: Arguments with the program's name; `sys.argv` if None.
    """

    def parse(argv):
        words = argv[1:]
        options = words[: words.index("--")] if "--" in words else words
        if set(options) & set(help_page.WORDS):
            print(help_page.page(usage, flags.FLAGS, groups))
            sys.exit()
        try:
            words = arguments_lib.expanded(words)
            left = app.parse_flags_with_usage([argv[0], *words])
            if "COMMAND" not in arguments:
                left[1:] = [local("argument", word) for word in left[1:]]
            return left
        except EXPECTED_ERRORS as error:
            sys.exit(report(error))

    def guarded(argv):
        try:
            _check_arguments(argv[1:], arguments)
            return main(flags.FLAGS, *argv[1:]) or 0
        except EXPECTED_ERRORS as error:
            return report(error)
        except KeyboardInterrupt:
            print(
                "\nInterrupted. Training resumes with the same command.",
                file=sys.stderr,
            )
            return 128 + signal.SIGINT

    surroundings.prepare()
    if cleans_up:
        signal.signal(signal.SIGTERM, _leave)
    try:
        try:
            app.run(guarded, argv=argv, flags_parser=parse)
        finally:
            print(end="", flush=True)
    except BrokenPipeError:  # `| head` has read enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _check_arguments(given, wanted):
    least = sum(not word.startswith("[") for word in wanted.split())
    if len(given) == least or (len(given) > least and "..." in wanted):
        return
    rule = f"{wanted} must be given, and " if wanted else "Only "
    raise ValueError(
        f"{rule}flags, which start with two dashes. "
        f"Received: {' '.join(given) or 'none'}"
    )


def report(error):
    """Prints an error for the user; returns the exit code.

    With BOTTLENET_TRACEBACK set, raises it again for a developer.
    """
    if os.environ.get("BOTTLENET_TRACEBACK"):
        raise error
    # Ends open iterators, and so the progress bars' lines.
    traceback.clear_frames(error.__traceback__)
    print(
        f"Error: {error}\n(BOTTLENET_TRACEBACK=1 shows where.)", file=sys.stderr
    )
    return 1


def _leave(signum, frame):
    signal.signal(signum, signal.SIG_IGN)  # Not again while cleaning up.
    sys.exit(128 + signum)

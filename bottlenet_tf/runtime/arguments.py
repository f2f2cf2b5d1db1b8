"""Command-line arguments that the device's two programs share."""

import argparse

from bottlenet_tf.runtime.runtimes import AUTOMATIC, RUNTIMES


def index(text):
    """Returns an integer of 0 or more; a `type` of argparse."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not an index, 0 or more")
    return int(text)


def positive(text):
    """Returns an integer of 1 or more; a `type` of argparse."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive integer")
    return int(text)


def add_engine(parser, networks):
    """Adds --runtime and --threads; `networks` names their networks."""
    parser.add_argument(
        "--runtime",
        choices=tuple(RUNTIMES),
        help=f"runtime of {networks}; by default the first of "
        f"{', '.join(AUTOMATIC)} whose file and library exist",
    )
    parser.add_argument(
        "--threads",
        metavar="N",
        type=positive,
        help=f"CPU threads of {networks} (default: the library's choice)",
    )

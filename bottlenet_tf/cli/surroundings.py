"""Environment and console, set to what programs need."""

import contextlib
import importlib
import os
import re
import signal
import sys

from absl import logging

# TensorFlow takes nothing else; a notebook or another project may have set
# these. Search's processes inherit them.
_SET = {
    "KERAS_BACKEND": "tensorflow",
    "KERAS_NNX_ENABLED": "0",
    "TF_USE_LEGACY_KERAS": "0",
    "MPLBACKEND": "agg",
}
_START_UP = re.compile(
    r"WARNING: All log messages before absl::InitializeLog"
    r"|[IWE]\d{4} \d\d:\d\d:|\d{4}-\d\d-\d\d [\d:.]+: [IWE] "
    r"|To enable the following instructions"
)


def prepare():
    """Sets the environment that libraries read on import, and the console.

    A console that can't show a character shows its number, as `\\u2013`.
    """
    os.environ.update(_SET)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # TensorFlow uses oneDNN by default on some processors only; without it,
    # training takes over twice as long on an AVX2 machine.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    logging.set_verbosity(logging.ERROR)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def with_tensorflow(module):
    """Imports a module of this package that needs TensorFlow, and returns it.

    TensorFlow's start-up lines, which no setting silences, are left out unless
    TF_CPP_MIN_LOG_LEVEL is 0 or 1.

    The name is that below `bottlenet_tf`, such as "training".
    """
    if os.environ.get("TF_CPP_MIN_LOG_LEVEL", "2") < "2":
        return importlib.import_module(f"bottlenet_tf.{module}")
    with _without_start_up_lines():
        found = importlib.import_module(f"bottlenet_tf.{module}")
        import tensorflow as tf

        tf.config.list_physical_devices()  # Logs missing GPU libraries.
    return found


@contextlib.contextmanager
def _without_start_up_lines():
    """Drops TensorFlow's start-up lines from standard error.

    A process of its own does, so that the last words of a library that ends
    this one, for want of AVX or a flag that it knows, are still shown.
    """
    sys.stderr.flush()
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(writer)
        _filter(reader)
    os.close(reader)
    stderr = os.dup(2)
    os.dup2(writer, 2)
    os.close(writer)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(stderr, 2)
        os.close(stderr)
        os.waitpid(child, 0)


def _filter(reader):
    """Copies lines to standard error until there are no more; then exits."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # The end may say more.
    try:
        with open(reader, encoding="utf-8", errors="replace") as lines:
            sys.stderr.writelines(
                line for line in lines if not _START_UP.match(line)
            )
            sys.stderr.flush()
    finally:
        os._exit(0)

"""The machine that this runs on, as far as known."""

import os
import platform


def name(root="/"):
    """Returns the board's name, if known, else the processor's.

    `root` is the parent of `proc`.
    """
    try:  # Boards with a device tree, such as Jetsons, know their name.
        path = os.path.join(root, "proc/device-tree/model")
        with open(path, encoding="utf-8") as file:
            return file.read().strip("\0\n")
    except OSError:
        return cpu_model(root)


def cpu_model(root="/"):
    """Returns the processor's name."""
    try:
        path = os.path.join(root, "proc/cpuinfo")
        with open(path, encoding="utf-8") as file:
            lines = file.read().splitlines()
    except OSError:  # Not Linux.
        lines = []
    for line in lines:
        key, _, value = line.partition(":")
        # Intel and AMD have "model name", a Jetson's Linux "Processor" too.
        if key.strip() in ("model name", "Processor") and value.strip():
            return value.strip()
    return platform.processor() or platform.machine() or "unknown"

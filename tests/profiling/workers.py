"""Functions that the processes of these tests run."""

import os
import pathlib


def marking(folder):
    """Work that grows a file named after its process."""
    path = pathlib.Path(folder) / str(os.getpid())

    def work():
        with path.open("a") as file:
            file.write(".")

    return work


def broken():
    """Work that can't even begin."""
    raise ValueError("no such network")


def ending(signal):
    """Work that ends its process as soon as a file is there."""

    def work():
        if os.path.exists(signal):
            os._exit(3)

    return work


def allocate(megabytes):
    """Writes to so much memory and gives it back."""
    return len(bytes(b"x") * (megabytes * 10**6))

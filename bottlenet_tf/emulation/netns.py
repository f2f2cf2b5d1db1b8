"""Creates, lists, enters and removes network namespaces by `ip`."""

import ctypes
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading

SIDES = ("device", "server")
_FOLDER = pathlib.Path("/run/netns")
_TUN = "/dev/net/tun"
_NAME = re.compile(rf"bottlenet-(\d+)-\d+-({'|'.join(SIDES)})")
_CLONE_NEWNET = 0x40000000


def missing():
    """Returns why namespaces can't be made; None if they can."""
    if not sys.platform.startswith("linux"):
        return "network namespaces need Linux"
    if os.geteuid():
        return "network namespaces need root"
    if not os.access(_TUN, os.R_OK | os.W_OK):
        return f"{_TUN} is missing"
    if shutil.which("ip") is None:
        return "the command `ip` is missing (Debian: iproute2)"
    return None


def ip(*arguments):
    """Runs `ip`; returns its output."""
    done = subprocess.run(
        ["ip", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise OSError(
            f"`ip {' '.join(map(str, arguments))}` must succeed to emulate a "
            f"link. Received: {done.stderr.strip()}"
        )
    return done.stdout


def names(number):
    """Returns this process's names of a pair, device first."""
    return tuple(f"bottlenet-{os.getpid()}-{number}-{side}" for side in SIDES)


def remove_stale():
    """Removes namespaces of processes that have ended; returns their names."""
    if not _FOLDER.is_dir():
        return []
    found = {
        path.name: _NAME.fullmatch(path.name) for path in _FOLDER.iterdir()
    }
    stale = sorted(
        name
        for name, match in found.items()
        if match and not os.path.exists(f"/proc/{match[1]}")
    )
    remove(stale)
    return stale


def remove(given):
    """Removes namespaces and ends what runs in them; missing ones are fine."""
    for name in given:
        try:
            for process in ip("netns", "pids", name).split():
                os.kill(int(process), signal.SIGKILL)
        except OSError:
            pass
        try:
            ip("netns", "del", name)
        except OSError:
            pass


def open_socket(name, *arguments):
    """Returns a `socket.socket(*arguments)` that lives in a namespace."""
    opened = []
    # Only a thread enters, so that its end is the way back.
    thread = threading.Thread(
        target=lambda: opened.append(_open_inside(name, arguments))
    )
    thread.start()
    thread.join()
    if isinstance(opened[0], OSError):
        raise opened[0]
    return opened[0]


def _open_inside(name, arguments):
    try:
        with open(_FOLDER / name) as file:
            libc = ctypes.CDLL(None, use_errno=True)
            if libc.setns(file.fileno(), _CLONE_NEWNET):
                number = ctypes.get_errno()
                return OSError(number, os.strerror(number), name)
            return socket.socket(*arguments)
    except OSError as error:
        return error

"""How to start an engine and to check that it is ready."""

import socket
import subprocess
import urllib.error
import urllib.request
from typing import Callable, NamedTuple

_PROBE_SECONDS = 5.0


class EngineError(RuntimeError):
    """An engine is missing, doesn't start or doesn't get ready."""


class Launch(NamedTuple):
    """Everything needed to run an engine.

    Attributes:
        is_ready: Function that returns whether all its models answer.
        addresses: `{protocol: "host:port"}` that it listens on.
        hints: `{word: advice}`, for a failure whose output has the word.
    """

    engine: str
    command: list
    variables: dict
    is_ready: Callable
    addresses: dict
    serves: str
    hints: dict = {}


def local(host):
    """Returns the address at which this machine reaches its own `host`."""
    return {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(
        host, host
    )


def address(host, port):
    """Returns "host:port", an IPv6 host in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def take_ports(host, **ports):
    """Returns ports under the same names, each checked to be free.

    All are held until all are found, so none is given twice.

    Args:
        **ports: Numbers by name of flag; 0 for any free one.
    """
    found, held = {}, []
    try:
        for name, port in ports.items():
            if not 0 <= port < 2**16:
                raise ValueError(
                    f"--{name} must be a TCP port, or 0 for a free one. "
                    f"Received: {name}={port}"
                )
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            held.append(socket.socket(family))
            # As engines do, since a port would stay taken for a minute.
            held[-1].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                held[-1].bind((host, port))
                held[-1].listen()
            except OSError as error:
                raise OSError(
                    f"--host and --{name} must be a free address of this "
                    f"machine. Received: host={host!r}, {name}={port} "
                    f"({error})"
                ) from None
            found[name] = held[-1].getsockname()[1]
    finally:
        for each in held:
            each.close()
    return found


def answers(url):
    """Whether a URL answers with a status of success, in a few seconds."""
    # Without the environment's proxy: the engine is on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=_PROBE_SECONDS):
            return True
    except (urllib.error.URLError, OSError, ValueError):
        return False


def accepts(host, port):
    """Whether something takes connections at a port."""
    try:
        with socket.create_connection((host, port), _PROBE_SECONDS):
            return True
    except OSError:
        return False


def run(command, variables):
    """Runs a command of at most a minute; returns its `CompletedProcess`.

    Raises `EngineError` if it can't be started or takes longer.
    """
    try:
        return subprocess.run(
            command,
            env=variables,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EngineError(f"{command[0]} does not run: {error}") from error

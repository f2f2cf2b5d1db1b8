"""Server, device program and other devices, each started on its machine."""

import dataclasses
import functools
import json
import pathlib
import re
import subprocess
import sys

from bottlenet_tf.emulation import crowd
from bottlenet_tf.link.kserve_http import KServeHttp
from bottlenet_tf.runtime import served
from bottlenet_tf.serving import engines, stand_in

_READY = re.compile(r"Ready: (.*) at HTTP [^ ]*?:(\d+)")


@dataclasses.dataclass
class Processes:
    """A deployment on two `emulation.machines.Machines`."""

    machines: object
    deploy: pathlib.Path
    port: int | None = None  # The server's, once it runs.

    def __post_init__(self):
        self._served = served.read(self.deploy / "cloud")

    @property
    def overhead_bytes(self):
        """Bytes of a request besides its payload, as the device sends it."""
        identity = self._served
        return KServeHttp(
            "192.0.2.2:8000", identity.model, identity.version, None, host=""
        ).overhead_bytes

    def serve(self, engine="auto"):
        """Starts the server, and waits until it is ready; returns its name.

        "inprocess" is Triton's stand-in, "auto" Triton where it is found.
        """
        if engine == "auto":
            engine = "triton" if engines.has_triton() else "inprocess"
        host, port = self.machines.host, self.machines.port
        command = {
            "triton": [
                "bottlenet_tf.cli.cloud", str(self.deploy), f"--host={host}",
                f"--http_port={port}", "--grpc_port=0",
            ],
            "inprocess": [
                stand_in.__name__, str(self.deploy), host, str(port)
            ],
        }[engine]  # fmt: skip
        process = self._start("server", ["-m", *command])
        for line in process.stdout:
            found = _READY.search(line)
            if found:
                self.port = int(found[2])
                return found[1]
        raise RuntimeError(
            "The server must get ready; its own output is above. Received: "
            f"exit code {process.wait()}"
        )

    def answer(self, arguments, log):
        """Starts `run.py` with these arguments; returns its `Popen`.

        `log` is a file for its standard error.
        """
        program = str(self.deploy / "edge" / "run.py")
        return self._start("device", [program, *arguments], stderr=log)

    def crowd(self, payloads, clients):
        """Starts other devices, which send a folder's payloads, on the server.

        Returns a function that ends them, and returns their measurements.
        """
        identity = self._served
        arguments = (
            f"{self.machines.host}:{self.port}", identity.model,
            identity.version, payloads, clients,
        )  # fmt: skip
        process = self._start(
            "server", ["-m", crowd.__name__, *map(str, arguments)]
        )
        return functools.partial(_measured, process)

    def _start(self, side, arguments, **options):
        return self.machines.start(
            side, [sys.executable, *arguments], stdout=subprocess.PIPE,
            text=True, **options,
        )  # fmt: skip


def _measured(process):
    process.terminate()
    return json.loads(process.communicate()[0])

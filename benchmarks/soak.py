"""Sends many images through everything that can go wrong, and checks each.

    python benchmarks/soak.py DEPLOY --python=.venv-serving/bin/python

Real processes and sockets: `bottlenet-cloud` with Triton, an emulated link
(`emulation.Proxy`), a hostile middle (`tampering`), and the deployment's own
`run.py --out`. In rounds, whose order --seed draws after the first, the device
program and the server are killed with signal 9 and started again, the link is
cut or slow, the server is overloaded, and three of ten answers are spoiled in
every way of `tampering.SPOILS`. Both sides are killed among the first half of
the images alone (--kill_share), so that memory is watched over a long life.

In the end every image must be in the program's file exactly once, with the
class that the choice in its line has offline. Prints JSON; exit code 1 if not.
Resident memory of both sides is sampled every two seconds.
"""

import argparse
import collections
import contextlib
import json
import math
import os
import pathlib
import platform
import random
import shlex
import shutil
import signal
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

from benchmarks import soak_images, soak_processes, tampering  # noqa: E402
from bottlenet_tf.emulation import Proxy, Settings, check_link  # noqa: E402
from bottlenet_tf.emulation.proxy import Messages  # noqa: E402
from bottlenet_tf.link.kserve_http import KServeHttp  # noqa: E402
from bottlenet_tf.link.transport import LinkError  # noqa: E402
from bottlenet_tf.serving.launch import take_ports  # noqa: E402

FAST, SLOW = 20.0, 0.3  # Mbit/s.
_READY_S, _SAMPLE_S = 120.0, 2.0
_CLOUD = (
    "{python} -m bottlenet_tf.cli.cloud {deploy} --http_port={port} "
    "--grpc_port=0 --python={triton}"
)


def parse_args(argv=None):
    """Returns the parsed command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("deploy", type=pathlib.Path)
    parser.add_argument("--python", help="of nvidia-pytriton's environment")
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--contents", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--pace", type=float, default=1.0, help="seconds of an event, about"
    )
    parser.add_argument(
        "--kill_every",
        type=float,
        default=75.0,
        help="least seconds between two kills of the server; after fewer than "
        "60 bottlenet-cloud waits longer each time",
    )
    parser.add_argument(
        "--kill_share",
        type=float,
        default=0.5,
        help="of the images, among which something may be killed",
    )
    parser.add_argument("--server", default=_CLOUD, help="the server's command")
    return parser.parse_args(argv)


class Soak:
    """One run: device, link, hostile middle, server, and their faults."""

    def __init__(self, args, folder):
        self._args, self._random = args, random.Random(args.seed)
        self.answers = folder / "answers"
        self.contents = soak_images.write_images(
            folder / "images", args.images, args.contents, args.seed
        )
        self.offline = soak_images.Offline(args.deploy, folder / "contents")
        self.plan = self.offline.write_plan(folder / "plan.json")
        port = take_ports("127.0.0.1", http_port=0)["http_port"]
        self._address = "127.0.0.1", port
        values = {
            "python": sys.executable, "deploy": args.deploy, "port": port,
            "triton": args.python,
        }  # fmt: skip
        self.server = soak_processes.Process(
            shlex.split(args.server.format(**values)), folder / "server.log"
        )
        self._middle = tampering.Tampering(self._address, args.seed)
        settings = Settings(uplink=FAST, delay_ms=0.5)
        with Messages(settings) as timed:
            self._check = check_link(timed, (FAST, SLOW), settings.delay_ms)
        self._link = Proxy(settings, self._middle.address)
        edge = folder / "edge"
        shutil.copytree(args.deploy, edge, ignore=lambda *_: ["cloud"])
        self.device = soak_processes.Process(
            [sys.executable, str(edge / "edge" / "run.py"),
             str(folder / "images"), f"--out={self.answers}",
             f"--plan={folder / 'plan.json'}", "--threads=1",
             "--server={}:{}".format(*self._link.address)],
            folder / "device.log",
            # Without the repository: the deployment's own copy runs.
            env={"PATH": os.environ["PATH"]},
        )  # fmt: skip
        self.events, self.samples = collections.Counter(), []
        self._refused = 0
        self._done, self._killed_s = threading.Event(), -math.inf

    def run(self):
        """Runs until the device program ends."""
        sampler = threading.Thread(target=self._sample)
        try:
            self.server.start()
            self._wait_for_server()
            self.device.start()
            sampler.start()
            events = self._events()
            while not self._device_ended():
                for event in events:
                    event()
                    # The device leaves a bad server alone for seconds.
                    self._pause(3.0)
                    if self._device_ended():
                        break
                self._random.shuffle(events)
        finally:
            self._done.set()
            self.device.stop()
            self.server.stop()
            self._link.close()
            self._middle.close()

    def _device_ended(self):
        """Whether it has; starts what was killed again."""
        if self.server.poll() is not None:
            self.server.start()
        code = self.device.poll()
        if code == -signal.SIGKILL:
            self.device.start()
        return code == 0 or (code is not None and code > 0)

    def _wait_for_server(self):
        deadline = time.monotonic() + _READY_S
        for model, version in self.offline.served.models.items():
            client = KServeHttp("{}:{}".format(*self._address), model, version)
            while True:
                with contextlib.suppress(LinkError):
                    if client.is_ready(time.monotonic() + 1.0):
                        break
                if time.monotonic() > deadline or self.server.poll():
                    raise RuntimeError("The server must get ready; see its log")
                time.sleep(0.1)
            client.close()

    def _pause(self, times=1.0):
        time.sleep(times * self._args.pace * (0.5 + self._random.random()))

    def _events(self):
        return [
            self._kill_device, self._kill_server, self._cut,
            *(self._spoiling(name) for name in tampering.SPOILS),
            self._overload, self._slow,
        ]  # fmt: skip

    def _kill_server(self):
        if time.monotonic() - self._killed_s > self._args.kill_every:
            self._killed_s = time.monotonic()
            self._kill("server", self.server)

    def _kill_device(self):
        self._kill("device", self.device)

    def _kill(self, name, process):
        if self.answered() < self._args.kill_share * len(self.contents):
            self.events[f"{name} killed"] += 1
            process.kill()
            self.samples.clear()

    def _cut(self):
        self.events["link cut"] += 1
        self._link.set(outage=True)
        self._pause()
        self._link.set(outage=False)

    def _slow(self):
        self.events["slow link"] += 1
        self._link.set(uplink=SLOW)
        self._pause(2.0)
        self._link.set(uplink=FAST)

    def _overload(self):
        self.events["overload"] += 1
        model, version = next(iter(self.offline.served.models.items()))
        path = f"/v2/models/{model}/versions/{version}/infer"
        seconds = self._args.pace
        self._refused += tampering.flood(
            self._address, path, bytes(200), seconds, 24
        )

    def _spoiling(self, name):
        def event():
            self.events[name] += 1
            self._middle.spoil = name
            self._pause()
            self._middle.spoil = None

        return event

    def answered(self):
        """Returns how many images are in the file, by its size."""
        try:
            size = self.answers.stat().st_size
        except OSError:
            return 0
        with self.answers.open("rb") as file:
            line = len(file.readline()) or 1
        return size / line

    def _sample(self):
        while not self._done.wait(_SAMPLE_S):
            self.samples.append(
                (
                    soak_processes.resident_mb(self.device.pid),
                    soak_processes.resident_mb(self.server.pid),
                )
            )

    def report(self, seconds):
        """Returns the figures to print."""
        found = soak_images.verdict(
            self.answers, self.contents, self.offline, self.plan
        )
        return {
            "images": len(self.contents),
            **found,
            "answers spoiled": self._middle.spoiled,
            "events": dict(self.events),
            "refused while overloaded": self._refused,
            "link": self._check.summary(),
            "seconds": round(seconds),
            "device starts": self.device.starts,
            "after the last kill": {
                "seconds": round(_SAMPLE_S * len(self.samples)),
                "device MB": _quarters([mb for mb, _ in self.samples]),
                "server MB": _quarters([mb for _, mb in self.samples]),
            },
            "seed": self._args.seed,
            "machine": f"{os.cpu_count()} x {platform.machine()}, load "
            f"{os.getloadavg()[2]:.1f}",
        }


def _quarters(values):
    """Returns the median of each quarter of a series, in its order."""
    size = max(1, len(values) // 4)
    parts = [values[i : i + size] for i in range(0, 4 * size, size)]
    return [round(sorted(p)[len(p) // 2], 1) for p in parts if p]


def main(argv=None):
    """Runs, prints and returns the exit code."""
    args = parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        soak = Soak(args, pathlib.Path(folder))
        start = time.monotonic()
        soak.run()
        found = soak.report(time.monotonic() - start)
        print(json.dumps(found, indent=2))
        if not soak_images.is_right(found):
            for name in ("device.log", "server.log"):
                text = (pathlib.Path(folder) / name).read_text()
                print(f"{name}: {text[-2000:]}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

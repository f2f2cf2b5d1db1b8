r"""End-to-end latency over the emulated link: cloud-only, split, mobile-only.

    python benchmarks/two_machines.py DEPLOY --unit=NAME --matched=webp:5:8

starts the server as `bottlenet-cloud` does and a device beside it, each on an
emulated machine, and prints for the paper's three networks, measured
alternately in one run over one open connection each:

- split: pixels -> head and codec on the device -> the served tail -> answer;
- mobile-only: the network without a split on the device;
- cloud-only: pixels -> an image file -> the served model of image files ->
  answer. The file is the best JPEG that isn't larger than the paper's, filled
  up to as many bytes behind its end; for each --matched the file of a codec,
  quality and side, as a selection lists them with their accuracy;
- the split's times of both halves with the paper's 316 bytes: a message of as
  many, which the served tail refuses without computing.

Device and server are this machine on one thread each; nothing is slowed.
"""

import argparse
import functools
import json
import os
import pathlib
import subprocess
import sys
import time
from statistics import fmean, median

import numpy as np
from PIL import Image

from bottlenet_tf.cli.demo_link_processes import Processes
from bottlenet_tf.common.markdown import aligned
from bottlenet_tf.edge import image_files, message, transports
from bottlenet_tf.edge.network import Network
from bottlenet_tf.emulation import Settings, machines
from bottlenet_tf.runtime import images, machine, served
from bottlenet_tf.runtime.heads import Heads
from bottlenet_tf.runtime.whole import Whole, identity
from bottlenet_tf.selection.links import NAMED

# Of an image as JPEG and of BottleNet's message, ResNet-50 (arXiv:1902.01000),
# and the latency of the one as a multiple of the other's.
CLOUD_BYTES, SPLIT_BYTES = 26_766, 316
PAPER = {"3g": 63, "4g": 21, "wifi": 8}
CLOUD, SPLIT = "cloud-only", "split"
HALVES, MOBILE = "its halves", "mobile-only"
WARM_UP = 5
TIMEOUT_S = 60.0


def parse_args(argv=None):
    """Returns the parsed command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("deploy", type=pathlib.Path)
    parser.add_argument("--unit", required=True)
    parser.add_argument("--point", type=int)
    parser.add_argument("--images", help="folder; smooth random ones if none")
    parser.add_argument(
        "--matched", type=as_image, action="append", default=[],
        metavar="CODEC:QUALITY:SIDE",
    )  # fmt: skip
    parser.add_argument("--rtt_ms", type=float, default=0.0)
    parser.add_argument("--calls", type=int, default=50)
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--form", choices=["namespaces", "proxy"])
    parser.add_argument("--ask", help=argparse.SUPPRESS)  # The device's side.
    return parser.parse_args(argv)


def as_image(text):
    """Returns codec, quality and side of `avif:30:8`."""
    codec, quality, side = text.split(":")
    return codec, int(quality), int(side)


def pixels(folder, about):
    """Returns uint8 images as a network takes them."""
    size = about.image_size
    if folder:
        paths = sorted(pathlib.Path(folder).iterdir())[:64]
        return [images.pixels(str(p), size, about.resize) for p in paths]
    rng = np.random.default_rng(0)
    found = []
    for _ in range(16):
        coarse = rng.integers(0, 256, (6, 6, 3), np.uint8)
        image = Image.fromarray(coarse).resize((size, size), Image.BICUBIC)
        found.append(np.asarray(image))
    return found


def best_quality(pictures, side):
    """Returns the highest JPEG quality of files within the paper's bytes."""
    for quality in range(100, 0, -1):
        files = (image_files.encode(p, "jpeg", quality, side) for p in pictures)
        if all(len(file) <= CLOUD_BYTES for file in files):
            return quality
    raise ValueError(
        f"An image as JPEG must be within the paper's {CLOUD_BYTES} bytes. "
        f"Received: images of {side} pixels"
    )


class Device:
    """The device's side: asks over the link, and prints times as JSON.

    Args:
        args: As `parse_args` returns them; `ask` is the server's address.
    """

    def __init__(self, args):
        self._args = args
        self._head = Heads.load(args.deploy, threads=1).units[args.unit]
        self._whole = Whole.load(args.deploy, threads=1)
        about = self._whole.about
        self._images = pixels(args.images, about)
        quality = best_quality(self._images, about.image_size)
        self._cloud = "jpeg", quality, about.image_size
        # As the device program does, without its other options.
        self._ask_by = transports.Server(
            argparse.Namespace(
                server=args.ask, transport=transports.DEFAULT, tls_cert=None,
                model=None, image_model=None,
            ),
            Network(served.read(args.deploy / "edge")),
        ).connect()  # fmt: skip

    def _file(self, image, codec, quality, side, size=0):
        data = image_files.encode(image, codec, quality, side)
        return message.image_file(
            data.ljust(size, b"\0"), self._whole.classes,
            identity(self._whole.about),
        )  # fmt: skip

    def _ways(self, image):
        """Returns, by name, what makes each message of an image."""
        about, point = self._head.unit, self._args.point
        found = {
            SPLIT: lambda: message.payload(
                self._head.encode(image, point), about.classes, point
            ),
            CLOUD: lambda: self._file(image, *self._cloud, CLOUD_BYTES),
            HALVES: lambda: message.payload(os.urandom(SPLIT_BYTES), (), None),
        }
        for codec, quality, side in self._args.matched:
            found[f"{CLOUD}, {codec} {quality} at {side} px"] = (
                functools.partial(self._file, image, codec, quality, side)
            )
        return found

    def _measure(self, name, make, noted):
        """Makes a message, asks and notes bytes and times."""
        begun = time.perf_counter()
        sent = make()
        made = time.perf_counter()
        found = self._ask_by.ask(sent, time.monotonic() + TIMEOUT_S, "q")
        done = time.perf_counter()
        if (found.status == "ok") != (name != HALVES):
            raise RuntimeError(f"Received: {found} for {name}")
        note = noted.setdefault(name, [])
        note.append((len(sent), done - begun, made - begun, found.computed_ms))

    def run(self):
        """Returns, by name, bytes, seconds, seconds of them before it was
        sent, and the server's milliseconds, of each call but the first ones.
        """
        noted = {MOBILE: []}
        for i in range(WARM_UP + self._args.calls):
            image = self._images[i % len(self._images)]
            for name, make in self._ways(image).items():
                self._measure(name, make, noted)
            begun = time.perf_counter()
            self._whole.logits(image)
            seconds = time.perf_counter() - begun
            noted[MOBILE].append((0, seconds, seconds, 0.0))
        return {name: values[WARM_UP:] for name, values in noted.items()}


def measure(args, both, processes, link, address, name):
    """Returns what the device measured over one network."""
    mbps, delay_ms = NAMED[name].uplink_mbps, args.rtt_ms / 2
    link.restart(Settings(mbps, delay_ms=delay_ms))
    command = [sys.executable, __file__, *sys.argv[1:], f"--ask={address}"]
    device = both.start("device", command, stdout=subprocess.PIPE, text=True)
    output, _ = device.communicate()
    if device.returncode:
        raise SystemExit(device.returncode)
    return json.loads(output)


def rows(name, noted):
    """Yields the table's rows of one network."""
    found = {}
    for way, values in noted.items():
        size, total, device, server = zip(*values)
        device, server = 1e3 * median(device), median(server)
        found[way] = [
            fmean(size), 1e3 * median(total), device, server,
            1e3 * sorted(total)[int(0.95 * len(total))],
        ]  # fmt: skip
    # Those bytes are refused, and nothing is computed for them.
    halves, split = found[HALVES], found[SPLIT]
    more = sum(split[2:4]) - sum(halves[2:4])
    halves[1:] = halves[1] + more, *split[2:4], halves[4] + more
    matched = sorted(way for way in found if way.startswith(CLOUD + ","))
    for way in (CLOUD, *matched, SPLIT, HALVES, MOBILE):
        size, total, device, server, p95 = found[way]
        ratio = found[CLOUD][1] / total
        yield (
            name, way, f"{size:,.0f}", f"{total:.2f}", f"{p95:.2f}",
            f"{device:.2f}", f"{server:.2f}", f"{total - device - server:.2f}",
            "1" if way == CLOUD else f"{ratio:.2f}×",
            f"{PAPER[name]}×" if way == HALVES else "",
        )  # fmt: skip


def main():
    """Prints the table, and the machine and settings behind it."""
    args = parse_args()
    if args.ask:
        print(json.dumps(Device(args).run()))
        return
    rates = [link.uplink_mbps for link in NAMED.values()]
    with machines.opened(
        Settings(rates[0], delay_ms=args.rtt_ms / 2),
        rates,
        None if args.form is None else args.form == "namespaces",
    ) as both:
        processes = Processes(both, args.deploy)
        engine = processes.serve(args.engine)
        link, address = both.join(processes.port)
        found = []
        for name in NAMED:
            noted = measure(args, both, processes, link, address, name)
            found += rows(name, noted)
            print(f"{name}: {args.calls} calls", file=sys.stderr)
    print(both.checked.summary())
    print(
        f"{engine}; {machine.cpu_model()}, {os.cpu_count()} cores, load "
        f"{os.getloadavg()[0]:.1f}; round trip {args.rtt_ms:g} ms, "
        f"{processes.overhead_bytes} B per message, {args.calls} calls each.\n"
    )
    header = (
        "network", "way", "bytes", "ms", "p95", "device", "server",
        "link, transport", "cloud-only to this", "paper",
    )  # fmt: skip
    print("\n".join(aligned(header, found, 2)))


if __name__ == "__main__":
    main()

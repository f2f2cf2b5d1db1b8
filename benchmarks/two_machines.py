r"""End-to-end latency over the emulated link: cloud-only, split, mobile-only.

    python benchmarks/two_machines.py DEPLOY --unit=NAME --matched_bytes=N

starts the server as `bottlenet-cloud` does and a device beside it, each on an
emulated machine, and prints for the paper's three networks, measured
alternately in one run over one open connection each:

- split: pixels -> head and codec on the device -> the served tail -> answer;
- mobile-only: the network without a split on the device;
- cloud-only: a message of as many bytes as an image file takes. The served
  model is that of the units, which refuses the bytes without computing. So the
  message is measured, and the network's time is added: mobile-only's median,
  of the same network on one thread of the same machine;
- the same of the paper's 316 bytes, with the split's times of both halves.

Device and server are this machine on one thread each; nothing is slowed.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

import numpy as np
from PIL import Image

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

from bottlenet_tf.cli.demo_link_processes import Processes  # noqa: E402
from bottlenet_tf.codec import answer  # noqa: E402
from bottlenet_tf.emulation import Settings, machines  # noqa: E402
from bottlenet_tf.markdown import aligned  # noqa: E402
from bottlenet_tf.runtime import images, machine  # noqa: E402
from bottlenet_tf.runtime.heads import Heads  # noqa: E402
from bottlenet_tf.runtime.whole import Whole  # noqa: E402
from bottlenet_tf.selection.links import NAMED  # noqa: E402

# Of an image as JPEG and of BottleNet's message, ResNet-50 (arXiv:1902.01000),
# and the latency of the one as a multiple of the other's.
CLOUD_BYTES, SPLIT_BYTES = 26_766, 316
PAPER = {"3g": 63, "4g": 21, "wifi": 8}
WARM_UP = 5
TIMEOUT_S = 60.0


def parse_args(argv=None):
    """Returns the parsed command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("deploy", type=pathlib.Path)
    parser.add_argument("--unit", required=True)
    parser.add_argument("--point", type=int)
    parser.add_argument("--images", help="folder; smooth random ones if none")
    parser.add_argument("--matched_bytes", type=int)
    parser.add_argument("--rtt_ms", type=float, default=0.0)
    parser.add_argument("--calls", type=int, default=50)
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--form", choices=["namespaces", "proxy"])
    parser.add_argument("--ask", help=argparse.SUPPRESS)  # The device's side.
    return parser.parse_args(argv)


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


class Device:
    """The device's side: asks over the link, and prints times as JSON.

    Args:
        args: As `parse_args` returns them; `ask` is the server's address.
    """

    def __init__(self, args):
        self._args = args
        self._head = Heads.load(args.deploy, threads=1).units[args.unit]
        self._whole = Whole.load(args.deploy, threads=1, for_timing=True)
        self._images = pixels(args.images, self._head.unit)
        processes = Processes(None, args.deploy)
        self._ask_by = processes.transport(args.ask, answer.unpack)

    def _ask(self, message):
        until_s = time.monotonic() + TIMEOUT_S
        return self._ask_by.ask(message, until_s, "q")

    def split(self, image, noted):
        """One image by the split."""
        begun = time.perf_counter()
        payload = self._head.encode(image, self._args.point)
        sent = time.perf_counter()
        found = self._ask(payload)
        done = time.perf_counter()
        if found.status != "ok":
            raise RuntimeError(f"Received: {found}")
        noted["split bytes"].append(len(payload))
        noted["split"].append(1e3 * (done - begun))
        noted["split device"].append(1e3 * (sent - begun))
        noted["split server"].append(found.computed_ms)

    def mobile(self, image, noted):
        """One image on the device."""
        begun = time.perf_counter()
        self._whole.logits(image)
        noted["mobile"].append(1e3 * (time.perf_counter() - begun))

    def message(self, name, size, noted):
        """One message of a size that isn't a payload."""
        message = os.urandom(size)
        begun = time.perf_counter()
        found = self._ask(message)
        noted[name].append(1e3 * (time.perf_counter() - begun))
        if found.status == "ok":
            raise RuntimeError("These bytes must be refused.")

    def run(self):
        """Returns milliseconds by name, after some to warm up."""
        names = "split", "split bytes", "split device", "split server"
        noted = {n: [] for n in (*names, "mobile", "cloud", "small", "matched")}
        for i in range(WARM_UP + self._args.calls):
            image = self._images[i % len(self._images)]
            self.split(image, noted)
            self.mobile(image, noted)
            self.message("cloud", CLOUD_BYTES, noted)
            self.message("small", SPLIT_BYTES, noted)
            if self._args.matched_bytes:
                self.message("matched", self._args.matched_bytes, noted)
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


def rows(name, noted, args):
    """Yields the table's rows of one network."""
    median = {k: statistics.median(v) for k, v in noted.items() if v}
    whole = median["mobile"]
    ways = [
        (f"cloud-only, {CLOUD_BYTES:,} B", CLOUD_BYTES, "cloud"),
        ("cloud-only, matched", args.matched_bytes, "matched"),
    ]
    device, server = median["split device"], median["split server"]
    split_link = median["split"] - device - server
    for title, size, key in ways:
        if key not in median:
            continue
        total, p95 = median[key] + whole, _p95(noted[key]) + whole
        ratio = f"{total / median['split']:.2f}"
        if key == "cloud":
            ratio += f" ({PAPER[name]})"
        yield (
            name, title, f"{size:,}", f"{total:.2f}", f"{p95:.2f}", "0.00",
            f"{whole:.2f}", f"{median[key]:.2f}", ratio,
            f"{median[key] / split_link:.2f}",
        )  # fmt: skip
    yield (
        name, f"split, {args.unit}",
        f"{statistics.fmean(noted['split bytes']):.0f}",
        f"{median['split']:.2f}", f"{_p95(noted['split']):.2f}",
        f"{device:.2f}", f"{server:.2f}",
        f"{split_link:.2f}", "1", "1",
    )  # fmt: skip
    both = device + server
    total = both + median["small"]
    yield (
        name, "its halves, the paper's bytes", str(SPLIT_BYTES),
        f"{total:.2f}", f"{both + _p95(noted['small']):.2f}",
        f"{device:.2f}", f"{server:.2f}", f"{median['small']:.2f}",
        f"{total / median['split']:.2f}", f"{median['small'] / split_link:.2f}",
    )  # fmt: skip
    yield (
        name, "mobile-only", "0", f"{whole:.2f}",
        f"{_p95(noted['mobile']):.2f}", f"{whole:.2f}", "0.00", "0.00",
        f"{whole / median['split']:.2f}", "–",
    )  # fmt: skip


def _p95(values):
    return sorted(values)[int(0.95 * len(values))]


def main():
    """Prints the table, and what it was measured with."""
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
            found += rows(name, noted, args)
            print(f"{name}: {args.calls} calls", file=sys.stderr)
    print(both.checked.summary())
    print(
        f"{engine}; {machine.cpu_model()}, {os.cpu_count()} cores, load "
        f"{os.getloadavg()[0]:.1f}; round trip {args.rtt_ms:g} ms, "
        f"{processes.overhead_bytes} B a message, {args.calls} calls each.\n"
    )
    header = (
        "network", "way", "bytes", "ms", "p95 ms", "device ms", "server ms",
        "link, transport ms", "of the split's (paper)", "of its link",
    )  # fmt: skip
    print("\n".join(aligned(header, found, 2)))


if __name__ == "__main__":
    main()

"""Processor time of the device program beyond its networks, per image.

    python benchmarks/client_cpu.py DEPLOY --python=.venv-serving/bin/python

starts Triton as `bottlenet-cloud` does and answers images with the device
program's own loop: the controller, the link, the JSON lines and all threads.
The whole process counts, less the thread that prepares images and runs heads
and network while it does. Beside it stands the time that the same thread takes
to send as much over a socket and receive it, which is part of the former. Other
jobs make caches cold, so that the least of several blocks says most.
"""

import argparse
import pathlib
import statistics
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

from benchmarks import serving, soak_images  # noqa: E402
from bottlenet_tf.edge import arguments, opening, sources  # noqa: E402
from bottlenet_tf.edge.network import Network  # noqa: E402
from bottlenet_tf.edge.output import AnswerFile  # noqa: E402
from bottlenet_tf.edge.program import Loop  # noqa: E402
from tests.serving.raw_client import RawClient  # noqa: E402

BLOCK = 50


def parse_args(argv=None):
    """Returns the parsed command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("deploy", type=pathlib.Path)
    parser.add_argument("--python", help="of nvidia-pytriton's environment")
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--transport", default="kserve_http")
    parser.add_argument("--deadline_ms", help="of each image; none if unset")
    return parser.parse_args(argv)


class Counted(Network):
    """A network that adds up the processor time of what it computes."""

    seconds = 0.0

    def prepare(self, image):
        """See `Network`."""
        return self._counted(super().prepare, image)

    def encode(self, picture, choice, max_bytes=None):
        """See `Network`."""
        return self._counted(super().encode, picture, choice, max_bytes)

    def predict(self, picture):
        """See `Network`."""
        return self._counted(super().predict, picture)

    def _counted(self, function, *values):
        begun = time.thread_time()
        try:
            return function(*values)
        finally:
            self.seconds += time.thread_time() - begun


def measure(args, items, folder, options, exchange):
    """Returns the client's milliseconds by kind of work, and its `Loop`.

    Milliseconds are lists with an entry for each block; the first `BLOCK` of
    `items`, images, warm up. `exchange()` sends and receives as much by
    sockets alone.
    """
    network = Counted.open(str(args.deploy), "onnx", threads=1)
    given = arguments.parse(
        [str(folder / "images"), f"--deploy={args.deploy}", *options]
    )
    opened = opening.open_answerer(
        given, network, str(folder / "plan.json"), print
    )
    network.warm_up(opened.splits)
    found = {"beyond": [], "networks": [], "sockets": []}
    with tempfile.TemporaryDirectory() as out:
        output = AnswerFile(str(pathlib.Path(out) / "answers"))
        loop = Loop(network, opened.answerer, output, lambda: False)
        for start in range(0, len(items), BLOCK):
            network.seconds, begun = 0.0, time.process_time()
            loop.run(items[start : start + BLOCK])
            seconds = time.process_time() - begun
            found["beyond"].append(1e3 * (seconds - network.seconds) / BLOCK)
            found["networks"].append(1e3 * network.seconds / BLOCK)
            begun = time.thread_time()
            for _ in range(BLOCK):
                exchange()
            seconds = time.thread_time() - begun
            found["sockets"].append(1e3 * seconds / BLOCK)
        output.close()
    opened.answerer.close()
    return {name: sorted(values[1:]) for name, values in found.items()}, loop


def main():
    """Prints a line for each transport and choice."""
    args = parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        soak_images.write_images(folder / "images", args.images + BLOCK, 100)
        offline = soak_images.Offline(args.deploy, folder / "contents")
        plan = offline.write_plan(folder / "plan.json")
        items = sources.files([str(folder / "images")])
        fixed = [[f"--choice={c.name}"] for c in plan.choices if c.sends]
        print("median and least of blocks, ms an image")
        with (
            serving.started(args.deploy, args.python) as (http, rpc),
            RawClient(http) as raw,
        ):
            server = rpc if args.transport == "kserve_grpc" else http
            given = [f"--server={server}", f"--transport={args.transport}"]
            if args.deadline_ms is not None:
                given.append(f"--deadline_ms={args.deadline_ms}")
            for choice in ([], *fixed):
                found, loop = measure(
                    args, items, folder, given + choice,
                    lambda: raw.ask(b"x" * 60),
                )  # fmt: skip
                print(choice[0][9:] if choice else "the plan")
                for what, values in found.items():
                    middle = statistics.median(values)
                    print(f"  {what:9} {middle:6.3f} {values[0]:6.3f}")
                print("  " + loop.tally.summary().split("\n")[0])


if __name__ == "__main__":
    main()

"""Times a served deployment against its lower bounds.

    python benchmarks/serving.py DEPLOY --python=.venv-serving/bin/python

starts Triton as `bottlenet-cloud` does and prints, measured alternately in one
run, lower quartile, median and 95th percentile of

- one payload over HTTP (raw binary request) and over gRPC, one client, beside
  its bare round trip (the liveness) or a gRPC echo in Python, together with
  the tail alone; what the answers say of it is the server's own share;
- a batch of 8 payloads through the router and through the tail alone;
- 8 clients at once: requests a second, and what a batch held.

Payloads are of codes that the codec decodes as quickly as real ones: of random
images by the deployment's own heads, so it needs ONNX Runtime.
"""

import argparse
import contextlib
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import grpc
import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

from bottlenet_tf.codec import answer as answers  # noqa: E402
from bottlenet_tf.link import wire  # noqa: E402
from bottlenet_tf.runtime import served, triton_model  # noqa: E402
from bottlenet_tf.runtime.edge import Head  # noqa: E402
from bottlenet_tf.runtime.tails import Tails  # noqa: E402
from bottlenet_tf.serving import triton  # noqa: E402
from bottlenet_tf.serving.config import ServerConfig  # noqa: E402
from bottlenet_tf.serving.supervisor import Supervisor  # noqa: E402
from tests.serving.raw_client import RawClient  # noqa: E402

BATCH = 8


def parse_args(argv=None):
    """Returns the parsed command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("deploy", type=pathlib.Path)
    parser.add_argument("--python", help="of nvidia-pytriton's environment")
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=5.0)
    return parser.parse_args(argv)


def make_payloads(deploy, units, count):
    """Returns `{unit: payloads}` of smooth random images."""
    rng = np.random.default_rng(0)
    found = {}
    for name in units:
        folder = deploy / name if len(units) > 1 else deploy
        head = Head.load(folder, "onnx", threads=1)
        size = head.unit.image_size
        coarse = rng.integers(0, 256, (count, 4, 4, 3))
        images = coarse.repeat(-(-size // 4), 1).repeat(-(-size // 4), 2)
        images = images[:, :size, :size].astype(np.uint8)
        found[name] = [head.encode(image) for image in images]
    return found


@contextlib.contextmanager
def started(deploy, python):
    """Yields the addresses of a server, HTTP and gRPC."""
    config = ServerConfig(
        (str(deploy),), http_port=0, grpc_port=0, python=python
    )
    with tempfile.TemporaryDirectory() as folder:
        launch = triton.launch(config, folder)
        ready = threading.Event()
        supervisor = Supervisor(launch, report=lambda line: ready.set())
        thread = threading.Thread(target=supervisor.run)
        thread.start()
        try:
            if not ready.wait(150):
                raise RuntimeError("The server must get ready within 150 s.")
            yield launch.addresses["HTTP"], launch.addresses["gRPC"]
        finally:
            supervisor.stop()
            thread.join()


def measure(functions, calls, warmup=50):
    """Calls the functions in turn; returns each one's milliseconds, sorted."""
    times = {name: [] for name in functions}
    for i in range(warmup + calls):
        for name, function in functions.items():
            start = time.perf_counter()
            function(i)
            if i >= warmup:
                times[name].append(1000 * (time.perf_counter() - start))
    return {name: sorted(values) for name, values in times.items()}


def show(times):
    """Prints quartile, median and 95th percentile; returns the first two.

    Other jobs only add to a time, so that the lower quartile is least theirs.
    """
    found = {}
    for name, values in times.items():
        found[name] = [values[len(values) // 4], statistics.median(values)]
        p95 = values[int(0.95 * len(values))]
        numbers = " ".join(f"{ms:8.3f}" for ms in (*found[name], p95))
        print(f"  {name:32} {numbers} ms")
    return found


def ratios(found, what, *parts):
    """Returns a time as multiples of others' sum, by quartile and median."""
    sums = [sum(values) for values in zip(*(found[part] for part in parts))]
    return ", ".join(f"{a / b:.2f}" for a, b in zip(found[what], sums))


def infer_request(payload):
    """Returns a KServe v2 ModelInferRequest for one payload."""
    tensor = wire.data(1, "payload") + wire.data(2, "BYTES")
    tensor += wire.data(3, b"\x01\x01")  # Of shape (1, 1).
    raw = len(payload).to_bytes(4, "little") + payload
    return (
        wire.data(1, "tail")
        + wire.data(5, tensor)
        + wire.data(6, wire.data(1, "answer"))
        + wire.data(7, raw)
    )


_ECHO = """
import sys
from concurrent import futures
import grpc
class Echo(grpc.GenericRpcHandler):
    def service(self, details):
        return grpc.unary_unary_rpc_method_handler(lambda data, _: data)
server = grpc.server(futures.ThreadPoolExecutor(1))
server.add_generic_rpc_handlers((Echo(),))
print(server.add_insecure_port("127.0.0.1:0"), flush=True)
server.start()
sys.stdin.read()
"""


@contextlib.contextmanager
def echoing():
    """Yields a function that sends bytes to a gRPC server and back."""
    with subprocess.Popen(
        [sys.executable, "-c", _ECHO],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        port = int(process.stdout.readline())
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield channel.unary_unary("/echo/Echo")
        process.stdin.close()


def one_client(http, rpc, payloads, tails, calls):
    """One payload at a time, over each protocol and without any."""
    service = "/inference.GRPCInferenceService/"
    computed = []
    with (
        RawClient(http) as client,
        grpc.insecure_channel(rpc) as channel,
        echoing() as echo,
    ):

        def ask(i):
            data = client.ask(some(payloads, i)).data
            computed.append(answers.unpack(data).computed_ms)

        live = channel.unary_unary(service + "ServerLive")
        infer = channel.unary_unary(service + "ModelInfer")
        requests = [infer_request(payload) for payload in payloads]

        def some(values, i):
            return values[i % len(values)]

        times = show(
            measure(
                {
                    "HTTP, bare": lambda i: client.get("/v2/health/live"),
                    "HTTP, served": ask,
                    "gRPC echo in Python": lambda i: echo(some(payloads, i)),
                    "gRPC, bare": lambda i: live(b""),
                    "gRPC, served": lambda i: infer(some(requests, i)),
                    "tail alone": lambda i: tails.find(
                        some(payloads, i)
                    ).logits([some(payloads, i)]),
                },
                calls,
            )
        )
    print(f"  answers say {statistics.median(computed):.3f} ms")
    for protocol, bare in (
        ("HTTP", "HTTP, bare"),
        ("gRPC", "gRPC, bare"),
        ("gRPC", "gRPC echo in Python"),
    ):
        found = ratios(times, f"{protocol}, served", bare, "tail alone")
        print(f"  {protocol}, served: {found} of {bare}, and the tail")


def batches(payloads, tails, calls):
    """Batches through the router, of one unit and of all, and the tail."""
    (name, own), *_ = payloads.items()
    own = own[:BATCH]
    mixed = [p for group in zip(*payloads.values()) for p in group][:BATCH]
    groups = {}
    for payload in mixed:
        groups.setdefault(id(tails.find(payload)), []).append(payload)
    times = show(
        measure(
            {
                "tail alone, one unit": lambda i: tails.tails[name].logits(own),
                "routed, one unit": lambda i: tails.answer(own, ["answer"]),
                "tails alone, mixed": lambda i: [
                    tails.find(group[0]).logits(group)
                    for group in groups.values()
                ],
                "routed, mixed": lambda i: tails.answer(mixed, ["answer"]),
            },
            calls,
        )
    )
    for kind in ("one unit", "mixed"):
        alone = "tail alone" if kind == "one unit" else "tails alone"
        found = ratios(times, f"routed, {kind}", f"{alone}, {kind}")
        print(f"  {kind}: routed takes {found} of the tail alone")


def many_clients(http, payloads, seconds):
    """Eight clients at once: requests a second, sizes of the batches."""
    sizes, times, stop = [], [], threading.Event()

    def ask(k):
        with RawClient(http) as client:
            while not stop.is_set():
                start = time.perf_counter()
                data = client.ask(payloads[k % len(payloads)]).data
                times.append(1000 * (time.perf_counter() - start))
                found = answers.unpack(data)
                if found.status != "ok":
                    raise RuntimeError(f"Received: {found}")
                sizes.append(found.batch)

    threads = [threading.Thread(target=ask, args=(k,)) for k in range(BATCH)]
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    stop.set()
    for thread in threads:
        thread.join()
    show({"HTTP, 8 clients": sorted(times)})
    print(
        f"  {len(times) / seconds:.0f} requests a second, "
        f"{statistics.mean(sizes):.1f} payloads in an answer's batch"
    )


def main():
    """Prints all of it."""
    args = parse_args()
    identity = served.read(args.deploy / "cloud")
    payloads = make_payloads(args.deploy, identity.units, 2 * BATCH)
    mixed = [p for group in zip(*payloads.values()) for p in group]
    version = args.deploy / "cloud" / "triton" / identity.model
    units = version / str(identity.version) / triton_model.UNITS
    tails = Tails.load(units, threads=1)
    tails.warm_up()
    print(f"{'':34} {'quartile':>8} {'median':>8} {'p95':>8}")
    print(f"Batches of {BATCH}, in one process:")
    batches(payloads, tails, args.calls)
    with started(args.deploy, args.python) as (http, rpc):
        print("One client:")
        one_client(http, rpc, mixed, tails, args.calls)
        print("Eight clients:")
        many_clients(http, mixed, args.seconds)


if __name__ == "__main__":
    main()

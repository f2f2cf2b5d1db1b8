"""`tc tbf` and small messages: they pass in its bucket, unslowed.

    python benchmarks/token_bucket.py

joins two network namespaces by a veth pair, limits one direction by a token
bucket of several sizes and prints how long messages take one way, beside
arithmetic. Needs root, `ip` and `tc`. `bottlenet-link --check` prints the
same of the emulated link.
"""

import contextlib
import os
import socket
import statistics
import subprocess
import sys
import time

from bottlenet_tf.emulation import netns
from bottlenet_tf.emulation.settings import expected_ms

MBPS = 1.1
BURSTS = (1600, 4000, 32_000)
SIZES = (316, 26_766)
SENDS = 7
MTU, HEADERS = 1500, 28
REFILL_S = 0.3  # 32,000 bytes at 1.1 Mbit/s are back after 233 ms.


@contextlib.contextmanager
def veth_pair():
    """Yields the namespaces' names and two connected sockets."""
    names = [f"bottlenet-{os.getpid()}-0-{side}" for side in netns.SIDES]
    device, server = names
    try:
        for name in names:
            netns.ip("netns", "add", name)
        netns.ip(
            "link", "add", "veth0", "netns", device, "type", "veth",
            "peer", "name", "veth0", "netns", server,
        )  # fmt: skip
        for name, address in zip(names, ("192.0.2.1", "192.0.2.2")):
            netns.ip("-n", name, "addr", "add", f"{address}/24", "dev", "veth0")
            netns.ip("-n", name, "link", "set", "veth0", "up")
        sockets = [
            netns.open_socket(name, socket.AF_INET, socket.SOCK_DGRAM)
            for name in names
        ]
        sockets[1].bind(("192.0.2.2", 0))
        sockets[1].settimeout(10)
        sockets[0].connect(sockets[1].getsockname())
        yield device, *sockets
    finally:
        netns.remove(names)


def one_way_ms(sender, receiver, num_bytes):
    """Returns the median time of messages of so many bytes at IP level."""
    packets = [
        bytes(min(MTU, num_bytes - first) - HEADERS)
        for first in range(0, num_bytes, MTU)
    ]
    taken = []
    for _ in range(SENDS):
        time.sleep(REFILL_S)
        start_s = time.monotonic()
        for packet in packets:
            sender.send(packet)
        for _ in packets:
            receiver.recv(MTU)
        taken.append(1e3 * (time.monotonic() - start_s))
    return statistics.median(taken)


def main():
    """Prints one line for each bucket and message."""
    if netns.missing():
        sys.exit(netns.missing())
    with veth_pair() as (name, sender, receiver):
        for burst in BURSTS:
            subprocess.run(
                ["ip", "netns", "exec", name, "tc", "qdisc", "replace", "dev",
                 "veth0", "root", "tbf", "rate", f"{MBPS * 1e3:g}kbit",
                 "burst", str(burst), "latency", "1000ms"],
                check=True,
            )  # fmt: skip
            for num_bytes in SIZES:
                print(
                    f"bucket of {burst} bytes, {num_bytes} bytes at {MBPS} "
                    f"Mbit/s: {one_way_ms(sender, receiver, num_bytes):.2f} "
                    f"ms, by arithmetic {expected_ms(num_bytes, MBPS, 0):.2f}"
                )


if __name__ == "__main__":
    main()

"""Other devices at one server, which send as fast as they are answered.

    python -m bottlenet_tf.emulation.crowd SERVER MODEL VERSION FOLDER CLIENTS

sends a folder's payloads until SIGTERM, then prints one line of JSON: the
numbers answered, refused and failed, and the median time of an answer.
"""

import itertools
import json
import pathlib
import signal
import statistics
import sys
import threading
import time

from bottlenet_tf.codec import answer
from bottlenet_tf.link.kserve_http import KServeHttp
from bottlenet_tf.link.transport import LinkError, Refused

_TIMEOUT_S = 5.0
_PAUSE_S = 0.05  # Pause after a refusal, as on a device.


class Client(threading.Thread):
    """One of the devices: asks with its payloads until `stop` is set."""

    def __init__(self, transport, payloads, stop):
        super().__init__(daemon=True)
        self._transport, self._payloads, self._ends = transport, payloads, stop
        self.answered_ms, self.refused, self.failed = [], 0, 0

    def run(self):
        """Sends until it is stopped."""
        while not self._ends.is_set():
            begun_s = time.monotonic()
            try:
                self._transport.ask(
                    next(self._payloads), begun_s + _TIMEOUT_S, "q"
                )
            except Refused:
                self.refused += 1
            except LinkError:
                self.failed += 1
            else:
                self.answered_ms.append(1e3 * (time.monotonic() - begun_s))
                continue
            self._ends.wait(_PAUSE_S)
        self._transport.close()


def main(arguments):
    """Sends until SIGTERM, and prints the counts."""
    server, model, version, folder, clients = arguments
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    files = sorted(pathlib.Path(folder).iterdir())
    payloads = [path.read_bytes() for path in files]
    running = [
        Client(
            KServeHttp(server, model, int(version), answer.unpack),
            itertools.islice(itertools.cycle(payloads), i, None),
            stop,
        )
        for i in range(int(clients))
    ]
    for client in running:
        client.start()
    stop.wait()
    for client in running:
        client.join(_TIMEOUT_S)
    times = [ms for client in running for ms in client.answered_ms]
    found = {
        "clients": len(running),
        "answered": len(times),
        "refused": sum(client.refused for client in running),
        "failed": sum(client.failed for client in running),
        "median_ms": statistics.median(times) if times else None,
    }
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])

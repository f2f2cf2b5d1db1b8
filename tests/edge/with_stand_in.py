"""The device program around a stand-in network, under any Python from 3.6 on.

    python with_stand_in.py ROOT PLAN LOCAL_S ARGUMENT...

The server's compact answers are JSON, as `tests.link.scripted_server` packs
them.
"""

import json
import sys

sys.path.insert(0, sys.argv[1])

from bottlenet_tf.edge import program  # noqa: E402
from bottlenet_tf.edge.arguments import parse  # noqa: E402
from tests.edge.stand_ins import StandIn  # noqa: E402


class Compact:
    """A compact answer's fields."""

    queued_ms = None

    def __init__(self, top, status, computed_ms, unit_id, payload_crc):
        self.top, self.status, self.computed_ms = top, status, computed_ms
        self.unit_id, self.payload_crc = unit_id, payload_crc
        self.class_index = top[0][0] if top else -1


def unpack(data):
    return Compact(**json.loads(data.decode("utf-8")))


def main():
    _, _, plan, local_s, *arguments = sys.argv
    args = parse(arguments, deploy="nowhere")
    stop = program.Stop()
    network = StandIn(unpack=unpack, local_s=float(local_s))
    with stop:
        return program.run(args, network, plan, stop)


if __name__ == "__main__":
    sys.exit(main())

"""All tails of a deployment behind one call, chosen by the payload."""

import os

import numpy as np

from bottlenet_tf.codec import payload
from bottlenet_tf.runtime import routes
from bottlenet_tf.runtime.answers import Answers
from bottlenet_tf.runtime.cloud import Tail


class Tails(Answers):
    """Answers payloads of any units of a deployment, mixed.

    tail = routes[version and tag of the payload's header]
    answer = softmax(tail(payload))
    """

    def __init__(self, tails):
        self.tails = dict(tails)
        super().__init__(list(self.tails.values()))
        formats = {name: t.unit.format for name, t in self.tails.items()}
        self._routes = {
            start: self.tails[name]
            for start, name in routes.build(formats).items()
        }

    @classmethod
    def load(cls, folder, device="cpu", threads=None, max_batch=64):
        """Opens every tail of a folder, `<folder>/<name>/unit.json`."""
        folder = os.fspath(folder)
        return cls(
            {
                name: Tail.load(
                    os.path.join(folder, name), device, threads, max_batch
                )
                for name in sorted(os.listdir(folder))
                if os.path.isdir(os.path.join(folder, name))
            }
        )

    def warm_up(self):
        for tail in self.tails.values():
            message = tail.unit.format
            codes = np.zeros(message.shape, message.codec.code_dtype)
            code_range = (0.0, 1.0) if message.sends_range else None
            point = tail.unit.default_point
            tail.run([payload.Unpacked(codes, code_range, point)])

    def find(self, data):
        """Returns the `Tail` for a payload, by its first bytes, or a status.

        Only the tail's own check decides whether it really is of that unit.
        """
        return self._routes.get(bytes(data[:2])) or _unrouted(data)


def _unrouted(data):
    """Returns the status of a payload that no tail is for."""
    if len(data) < payload.overhead_bytes(False):
        return "wrong size"
    if data[0] >> 4 != payload.VERSION:
        return "wrong version"
    return "unknown unit"

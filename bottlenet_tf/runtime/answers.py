"""Bytes in, answers in every form out: shared by all served models."""

import sys
import time
import zlib

import numpy as np

from bottlenet_tf.codec import answer as answers
from bottlenet_tf.runtime import outputs

# The outputs, and the length of a payload's row; None is open.
OUTPUTS = {
    "answer": (np.uint8, None),
    "classes": (np.int32, 1),
    "labels": (object, 1),
    "status": (object, 1),
    "top_classes": (np.int32, None),
    "top_probabilities": (np.float32, None),
    "units": (np.uint32, 1),
    "computed_ms": (np.float32, 1),
    "queued_ms": (np.float32, 1),
    "batch": (np.int32, 1),
    "probabilities": (np.float32, None),
    "logits": (np.float32, None),
}
_LEAST = float(np.finfo(np.float32).min)
_FEW = 64  # Up to so many classes, sorting is faster than partitioning.


class Answers:
    """Answers batches, each message by the network that `find` returns.

    Messages of one network go through it together. A corrupt message, or one of
    no network, fails alone, and so do those of a failing network.

    Args:
        networks: List of at least one network, each with `name`, `unit_id`,
            `classes`, `output` and `try_logits` as in `Tail`.

    Attributes:
        num_classes: Length of the longest logits. Shorter ones are padded with
            float32's least number, so that these are not chosen.
    """

    def __init__(self, networks):
        if not networks:
            raise ValueError(
                "There must be at least one tail to answer with. Received: none"
            )
        for network in networks:
            if len(network.classes) > answers.MAX_CLASSES:
                raise ValueError(
                    f"A unit may have at most {answers.MAX_CLASSES} classes, "
                    "or compact answers couldn't name them. Received: "
                    f"{len(network.classes)} of {network.name!r}"
                )
        self.num_classes = max(len(n.classes) for n in networks)
        several = any(n.output == "sigmoid" for n in networks)
        most = answers.MOST_TOP if several else answers.TOP
        self._top = min(most, self.num_classes)

    def warm_up(self):
        """Runs every network once, so that no first message has to wait."""
        raise NotImplementedError

    def find(self, data):
        """Returns the network for a message (bytes), or a status (str)."""
        raise NotImplementedError

    def answer(self, payloads, names=tuple(OUTPUTS), queued_ms=None):
        """Answers a batch.

        Args:
            payloads: List of N messages, bytes of any content; may be empty.
            names: Names in `OUTPUTS` to return.
            queued_ms: Milliseconds that each payload waited; 0 if None.

        Returns:
            Dictionary of arrays by name, N rows each:

            - `answer`, uint8 `(N, bytes)`: `codec.answer.CompactAnswer`s;
            - `classes` int32, `labels` and `status` strings, `units` uint32,
              `computed_ms` and `queued_ms` float32, `batch` int32, all `(N,
              1)`. A payload without an answer has class -1, label "", unit 0
              and the reason as its status. The class is the most likely one;
              for several labels per image, `labels` names all with a
              probability above 0.5, separated by commas;
            - `top_classes` int32 and `top_probabilities` float32, `(N, k)`,
              k being 5, 15 for several labels per image, or all classes; -1 and
              0 if there are none;
            - `probabilities` and `logits`, float32 `(N, num_classes)`; 0
              without an answer.
        """
        start = time.perf_counter()
        batch = _Batch(payloads, self.num_classes, self._top, queued_ms)
        groups = {}
        for i, data in enumerate(payloads):
            network = self.find(data)
            if isinstance(network, str):
                batch.status[i, 0] = network
            else:
                groups.setdefault(id(network), (network, []))[1].append(i)
        for network, rows in groups.values():
            batch.fill(network, rows)
        if {"answer", "top_classes", "top_probabilities"} & set(names):
            batch.find_top()
        batch.computed_ms[:] = 1000 * (time.perf_counter() - start)
        return {name: getattr(batch, name) for name in names}


class _Batch:
    """The answers to a batch in progress, by name."""

    def __init__(self, payloads, num_classes, num_top, queued_ms):
        count = len(payloads)
        self.payloads = payloads
        self.status = np.full((count, 1), "", object)
        self.labels = np.full((count, 1), "", object)
        self.classes = np.full((count, 1), -1, np.int32)
        self.units = np.zeros((count, 1), np.uint32)
        self.batch = np.full((count, 1), count, np.int32)
        self.computed_ms = np.zeros((count, 1), np.float32)
        self.queued_ms = np.zeros((count, 1), np.float32)
        if queued_ms is not None:
            self.queued_ms[:, 0] = queued_ms
        self.logits = np.zeros((count, num_classes), np.float32)
        self.probabilities = np.zeros((count, num_classes), np.float32)
        self.top_classes = np.full((count, num_top), -1, np.int32)
        self.top_probabilities = np.zeros((count, num_top), np.float32)

    def fill(self, network, rows):
        """Answers the messages of one network."""
        try:
            logits, status = network.try_logits(
                [self.payloads[i] for i in rows]
            )
        except Exception as error:  # The runtime's errors, out of memory, ours.
            print(
                f"The network of {network.name!r} failed on {len(rows)} "
                f"payloads: {error}",
                file=sys.stderr,
                flush=True,
            )
            logits, status = None, ["failed"] * len(rows)
        ok = [i for i, word in enumerate(status) if word == "ok"]
        # A network of unchecked files may compute anything.
        if ok and not np.isfinite(logits).all():
            for i in [i for i in ok if not np.isfinite(logits[i]).all()]:
                ok.remove(i)
                status[i] = "failed"
        self.status[rows, 0] = status
        if not ok:
            return
        rows, logits = [rows[i] for i in ok], logits[ok]
        width = logits.shape[1]
        self.logits[rows] = _LEAST
        self.logits[rows, :width] = logits
        shares = outputs.probabilities(network.output, logits)
        self.probabilities[rows, :width] = shares
        self.units[rows] = network.unit_id
        self.classes[rows, 0] = logits.argmax(axis=1)
        for row, each in zip(rows, logits):
            self.labels[row, 0] = outputs.label(
                network.output, each, network.classes
            )

    def find_top(self):
        """Finds the most likely classes, the most likely first."""
        num_top = self.top_classes.shape[1]
        # By logits, since tiny differences are lost in probabilities.
        if self.logits.shape[1] <= _FEW:
            top = np.argsort(-self.logits, axis=1, kind="stable")[:, :num_top]
        else:
            top = np.argpartition(-self.logits, num_top - 1, axis=1)
            top = np.sort(top[:, :num_top], axis=1)
            values = np.take_along_axis(self.logits, top, 1)
            order = np.argsort(-values, axis=1, kind="stable")
            top = np.take_along_axis(top, order, 1)
        filled = np.take_along_axis(self.logits, top, 1) == _LEAST
        found = ~filled & (self.status == "ok")
        values = np.take_along_axis(self.probabilities, top, 1)
        self.top_classes[found] = top[found]
        self.top_probabilities[found] = values[found]

    @property
    def answer(self):
        rows = [self._packed(i) for i in range(len(self.payloads))]
        packed = np.frombuffer(b"".join(rows), np.uint8)
        row_bytes = answers.answer_bytes(self.top_classes.shape[1])
        return packed.reshape(len(rows), row_bytes)

    def _packed(self, i):
        """Returns the compact answer to one payload, bytes."""
        status = self.status[i, 0]
        shares = zip(
            self.top_classes[i].tolist(), self.top_probabilities[i].tolist()
        )
        answer = answers.CompactAnswer(
            status if status in answers.STATUSES else "refused",
            int(self.units[i, 0]),
            zlib.crc32(self.payloads[i]),
            float(self.computed_ms[i, 0]),
            float(self.queued_ms[i, 0]),
            len(self.payloads),
            tuple(pair for pair in shares if pair[0] >= 0),
        )
        return answers.pack(answer, self.top_classes.shape[1])

"""An image's one answer: over the link by a controller's choice, or here."""

import time
from typing import NamedTuple, Optional, Tuple

from bottlenet_tf.link.plan import CLOUD, DEVICE, SPLIT
from bottlenet_tf.link.sender import REMOTE, Sender


class Result(NamedTuple):
    """The answer to one image.

    Attributes:
        index, label: Those of the class. With several labels per image, the
            most likely index, and all labels of `top` above 0.5, joined by
            commas.
        top: Tuples of class index, label and probability, most probable
            first; empty if a server sends none.
        way: Where it was answered: "split", "cloud" or "device".
        split, point: The unit and its operating point, if way is "split".
        choice: Name of the choice tried first; None without a plan.
        payload_bytes: Bytes sent, even if not answered; 0 if none.
        latency_ms: From prepared pixels to the answer.
        accuracy: Percent, by the plan, of the way that answered; None if
            unknown.
        problem: Why the server's answer wasn't used; None if it was, or none
            was requested.
    """

    index: int
    label: str
    top: Tuple
    way: str
    split: Optional[str]
    point: Optional[int]
    choice: Optional[str]
    payload_bytes: int
    latency_ms: float
    accuracy: Optional[float]
    problem: Optional[str]


class OnDevice:
    """Answers only by a `Network`; `whole` is the plan's mobile-only."""

    def __init__(self, network, whole=None):
        self._network, self._whole = network, whole

    def answer(self, picture):
        """Returns the `Result` for a picture; see `Network.predict`."""
        begun_s = time.monotonic()
        found = self._network.predict(picture)
        ms = 1e3 * (time.monotonic() - begun_s)
        return _local(self._network, found, self._whole, self._whole, ms)

    def close(self):
        """Does nothing: nothing is open."""


class OverLink:
    """Answers by the controller's choice; by the device if that fails."""

    def __init__(
        self, network, controller, images, probes, deadline_ms, max_bytes, run
    ):
        self._network, self._controller = network, controller
        self._max_bytes, self._sent = max_bytes, None
        self._sender = Sender(
            controller, images, self._encode, network.predict, probes,
            deadline_ms=deadline_ms, run=run,
        )  # fmt: skip

    def _encode(self, picture, choice):
        self._sent = self._network.encode(picture, choice, self._max_bytes)
        return self._sent

    def answer(self, picture):
        """Returns the `Result` for a picture; see `Sender.answer`."""
        self._sent = None
        reply = self._sender.answer(picture)
        choice = reply.choice
        if reply.source == REMOTE:
            return _remote(reply, self._sent)
        return _local(
            self._network, reply.answer, choice, self._controller.plan.whole,
            reply.latency_ms, reply.sent_bytes, reply.problem,
        )  # fmt: skip

    def close(self):
        """Ends threads and connections."""
        self._sender.close()


def _remote(reply, sent):
    """Returns the `Result` of a server's `Reply` to a `Message`."""
    answer, choice, classes = reply.answer, reply.choice, sent.classes
    is_split = choice.way == SPLIT
    return Result(
        answer.index,
        _label(sent.output, answer, classes),
        _labelled(answer.top, classes),
        SPLIT if is_split else CLOUD,
        choice.split,
        sent.point,
        choice.name,
        reply.sent_bytes,
        reply.latency_ms,
        choice.accuracy,
        None,
    )


def _local(network, found, choice, whole, ms, sent_bytes=0, problem=None):
    """Returns the `Result` of the device's own answer."""
    return Result(
        found.index,
        _label(network.output, found, network.classes),
        _labelled(found.top, network.classes),
        DEVICE,
        None,
        None,
        choice and choice.name,
        sent_bytes,
        ms,
        whole and whole.accuracy,
        problem,
    )


def _label(output, answer, classes):
    """Returns the name of a class or of several; see `outputs.label`."""
    if output == "softmax" or not answer.top:
        return classes[answer.index]
    from bottlenet_tf.runtime.outputs import label  # Needs NumPy.

    indices, shares = zip(*sorted(answer.top))
    scores = [share - 0.5 for share in shares]
    return label(output, scores, [classes[i] for i in indices])


def _labelled(top, classes):
    return tuple((i, classes[i], share) for i, share in top[:5])

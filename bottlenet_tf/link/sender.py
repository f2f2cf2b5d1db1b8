"""Images in, exactly one answer each out, whatever the link does."""

import collections
import itertools
import time
from typing import NamedTuple, Optional

from bottlenet_tf.common.checks import is_number, require
from bottlenet_tf.link.goals import lead_ms
from bottlenet_tf.link.prober import Prober
from bottlenet_tf.link.race import LOCAL, REMOTE, Race
from bottlenet_tf.link.transport import BadAnswer, LinkError, Missed, Refused
from bottlenet_tf.link.worker import Worker

LATER = "later"
PROBING_S = 0.02  # Between checks whether another probe is due.


class Reply(NamedTuple):
    """The one answer to an image.

    Attributes:
        answer: From the transport or `local`; None if set aside.
        source: `REMOTE`, `LOCAL`, or `LATER` for an image that is set aside:
            the caller passes it to `Sender.late` when no other image waits.
        choice: `Choice` tried first.
        latency_ms: From the call to the answer.
        sent_bytes: Bytes of the payload; 0 if nothing was sent.
        problem: Why the server's answer wasn't used; None if it was, or none
            was requested.
    """

    answer: object
    source: str
    choice: object
    latency_ms: float
    sent_bytes: int
    problem: Optional[str]


class Sender:
    """Asks the server by the controller's choice, with the device as fallback.

    The unsplit network starts on the device at `deadline - lead_ms`, in its own
    thread, and the first answer wins. Without a deadline, or if it can't be in
    time, it starts when the controller's patience ends. It starts at once when
    the link breaks, the server refuses, or the answer is to another question,
    from another unit or to a payload that the server couldn't read.

    With a controller that sets late images aside (`Controller.sets_aside`)
    images return unanswered as soon as they can't be in time.

    One call at a time. Payloads and answers are never logged.

    Args:
        controller: `Controller`.
        transport: `Transport` for the images.
        encode: Function of an image and a `Choice` that returns the payload.
        local: Function of an image that returns the unsplit network's
            answer, of any type.
        probe_transport: Another one for probes, so that a probe delays no
            image; both are exchanged if only its connection is open. Without it
            an image is sent in place of a probe, and waits for its answer like
            any other.
        deadline_ms: From the call to the answer; None for no deadline.
        clock: Function that returns monotonic seconds.
        run: Prefix of the questions' identifiers; processes that share a server
            may have the same.

    Raises:
        ValueError: for a deadline that isn't positive.
    """

    def __init__(
        self,
        controller,
        transport,
        encode,
        local,
        probe_transport=None,
        deadline_ms=None,
        clock=time.monotonic,
        run="q",
    ):
        require(
            deadline_ms is None or is_number(deadline_ms, least=1e-3),
            "A deadline must be positive, in ms.",
            deadline_ms=deadline_ms,
        )
        self._controller, self._transport = controller, transport
        self._encode, self._local = encode, local
        self._deadline_ms, self._clock = deadline_ms, clock
        self._worker = Worker(clock)
        self._local_ms = collections.deque()
        self._prober = None
        if probe_transport is not None:
            self._prober = Prober(controller, probe_transport, clock)
        self._ids = ("{}{}".format(run, i) for i in itertools.count())

    def close(self):
        """Ends the threads and closes the connections."""
        self._worker.close()
        if self._prober is not None:
            self._prober.close()
        self._transport.close()

    def answer(self, image, waited_ms=0.0):
        """Returns the `Reply` to an image.

        Args:
            image: Argument of `encode` and `local`.
            waited_ms: Time it has waited, by which the deadline is shortened.

        Raises:
            Exception: that of `local`, if its answer was needed.
        """
        begun_s = self._clock() - 1e-3 * waited_ms
        self._learn()
        choice = self._controller.choose(waited_ms)
        sets_aside = self._controller.sets_aside
        if sets_aside and (
            not choice.sends or self._controller.is_late(waited_ms)
        ):
            problem = "Nothing can answer in time."
            return self._reply(begun_s, None, LATER, choice, problem=problem)
        if not choice.sends and self._prober is None:
            if self._controller.take_probe():
                choice = self._controller.trial or choice
        if not choice.sends:
            answer = self._locally(image, probes=True)
            return self._reply(begun_s, answer, LOCAL, choice)
        race = Race(self._transport)
        task = self._worker.submit(
            lambda: self._compute(image),
            self._starts_s(begun_s, waited_ms),
            race.local,
        )
        sent_bytes, problem = 0, "The device was first."
        try:
            payload = self._encoded(image, choice)
            sent_bytes = len(payload)
            answer = self._ask(payload, choice, begun_s, race, task)
            if race.remote():
                task.cancel()
                return self._reply(begun_s, answer, REMOTE, choice, sent_bytes)
        except LinkError as error:
            problem = str(error) or type(error).__name__
        except (
            Exception
        ) as error:  # The head failed; the unsplit network may not.
            problem = "{}: {}".format(type(error).__name__, error)
        self._probe()
        if sets_aside:
            task.cancel()
            return self._reply(
                begun_s, None, LATER, choice, sent_bytes, problem
            )
        task.hurry()
        answer = task.result()
        return self._reply(begun_s, answer, LOCAL, choice, sent_bytes, problem)

    def late(self, image):
        """Returns the device's `Reply` to an image that was set aside."""
        begun_s, whole = self._clock(), self._controller.plan.whole
        return self._reply(begun_s, self._locally(image), LOCAL, whole)

    def _locally(self, image, probes=False):
        """Returns the device's answer, with probes meanwhile.

        Computed by this thread unless a dead link must be probed repeatedly, or
        the worker still computes for an earlier image.
        """
        if probes:
            self._probe()
        again = probes and self._prober is not None
        again = again and not self._controller.alive
        if not again and self._worker.is_idle:
            return self._compute(image)
        task = self._worker.submit(lambda: self._compute(image))
        while again and not task.wait(PROBING_S):
            self._learn()
            again = not self._controller.alive
            if again:
                self._probe()
        return task.result()

    def _reply(
        self, begun_s, answer, source, choice, sent_bytes=0, problem=None
    ):
        latency_ms = 1e3 * (self._clock() - begun_s)
        return Reply(answer, source, choice, latency_ms, sent_bytes, problem)

    def _compute(self, image):
        """Computes in either thread, one image at a time."""
        begun_s = self._clock()
        answer = self._local(image)
        self._local_ms.append(1e3 * (self._clock() - begun_s))
        return answer

    def _starts_s(self, begun_s, waited_ms):
        """When the device starts during a question; infinity for never."""
        needed_ms = self._lead_ms(waited_ms)
        if needed_ms is None:
            return float("inf")
        return begun_s + 1e-3 * (self._deadline_ms - needed_ms)

    def _lead_ms(self, waited_ms):
        if self._deadline_ms is None:
            return None
        return self._controller.lead_ms(self._deadline_ms - waited_ms)

    def _encoded(self, image, choice):
        begun_s = self._clock()
        payload = self._encode(image, choice)
        if choice.split is not None:
            ms = 1e3 * (self._clock() - begun_s)
            self._controller.computed(choice, ms)
        return payload

    def _ask(self, payload, choice, begun_s, race, task):
        """Returns a usable answer; the controller learns from any outcome."""
        request_id = next(self._ids)
        sent_s = self._clock()
        lead = self._lead_ms(1e3 * (sent_s - begun_s))
        if lead is None and not self._controller.sets_aside:
            patience_ms = self._controller.patience_ms(choice)
            task.begin_at(sent_s + 1e-3 * patience_ms)
            # Until the device has answered, which ends the question.
            needed_ms = patience_ms + lead_ms(self._controller.local_ms)
            until_s = sent_s + 1e-3 * needed_ms
        else:
            until_s = begun_s + 1e-3 * self._deadline_ms
        race.asking()
        try:
            answer = self._transport.ask(payload, until_s, request_id)
            _check(answer, choice, request_id)
        except Refused as refused:
            self._controller.refused(refused.retry_after_s)
            raise
        except Missed:
            waited_s = min(self._clock(), task.at_s) - sent_s
            self._controller.missed(len(payload), max(0.0, 1e3 * waited_s))
            raise
        except LinkError:  # It is alive, but its answers are useless.
            self._transport.close()
            self._controller.refused()
            raise
        finally:
            race.asked()
        connect_ms = self._transport.connect_ms
        if connect_ms is not None:
            self._controller.connected(connect_ms)
        ms = 1e3 * (self._clock() - sent_s) - (connect_ms or 0.0)
        self._controller.answered(
            choice,
            len(payload),
            max(0.0, ms),
            answer.computed_ms,
            answer.queued_ms,
        )
        return answer

    def _probe(self):
        if self._prober is not None:
            self._prober.send()

    def _learn(self):
        """Passes on measurements of other threads."""
        whole = self._controller.plan.whole
        while self._local_ms:
            ms = self._local_ms.popleft()
            if whole is not None:
                self._controller.computed(whole, ms)
        if self._prober is None:
            return
        self._prober.learn()
        if self._prober.is_open and not self._transport.is_open:
            # A probe has found the link again: its connection is open.
            self._transport = self._prober.exchange(self._transport)


def _check(answer, choice, request_id):
    if answer.request_id != request_id:
        raise BadAnswer("The answer is that of another question.")
    if answer.status != "ok":
        raise BadAnswer(
            "The server couldn't read the payload: {}".format(answer.status)
        )
    known = answer.unit_id is not None and choice.unit_id is not None
    if known and answer.unit_id != choice.unit_id:
        raise BadAnswer("The answer is that of another unit.")

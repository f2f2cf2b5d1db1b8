"""Each image is answered once, whatever transport and device do."""

import collections
import random
import threading
import time

import pytest

from bottlenet_tf.link.controller import Controller
from bottlenet_tf.link.sender import LATER, LOCAL, REMOTE, Sender
from bottlenet_tf.link.transport import (
    Answer,
    BadAnswer,
    Missed,
    Refused,
    Transport,
    Unreachable,
)
from tests import replay_plans

SPLITS = {"RB3": (0.3, ((100.0, 120, 90.0),))}


def small_plan(whole_ms=60.0):
    """A split and mobile-only."""
    return replay_plans.make(SPLITS, (), 91.7, whole_ms, 1.0, 80.0)


def answer_to(request_id, label="remote", **changes):
    fields = dict(
        index=1, label=label, top=(), status="ok", computed_ms=1.0,
        queued_ms=0.0, unit_id=1000, request_id=request_id,
        received_bytes=200,
    )  # fmt: skip
    fields.update(changes)
    return Answer(**fields)


class Scripted(Transport):
    """Does what `act(payload, request_id, seconds)` returns or raises.

    Raises if it is asked by two threads at once.
    """

    def __init__(self, act):
        self._act, self._lock = act, threading.Lock()
        self.asked, self.closed = [], 0
        self.interrupted = threading.Event()

    def ask(self, payload, deadline, request_id):
        assert self._lock.acquire(blocking=False), "two at once"
        try:
            self.interrupted.clear()
            self.asked.append(request_id)
            return self._act(payload, request_id, deadline - time.monotonic())
        finally:
            self._lock.release()

    def interrupt(self):
        self.interrupted.set()

    def close(self):
        self.closed += 1


class Device:
    """Head and unsplit network; computes one image at a time."""

    def __init__(self, local_s=0.0):
        self._local_s, self._lock = local_s, threading.Lock()
        self.computed, self.started = [], threading.Event()

    def encode(self, image, choice):
        return b"payload of %d" % image

    def local(self, image):
        assert self._lock.acquire(blocking=False), "two at once"
        try:
            self.computed.append(image)
            self.started.set()
            time.sleep(self._local_s)
            return answer_to(image, "local")
        finally:
            self._lock.release()


class Always:
    """A controller that sends every image; counts what it is told."""

    probe_ms = 50.0
    local_ms = 0.0
    sets_aside = False

    def __init__(self, plan, patience_ms=30.0):
        self.plan, self._patience_ms = plan, patience_ms
        self.told = collections.Counter()
        self.choice = plan.choices[0]

    def choose(self, waited_ms):
        self.waited_ms = waited_ms
        return self.choice

    def lead_ms(self, left_ms):
        return None if left_ms is None else 5.0

    def patience_ms(self, choice):
        return self._patience_ms

    trial = None

    def take_probe(self):
        return True

    def __getattr__(self, name):
        def tell(*args, **kwargs):
            self.told[name] += 1

        return tell


@pytest.fixture
def made():
    """Function that returns a `Sender`; closes all of them."""
    senders = []

    def make(act, device=None, controller=None, **options):
        device = device or Device()
        controller = controller or Always(small_plan())
        transport = Scripted(act)
        sender = Sender(
            controller, transport, device.encode, device.local, **options
        )
        senders.append(sender)
        return sender, transport, device, controller

    yield make
    for sender in senders:
        sender.close()


def test_an_answer_of_the_server_is_taken(made):
    sender, transport, device, controller = made(
        lambda payload, q, s: answer_to(q, payload.decode())
    )
    replies = [sender.answer(image) for image in range(5)]
    assert [r.answer.label for r in replies] == [
        f"payload of {i}" for i in range(5)
    ]
    assert {r.source for r in replies} == {REMOTE}
    assert replies[0].sent_bytes == len(b"payload of 0")
    assert device.computed == []
    assert len(set(transport.asked)) == 5
    assert controller.told["answered"] == 5


def raising(error):
    def act(payload, request_id, seconds):
        raise error

    return act


@pytest.mark.parametrize(
    ("act", "told"),
    [
        (raising(Missed("late")), "missed"),
        (raising(Unreachable("gone")), "missed"),
        (raising(Refused("full", 3.0)), "refused"),
        (raising(BadAnswer("odd")), "refused"),
        (raising(RuntimeError("a bug")), None),
        (lambda p, q, s: answer_to("q999999"), "refused"),
        (lambda p, q, s: answer_to(q, unit_id=7), "refused"),
        (lambda p, q, s: answer_to(q, status="undecodable"), "refused"),
    ],
)
def test_whatever_else_comes_the_device_answers(made, act, told):
    sender, transport, device, controller = made(act)
    reply = sender.answer(3)
    assert (reply.source, reply.answer.label) == (LOCAL, "local")
    assert reply.answer.request_id == 3
    assert reply.problem
    assert device.computed == [3]
    assert controller.told["answered"] == 0
    if told:
        assert controller.told[told] == 1


def test_an_answer_that_is_not_believed_closes_the_connection(made):
    sender, transport, *_ = made(lambda p, q, s: answer_to("q999999"))
    sender.answer(0)
    assert transport.closed == 1


def test_patience_bounds_the_wait_without_a_deadline(made):
    waits = []
    sender, *_ = made(
        lambda p, q, s: waits.append(s) or answer_to(q),
        controller=Always(small_plan(), patience_ms=70.0),
    )
    sender.answer(0)
    assert waits[0] == pytest.approx(0.07, abs=0.03)


def test_without_a_deadline_a_late_answer_may_still_be_the_first(made):
    slow = Device(local_s=0.2)

    def act(payload, request_id, seconds):
        assert slow.started.wait(5)
        return answer_to(request_id)

    sender, _, _, controller = made(
        act, slow, Always(small_plan(), patience_ms=20.0)
    )
    assert sender.answer(1).source == REMOTE
    assert controller.told["answered"] == 1


def test_a_miss_counts_what_was_waited_before_the_device_began(made):
    class Telling(Always):
        def missed(self, wire_bytes, waited_ms):
            self.waited_ms = waited_ms

    controller = Telling(small_plan(), patience_ms=50.0)
    controller.local_ms = 1000.0
    sender, transport, *_ = made(
        lambda p, q, s: until(transport, s), Device(0.2), controller
    )
    assert sender.answer(1).source == LOCAL
    assert controller.waited_ms == pytest.approx(50.0, abs=5.0)


def until(transport, seconds):
    """What a transport does that hears nothing for so long."""
    transport.interrupted.wait(seconds)
    raise Missed("nothing came")


def test_the_device_starts_ahead_of_the_deadline_and_ends_the_question(made):
    # 400 ms less a lead of 300: the question is asked for up to 400 ms, but the
    # device answers earlier, and nobody waits for the rest.
    class Early(Always):
        def lead_ms(self, left_ms):
            return 300.0

    sender, transport, device, _ = made(
        lambda p, q, s: until(transport, s),
        controller=Early(small_plan()),
        deadline_ms=400.0,
    )
    begun = time.monotonic()
    reply = sender.answer(1)
    assert time.monotonic() - begun >= 0.1
    assert reply.source == LOCAL
    assert transport.interrupted.is_set()


def test_what_an_image_has_waited_is_off_its_deadline(made):
    waits = []
    sender, _, device, controller = made(
        lambda p, q, s: waits.append(s) or answer_to(q), deadline_ms=60_000.0
    )
    reply = sender.answer(1, waited_ms=40_000.0)
    assert waits[0] == pytest.approx(20.0, abs=5.0)
    assert reply.latency_ms >= 40_000.0
    assert controller.waited_ms == 40_000.0
    with pytest.raises(ValueError, match="deadline_ms=0"):
        made(raising(AssertionError()), deadline_ms=0)


def test_an_answer_in_time_spares_the_device(made):
    sender, _, device, _ = made(
        lambda p, q, s: answer_to(q), deadline_ms=5000.0
    )
    assert sender.answer(1).source == REMOTE
    assert device.computed == []


def test_the_first_answer_wins_though_the_device_has_begun(made):
    slow = Device(local_s=0.2)

    def act(payload, request_id, seconds):
        assert slow.started.wait(5)
        return answer_to(request_id)

    sender, _, device, _ = made(act, slow, deadline_ms=10.0)
    reply = sender.answer(1)
    assert (reply.source, reply.answer.label) == (REMOTE, "remote")
    # The next image's local answer isn't the one that was dropped.
    sender._transport._act = raising(Unreachable("gone"))
    assert sender.answer(2).answer.request_id == 2


def test_a_break_starts_the_device_at_once(made):
    sender, *_ = made(raising(Unreachable("gone")), deadline_ms=60_000.0)
    begun = time.monotonic()
    assert sender.answer(1).source == LOCAL
    assert time.monotonic() - begun < 30.0


def test_a_head_that_fails_leaves_the_image_to_the_whole(made):
    device = Device()
    device.encode = lambda image, choice: 1 / 0
    sender, transport, *_ = made(lambda p, q, s: answer_to(q), device)
    reply = sender.answer(1)
    assert reply.source == LOCAL and "ZeroDivisionError" in reply.problem
    assert transport.asked == []


def test_a_device_that_fails_is_reported_and_the_next_image_is_answered(made):
    device = Device()
    device.local = lambda image: 1 / 0
    answers = [raising(Missed("late")), lambda p, q, s: answer_to(q)]
    sender, *_ = made(lambda *args: answers.pop(0)(*args), device)
    with pytest.raises(ZeroDivisionError):
        sender.answer(1)
    assert sender.answer(2).source == REMOTE


def test_what_stays_on_the_device_is_computed_there(made):
    sender, transport, device, controller = made(raising(AssertionError()))
    controller.choice = controller.plan.whole
    reply = sender.answer(4)
    assert (reply.source, reply.sent_bytes) == (LOCAL, 0)
    assert reply.problem is None
    assert transport.asked == []


def test_what_stays_on_the_device_wakes_no_thread_that_sleeps(made):
    threads = []
    device = Device()
    device.local = lambda image: threads.append(threading.current_thread())
    sender, *_ = made(raising(AssertionError()), device)
    sender._controller.choice = sender._controller.plan.whole
    while not sender._worker.is_idle:
        time.sleep(0.001)
    sender.answer(4)
    sender.late(5)
    assert threads == [threading.current_thread()] * 2


def test_what_stays_on_the_device_waits_for_what_it_computes_still(made):
    slow = Device(local_s=0.2)

    def act(payload, request_id, seconds):
        assert slow.started.wait(5)
        return answer_to(request_id)

    sender, _, device, controller = made(act, slow, deadline_ms=10.0)
    assert sender.answer(1).source == REMOTE
    controller.choice = controller.plan.whole
    assert sender.answer(2).answer.request_id == 2  # Never two at once.
    assert device.computed == [1, 2]


def test_probes_have_a_connection_of_their_own_and_hold_up_nothing(made):
    held = threading.Event()
    probes = Scripted(lambda p, q, s: held.wait(5) and answer_to(q))
    sender, transport, _, controller = made(
        lambda p, q, s: answer_to(q), probe_transport=probes
    )
    controller.choice = controller.plan.whole
    for image in range(3):
        assert sender.answer(image).source == LOCAL
    assert probes.asked == ["probe"]  # One at a time.
    held.set()
    for _ in range(500):
        sender.answer(9)
        if controller.told["probed"]:
            break
        time.sleep(0.002)
    assert controller.told["probed"]
    assert transport.asked == []


def test_the_connection_that_a_probe_opened_serves_the_images(made):
    probes = Scripted(lambda p, q, s: answer_to(q, "by the other"))
    sender, transport, _, controller = made(
        lambda p, q, s: answer_to(q), probe_transport=probes
    )
    controller.choice = controller.plan.whole
    sender.answer(0)
    probes.is_open = True
    for _ in range(500):
        sender.answer(1)
        if controller.told["probed"] and sender._transport is probes:
            break
        time.sleep(0.002)
    controller.choice = controller.plan.choices[0]
    assert sender.answer(2).answer.label == "by the other"


def test_a_dead_link_is_probed_while_the_device_computes(made):
    # The second probe is answered, before the image has been for long.
    def act(payload, request_id, seconds):
        if len(probes.asked) == 1:
            raise Missed("lost")
        return answer_to(request_id, status="wrong size")

    probes = Scripted(act)
    controller = Controller(small_plan(900.0))
    controller.missed(100, 10.0)
    sender, *_ = made(
        lambda p, q, s: answer_to(q), Device(0.6), controller,
        probe_transport=probes,
    )  # fmt: skip
    assert sender.answer(0).source == LOCAL
    assert probes.asked == ["probe"] * 2 and controller.alive
    assert sender.answer(1).source == REMOTE


@pytest.mark.parametrize("has_probes", [True, False])
def test_the_real_controller_comes_back_after_a_cut(made, has_probes):
    is_cut = threading.Event()

    def act(payload, request_id, seconds):
        if is_cut.is_set():
            raise Unreachable("cut")
        # A probe's zeros can't be read, and tell the time all the same.
        status = "ok" if payload.strip(b"\0") else "wrong version"
        return answer_to(request_id, status=status)

    sender, *_ = made(
        act,
        Device(local_s=0.02),
        Controller(small_plan(whole_ms=20.0)),
        probe_transport=Scripted(act) if has_probes else None,
    )
    assert sender.answer(0).source == REMOTE
    is_cut.set()
    assert [sender.answer(i).source for i in range(3)] == [LOCAL] * 3
    is_cut.clear()
    ended = time.monotonic()
    while sender.answer(5).source == LOCAL:
        assert time.monotonic() - ended < 20.0


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("deadline_ms", [None, 6.0])
def test_random_faults_leave_each_image_with_one_answer(
    made, seed, deadline_ms
):
    """Answers, losses, refusals, late, duplicate and foreign ones."""
    generator = random.Random(seed)
    told = []  # Answers of before, that may come again.

    def act(payload, request_id, seconds):
        kind = generator.choice(
            ["good"] * 4
            + ["lost", "gone", "full", "odd", "late", "again", "foreign",
               "unread", "slow", "bug"]
        )  # fmt: skip
        good = answer_to(request_id, "for " + payload.decode())
        told.append(good)
        if kind == "good":
            return good
        if kind == "slow":
            time.sleep(min(seconds, 0.004) if seconds > 0 else 0)
            return good
        if kind == "lost":
            transport.interrupted.wait(max(0.0, min(seconds, 0.01)))
            raise Missed("lost")
        if kind == "again":
            return generator.choice(told)
        if kind == "late" and len(told) > 1:
            return told[-2]
        if kind == "unread":
            return good._replace(status="foreign or corrupt", index=-1)
        if kind == "foreign":
            return good._replace(unit_id=77)
        raise {
            "gone": Unreachable("gone"), "full": Refused("full"),
            "odd": BadAnswer("odd"),
        }.get(kind, RuntimeError("a bug"))  # fmt: skip

    sender, transport, device, _ = made(
        act,
        Device(local_s=0.001),
        Always(small_plan(), patience_ms=4.0),
        deadline_ms=deadline_ms,
    )
    sources = collections.Counter()
    for image in range(60):
        reply = sender.answer(image)
        sources[reply.source] += 1
        if reply.source == REMOTE:
            assert reply.answer.label == f"for payload of {image}"
            assert reply.answer.status == "ok"
            assert reply.answer.unit_id == 1000
        else:
            assert reply.answer.request_id == image
    assert sum(sources.values()) == 60
    assert sources[REMOTE] and sources[LOCAL]
    computed = collections.Counter(device.computed)
    assert max(computed.values()) == 1


def test_a_late_image_comes_back_and_is_answered_later(made):
    def act(payload, request_id, seconds):
        assert 0 < seconds <= 0.05
        time.sleep(seconds)
        raise Missed("no answer")

    plan = small_plan(whole_ms=60.0)
    controller = Controller(plan, "accuracy", 50.0, set_aside=True)
    for _ in range(3):
        controller.computed(plan.whole, 60.0)
    sender, transport, device, _ = made(
        act, controller=controller, deadline_ms=50.0
    )
    reply = sender.answer(0)
    assert (reply.source, reply.answer, device.computed) == (LATER, None, [])
    assert reply.latency_ms < 60.0 + 50.0  # No mobile-only was waited for.
    assert sender.answer(1, waited_ms=49.0).source == LATER  # Unsent.
    assert len(transport.asked) == 1
    assert sender.late(0).source == LOCAL and device.computed == [0]

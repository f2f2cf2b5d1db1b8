"""The bounded queue: what makes up a batch, and what is refused."""

import threading
import time

import pytest

from bottlenet_tf.runtime.waiting import Waiting


class Clock:
    """Seconds that pass when told."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def make(clock, room=10, seconds=1.0, work=None, **more):
    refused = []
    queue = Waiting(
        work, lambda item, reason: refused.append((item, reason)), len,
        most=8, room=room, seconds=seconds, clock=clock, **more,
    )  # fmt: skip
    return queue, refused


def items(pairs):
    return [item for item, _ in pairs]


def test_a_batch_is_what_came_in_in_order_up_to_its_size(clock):
    queue, _ = make(clock)
    for item in ("aaa", "bbb", "cc", "d"):
        queue.put(item)
    assert items(queue.take()[0]) == ["aaa", "bbb", "cc"]
    assert items(queue.take()[0]) == ["d"]


def test_an_item_that_does_not_fit_waits_for_the_next_batch(clock):
    queue, _ = make(clock)
    for item in ("aaaaa", "bbbb", "c"):
        queue.put(item)
    assert items(queue.take()[0]) == ["aaaaa"]
    assert items(queue.take()[0]) == ["bbbb", "c"]


def test_an_item_larger_than_a_batch_goes_alone(clock):
    queue, _ = make(clock)
    queue.put("a" * 20)
    queue.put("b")
    assert items(queue.take()[0]) == ["a" * 20]
    assert items(queue.take()[0]) == ["b"]


def test_the_wait_of_each_is_reported(clock):
    queue, _ = make(clock)
    queue.put("a")
    clock.now += 0.25
    queue.put("b")
    clock.now += 0.5
    assert queue.take()[0] == [("a", 0.75), ("b", 0.5)]


def test_a_full_queue_refuses_at_once_and_takes_again_later(clock):
    queue, refused = make(clock, room=2)
    for item in "abc":
        queue.put(item)
    assert refused == [("c", "full")]
    queue.take()
    queue.put("d")
    assert items(queue.take()[0]) == ["d"]
    assert len(refused) == 1


def test_what_waited_too_long_is_apart(clock):
    queue, _ = make(clock)
    queue.put("a")
    queue.put("b")
    clock.now += 0.9
    queue.put("c")
    clock.now += 0.2
    batch, late = queue.take()
    assert (items(batch), items(late)) == (["c"], ["a", "b"])


def test_late_ones_take_no_room_of_the_batch(clock):
    queue, _ = make(clock)
    queue.put("a" * 7)
    clock.now += 2
    queue.put("b" * 7)
    batch, late = queue.take()
    assert items(batch) == ["b" * 7] and items(late) == ["a" * 7]


def test_every_item_is_worked_on_or_refused_exactly_once():
    done, refused, gate = [], [], threading.Event()

    def work(batch):
        gate.wait(10)
        done.extend(items(batch))

    queue = Waiting(
        work, lambda item, reason: refused.append(item), lambda item: 1,
        most=4, room=50, seconds=60,
    )  # fmt: skip
    queue.start()
    threads = [
        threading.Thread(
            target=lambda k=k: [queue.put((k, i)) for i in range(100)]
        )
        for k in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    gate.set()
    queue.close()
    assert sorted(done + refused) == [
        (k, i) for k in range(4) for i in range(100)
    ]
    # While the first batch was at work, 50 could wait.
    assert 50 <= len(done) <= 54 + 4


def test_closing_answers_what_waits_and_refuses_the_rest():
    done = []
    queue = Waiting(
        lambda batch: done.extend(items(batch)),
        lambda item, reason: done.append((item, reason)),
        len, most=8, room=10, seconds=60,
    )  # fmt: skip
    queue.put("a")
    queue.put("b")
    queue.start()
    queue.close()
    queue.put("c")
    assert done == ["a", "b", ("c", "full")]


def test_a_batch_may_wait_to_fill_up():
    queue, _ = make(time.monotonic, seconds=60.0, delay=30.0)
    queue.put("a" * 4)
    found = []
    thread = threading.Thread(target=lambda: found.append(queue.take()))
    thread.start()
    queue.put("b" * 4)  # Full: nothing waits for 30 s.
    thread.join(10)
    assert items(found[0][0]) == ["a" * 4, "b" * 4]


def test_the_delay_of_the_first_one_counts(clock):
    queue, _ = make(clock, seconds=10.0, delay=0.5)
    queue.put("a")
    clock.now += 0.6
    assert items(queue.take()[0]) == ["a"]

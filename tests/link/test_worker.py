"""A computation beside a question: begun in time, hurried or dropped."""

import threading
import time

import pytest

from bottlenet_tf.link.worker import Worker

NEVER = float("inf")


@pytest.fixture
def worker():
    made = Worker(time.monotonic)
    yield made
    made.close()


def test_tasks_run_one_after_the_other(worker):
    done = []
    tasks = [worker.submit(lambda i=i: done.append(i) or i) for i in range(9)]
    assert [task.result() for task in tasks] == list(range(9))
    assert done == list(range(9))


def test_a_task_waits_for_its_time(worker):
    begun = time.monotonic()
    task = worker.submit(time.monotonic, at_s=begun + 0.05)
    assert task.result() >= begun + 0.05


def test_a_task_that_is_hurried_does_not_wait(worker):
    task = worker.submit(lambda: "done", at_s=NEVER)
    task.hurry()
    assert task.result() == "done"


def test_a_task_that_is_cancelled_never_runs(worker):
    ran, told = [], []
    task = worker.submit(lambda: ran.append(1), NEVER, told.append)
    task.cancel()
    assert worker.submit(lambda: 2).result() == 2
    assert ran == [] and told == []


def test_what_has_begun_is_not_cancelled(worker):
    begun, held = threading.Event(), threading.Event()
    task = worker.submit(lambda: begun.set() or held.wait(5))
    assert begun.wait(5)
    task.cancel()
    held.set()
    assert task.result() is True


def test_an_error_is_the_tasks_and_the_next_one_runs(worker):
    told = []
    task = worker.submit(lambda: 1 / 0, then=told.append)
    with pytest.raises(ZeroDivisionError):
        task.result()
    assert worker.submit(lambda: 3).result() == 3
    assert told == []


def test_results_are_reported_in_the_workers_thread(worker):
    told = []
    task = worker.submit(lambda: 4, then=lambda r: told.append(
        (r, threading.current_thread().name)))  # fmt: skip
    task.result()
    worker.submit(lambda: None).result()
    assert told == [(4, "local")]


def test_a_thread_that_sleeps_is_not_woken_for_what_begins_later(worker):
    looks = []
    worker.submit(lambda: None).result()
    soon = worker.submit(lambda: "soon", at_s=time.monotonic() + 0.2)
    time.sleep(0.05)  # It sleeps until then.
    worker._clock = lambda: looks.append(0) or time.monotonic()
    for _ in range(100):
        worker.submit(lambda: None, time.monotonic() + 9).cancel()
        worker.submit(lambda: None, NEVER).cancel()
    assert soon.result() == "soon"
    assert len(looks) <= 2


def test_a_task_that_is_hastened_wakes_the_thread(worker):
    task = worker.submit(lambda: "done", at_s=NEVER)
    time.sleep(0.02)
    begun = time.monotonic()
    task.begin_at(begun + 0.02)
    assert task.result() == "done"
    assert time.monotonic() >= begun + 0.02


def test_a_task_is_begun_though_one_before_it_was_cancelled(worker):
    first = worker.submit(lambda: None, at_s=time.monotonic() + 9)
    second = worker.submit(lambda: "second", at_s=time.monotonic() + 0.05)
    time.sleep(0.02)  # It sleeps until the first one's time.
    first.cancel()
    assert second.result() == "second"

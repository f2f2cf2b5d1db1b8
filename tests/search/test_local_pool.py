"""Real processes: what they reach, how they fail, when they die."""

import multiprocessing
import os
import time

import pytest

from bottlenet_tf.search import trial_folder
from bottlenet_tf.search.local_pool import LocalPool
from tests.search import jobs


def _pool(workers, run):
    return LocalPool(workers, run=run, imports=())


def _wait_for(pool, count):
    ended = {}
    while len(ended) < count:
        ended.update(pool.wait(10))
    return ended


def test_trials_run_side_by_side(tmp_path):
    # Each waits for the other's file, so one after the other would hang.
    pool = _pool(2, jobs.wait_for_another)
    folders = [tmp_path / name for name in "ab"]
    for folder in folders:
        folder.mkdir()
        pool.start(folder)
    assert pool.free == 0
    assert _wait_for(pool, 2) == dict.fromkeys(folders)
    assert pool.free == 2


def test_a_failed_trial_tells_its_last_lines(tmp_path):
    pool = _pool(1, jobs.fail)
    pool.start(tmp_path)
    (error,) = _wait_for(pool, 1).values()
    assert "ended with 1: no such GPU" in error
    assert str(tmp_path / trial_folder.LOG) in error


def test_a_crash_is_a_failure(tmp_path):
    pool = _pool(1, jobs.crash)
    pool.start(tmp_path)
    (error,) = _wait_for(pool, 1).values()
    assert error.startswith("ended with -9")


def test_closing_ends_what_runs(tmp_path):
    pool = _pool(1, jobs.sleep)
    pool.start(tmp_path)
    pool.close()
    assert pool.free == 1
    assert not multiprocessing.active_children()


def test_nothing_ended_is_nothing(tmp_path):
    pool = _pool(1, jobs.sleep)
    pool.start(tmp_path)
    assert pool.wait(0.2) == {}
    pool.close()


def test_trials_share_the_cores_and_print_to_their_logs(tmp_path):
    pool = _pool(1000, jobs.tell_threads)
    pool.start(tmp_path)
    _wait_for(pool, 1)
    assert (tmp_path / "n").read_text() == "1"
    assert (tmp_path / trial_folder.LOG).read_text() == "said\n"


def test_a_trial_dies_with_the_search(tmp_path):
    # A search that is killed can't clean up: its trial must notice.
    search = multiprocessing.get_context("spawn").Process(
        target=_start, args=(tmp_path,)
    )
    search.start()
    pid = tmp_path / "pid"
    while not (pid.exists() and pid.read_text()):
        time.sleep(0.02)
    search.kill()
    search.join()
    trial = int(pid.read_text())
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if not _alive(trial):
            return
        time.sleep(0.05)
    os.kill(trial, 9)
    pytest.fail("the trial outlived its search")


def _start(folder):
    _pool(1, jobs.sleep).start(folder)
    time.sleep(60)


def _alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_pool_needs_a_worker():
    with pytest.raises(ValueError, match="--workers must be positive"):
        LocalPool(0)

"""Real processes: what they reach, how they fail, when they die."""

import os
import sys
import time

import pytest

from bottlenet_tf.search import trial_folder
from bottlenet_tf.search.local_pool import LocalPool


def _pool(workers, code):
    return LocalPool(workers, (sys.executable, "-c", code))


def _wait_for(pool, count):
    ended = {}
    while len(ended) < count:
        ended.update(pool.wait(10))
    return ended


def test_trials_run_side_by_side(tmp_path):
    # Each waits for the other's file, so one after the other would hang.
    code = (
        "import sys, pathlib, time\n"
        "me = pathlib.Path(sys.argv[1]); (me / 'here').touch()\n"
        "while sum(1 for _ in me.parent.glob('*/here')) < 2: time.sleep(0.01)"
    )
    pool = _pool(2, code)
    folders = [tmp_path / name for name in "ab"]
    for folder in folders:
        folder.mkdir()
        pool.start(folder)
    assert pool.free == 0
    assert _wait_for(pool, 2) == dict.fromkeys(folders)
    assert pool.free == 2


def test_a_failed_trial_tells_its_last_lines(tmp_path):
    pool = _pool(1, "raise SystemExit('no such GPU')")
    pool.start(tmp_path)
    (error,) = _wait_for(pool, 1).values()
    assert "ended with 1: no such GPU" in error
    assert str(tmp_path / trial_folder.LOG) in error


def test_a_crash_is_a_failure(tmp_path):
    pool = _pool(1, "import os; os.kill(os.getpid(), 9)")
    pool.start(tmp_path)
    (error,) = _wait_for(pool, 1).values()
    assert error.startswith("ended with -9")


def test_closing_ends_what_runs(tmp_path):
    pool = _pool(1, "import time; time.sleep(60)")
    pool.start(tmp_path)
    pool.close()
    assert pool.free == 1


def test_nothing_ended_is_nothing(tmp_path):
    pool = _pool(1, "import time; time.sleep(60)")
    pool.start(tmp_path)
    assert pool.wait(0.2) == {}
    pool.close()


def test_trials_share_the_cores(tmp_path):
    code = (
        "import os, sys\n"
        "n = os.environ['TF_NUM_INTRAOP_THREADS']\n"
        "open(sys.argv[1] + '/n', 'w').write(n)"
    )
    pool = _pool(1000, code)
    pool.start(tmp_path)
    _wait_for(pool, 1)
    assert (tmp_path / "n").read_text() == "1"


def test_a_trial_dies_with_the_search(tmp_path):
    # A search that is killed can't clean up: its trial must notice.
    code = (
        "import os, sys, pathlib, time, threading\n"
        "from bottlenet_tf.search import trial\n"
        "(pathlib.Path(sys.argv[1]) / 'pid').write_text(str(os.getpid()))\n"
        "trial.run = lambda folder: time.sleep(60)\n"
        "trial.main()"
    )
    parent, child = os.pipe()
    pid = os.fork()
    if pid == 0:
        _pool(1, code).start(tmp_path)
        while not (tmp_path / "pid").exists():
            time.sleep(0.02)
        os._exit(0)
    os.waitpid(pid, 0)
    os.close(parent)
    os.close(child)
    trial = int((tmp_path / "pid").read_text())
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if not _alive(trial):
            return
        time.sleep(0.05)
    os.kill(trial, 9)
    pytest.fail("the trial outlived its search")


def _alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_pool_needs_a_worker():
    with pytest.raises(ValueError, match="--workers must be positive"):
        LocalPool(0)

"""Competing processes: they work while they should, and none is left."""

import multiprocessing
import os
import pathlib
import signal
import subprocess
import sys
import time
from multiprocessing import connection

import pytest

from bottlenet_tf.profiling.jobs import competing
from tests.profiling import workers

ROOT = pathlib.Path(__file__).parents[2]


def wait_for(condition):
    deadline = time.monotonic() + 20
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert condition()


def sizes(folder):
    return {path.name: path.stat().st_size for path in folder.iterdir()}


def is_running(pid):
    try:
        return "Z" not in pathlib.Path(f"/proc/{pid}/stat").read_text().split()
    except OSError:
        return False


def test_all_have_worked_before_and_go_on_meanwhile(tmp_path):
    with competing(2, workers.marking, str(tmp_path)):
        before = sizes(tmp_path)
        assert len(before) == 2 and str(os.getpid()) not in before
        wait_for(lambda: all(sizes(tmp_path)[n] > before[n] for n in before))
    assert not multiprocessing.active_children()
    assert not any(is_running(pid) for pid in before)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_none_is_left_after_an_error(tmp_path, error):
    with pytest.raises(error):
        with competing(1, workers.marking, str(tmp_path)):
            raise error
    assert not multiprocessing.active_children()


def test_ctrl_c_ends_none_before_its_time(tmp_path):
    with competing(1, workers.marking, str(tmp_path)):
        (pid,) = sizes(tmp_path)
        os.kill(int(pid), signal.SIGINT)
        before = sizes(tmp_path)[pid]
        wait_for(lambda: sizes(tmp_path)[pid] > before + 10)


def test_one_that_fails_to_start_is_reported_and_ends_the_others():
    with pytest.raises(RuntimeError, match="start.*ValueError: no such net"):
        with competing(1, workers.broken):
            raise AssertionError("must not open")
    assert not multiprocessing.active_children()


def test_one_that_ends_too_early_spoils_the_measurement(tmp_path):
    end = tmp_path / "end"
    with pytest.raises(RuntimeError, match="the load is less.*abruptly"):
        with competing(1, workers.ending, str(end)):
            (worker,) = multiprocessing.active_children()
            end.touch()
            # Nothing is waited for: its pool notices later, in a thread.
            assert connection.wait([worker.sentinel], timeout=20)


def test_load_0_starts_none():
    with competing(0, workers.broken):
        assert not multiprocessing.active_children()


def test_none_outlives_a_killed_program(tmp_path):
    program = (
        "import os, signal\n"
        "from bottlenet_tf.profiling.jobs import competing\n"
        "from tests.profiling import workers\n"
        "if __name__ == '__main__':\n"
        f"    with competing(1, workers.marking, {str(tmp_path)!r}):\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    script = tmp_path / "program.py"
    script.write_text(program)
    folders = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(folders)}
    ran = subprocess.run([sys.executable, script], env=environment, check=False)
    assert ran.returncode == -signal.SIGKILL
    (pid,) = (name for name in sizes(tmp_path) if name.isdigit())
    wait_for(lambda: not is_running(pid))

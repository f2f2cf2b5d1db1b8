"""Real processes: what they reach, how they fail, when they die."""

import multiprocessing
import os
import subprocess
import sys
import time

import pytest

from bottlenet_tf.search import pools, trial_folder
from tests.search import jobs


def run(workers, job):
    """Returns what runs a job in a process of its own."""
    return pools._Processes(workers, target=job, imports=()).run


def test_runs_go_side_by_side(tmp_path):
    # Each waits for the other's file, so one after the other would hang.
    folders = [tmp_path / name for name in "ab"]
    for folder in folders:
        folder.mkdir()
    with pools.Pool(2, run(2, jobs.wait_for_another)) as pool:
        futures = [pool.submit(folder) for folder in folders]
        assert [future.result(30) for future in futures] == [None, None]


def test_a_failed_run_shows_its_last_lines(tmp_path):
    error = run(1, jobs.fail)(tmp_path)
    assert "ended with 1: no such GPU" in error
    assert str(tmp_path / trial_folder.LOG) in error


def test_a_crash_is_a_failure(tmp_path):
    assert run(1, jobs.crash)(tmp_path).startswith("ended with -9")


def test_leaving_the_pool_ends_what_runs(tmp_path):
    processes = pools._Processes(1, target=jobs.sleep, imports=())
    with pools.Pool(1, processes.run, processes.kill) as pool:
        running, waiting = (pool.submit(tmp_path) for _ in range(2))
        while not (tmp_path / "pid").exists():
            time.sleep(0.02)
    assert running.result(20).startswith("ended with -9")
    assert waiting.cancelled()


def test_runs_share_the_cores_and_print_to_their_logs(tmp_path):
    assert run(1000, jobs.tell_threads)(tmp_path) is None
    assert (tmp_path / "n").read_text() == "1"
    assert (tmp_path / trial_folder.LOG).read_text() == "said\n"


def test_a_librarys_start_up_lines_are_not_shown(tmp_path):
    code = (
        "import pathlib, sys; from bottlenet_tf.search import pools; "
        "from tests.search import jobs; "
        "made = pools._Processes("
        "1, target=jobs.tell_threads, imports=['tests.search.loud']); "
        "sys.exit(made.run(pathlib.Path(sys.argv[1])))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    assert (tmp_path / trial_folder.LOG).read_text() == "said\n"


def test_without_ray_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ImportError, match="ray>=2.50"):
        pools.ray_pool("local", 1)


@pytest.mark.ray
def test_runs_go_on_a_local_ray(tiny_config, tmp_path, replace):
    folders = [tmp_path / name for name in ("good", "bad", "nowhere")]
    for folder, split in zip(folders[:2], ("cut", "nosuch"), strict=True):
        trial_folder.write_request(
            folder, replace(tiny_config, workdir=str(folder), split=split)
        )
    with pools.ray_pool("local", workers=2) as pool:
        futures = [pool.submit(folder) for folder in folders]
        good, bad, nowhere = (future.result(300) for future in futures)
    assert (
        good is None
        and trial_folder.read_outcome(folders[0]).accuracy is not None
    )
    assert "ended with 1" in bad and "split point" in bad
    assert "must be on a file system that all machines share" in nowhere


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
    run(1, jobs.sleep)(folder)


def _alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False

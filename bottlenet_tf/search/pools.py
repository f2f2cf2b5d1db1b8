"""Runs of a search, side by side: on this machine, or on a Ray cluster.

Each is a separate process, which a thread waits for: memory is freed, and a
crash ends only one run.
"""

import concurrent.futures
import contextlib
import multiprocessing
import multiprocessing.forkserver
import os
import pathlib
import sys

from tqdm import tqdm

from bottlenet_tf.common.processes import end_with_parent
from bottlenet_tf.search import trial_folder

_LINES_SHOWN = 5
_TRAINING = "bottlenet_tf.training"


class Pool:
    """Makes the runs requested in folders, `workers` at a time.

    A context manager: leaving it kills unfinished runs, which can be resumed.

    Args:
        run: Function of a folder that makes its run, and returns the error or
            None.
        close: Function that ends what runs.
    """

    def __init__(self, workers, run, close=lambda: None):
        self._run, self._close = run, close
        self._threads = concurrent.futures.ThreadPoolExecutor(workers)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._close()

    def submit(self, folder):
        """Returns the future of a folder's error; None on success."""
        return self._threads.submit(self._run, pathlib.Path(folder))


def make_pool(config):
    """Returns the `Pool` of a search's configuration."""
    if config.ray_address is None:
        local = _Processes(config.workers)
        return Pool(config.workers, local.run, local.kill)
    return ray_pool(
        config.ray_address, config.workers, config.trial_cpus, config.trial_gpus
    )


def run_all(folders, pool, name):
    """Makes the runs requested in folders; returns `{folder: why}` of failures.

    `name` is shown by the progress bar.
    """
    waiting = {pool.submit(folder): folder for folder in folders}
    failed = {}
    with tqdm(total=len(waiting), desc=name, unit="run") as bar:
        for future in concurrent.futures.as_completed(waiting):
            folder = waiting[future]
            outcome = trial_folder.ended(folder, future.result())
            if outcome.error:
                failed[folder] = outcome.error
                bar.write(f"{folder}: {outcome.error}", sys.stderr)
            bar.update()
    return failed


def ray_pool(address, workers, cpus=1, gpus=0.0):
    """Returns a `Pool` of Ray tasks.

    A task starts the run in a separate process, with `cpus` threads, in the
    folder that this process works in. Search folder, data and weights must have
    the same paths on all machines, and `bottlenet_tf` must be installed on
    them.

    The address is "auto", "local" for a cluster on this machine, or host:port;
    `workers` is the number of runs at a time, on all machines together.
    """
    try:
        import ray
    except ImportError as error:
        raise ImportError(
            "--ray_address needs Ray: `pip install 'ray>=2.50'` "
            f"({error}). Received: ray_address={address!r}"
        ) from error
    ray.init(
        address=address,
        log_to_driver=False,
        include_dashboard=False if address == "local" else None,
    )
    task = ray.remote(num_cpus=cpus, num_gpus=gpus, max_retries=0)(_on_cluster)

    def run(folder):
        try:
            return ray.get(task.remote(folder.absolute(), os.getcwd(), cpus))
        except ray.exceptions.RayError as error:
            return f"was lost by Ray: {error}"

    return Pool(workers, run, ray.shutdown)


def _on_cluster(folder, cwd, cpus):
    """Makes one run on a machine of the cluster; returns its error or None."""
    request = folder / trial_folder.REQUEST
    if not request.is_file():
        return (
            f"{request} is missing on {os.uname().nodename}: --workdir must be "
            "on a file system that all machines share"
        )
    os.chdir(cwd)
    return _Processes(1, cpus).run(folder)


class _Processes:
    """Processes that share this machine's cores.

    All are forks of one server that has imported `imports`: importing takes
    longer than the training of many runs. Each calls `target` with its folder.
    """

    def __init__(
        self, workers, threads=None, target=None, imports=(_TRAINING,)
    ):
        cores = len(os.sched_getaffinity(0))
        self._threads = threads or max(1, cores // workers)
        self._target = target or train
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(list(imports))
        with _silenced():
            multiprocessing.forkserver.ensure_running()
        self._running, self._killed = set(), False

    def run(self, folder):
        """Waits for the run of a folder; returns its error or None."""
        process = self._context.Process(
            target=_alone, args=(self._target, str(folder), self._threads)
        )
        process.start()
        self._running.add(process)
        if self._killed:
            process.kill()
        process.join()
        self._running.discard(process)
        return _failure(folder, process.exitcode)

    def kill(self):
        """Kills all running processes."""
        self._killed = True
        for process in tuple(self._running):
            process.kill()


@contextlib.contextmanager
def _silenced():
    """Gives the processes started here no standard error.

    TensorFlow's start-up lines would end up between progress bars. Runs have
    logs of their own.
    """
    sys.stderr.flush()
    stderr, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(nowhere)


def train(folder):
    """Trains and measures the run of a folder, or resumes it."""
    from bottlenet_tf import training

    training.run(trial_folder.read_request(folder))


def _alone(target, folder, threads):
    """The main function of a process, whose output goes to a log."""
    end_with_parent()
    log = os.open(
        pathlib.Path(folder) / trial_folder.LOG,
        os.O_WRONLY | os.O_CREAT | os.O_APPEND,
        0o644,
    )
    for stream in (1, 2):
        os.dup2(log, stream)
    for kind in ("INTRAOP", "INTEROP"):  # TensorFlow hasn't read them yet.
        os.environ[f"TF_NUM_{kind}_THREADS"] = str(threads)
    # Runs must share a GPU's memory.
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    target(folder)


def _failure(folder, code):
    """Returns the error of a finished process; None if there is none."""
    if code == 0:
        return None
    log = folder / trial_folder.LOG
    log.touch()  # A process may end before it has one.
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    shown = " / ".join(line for line in lines[-_LINES_SHOWN:] if line.strip())
    return f"ended with {code}: {shown} (all of it: {log})"

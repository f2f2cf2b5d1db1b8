"""Trials on a Ray cluster; the search's folder must be on all its machines."""

import os
import pathlib

from bottlenet_tf.search import trial_folder
from bottlenet_tf.search.local_pool import LocalPool
from bottlenet_tf.validation import check

_WAIT_S = 60.0


class RayPool:
    """Runs trials as Ray tasks, as `LocalPool` does as processes.

    A task starts the trial in a process of its own, with `cpus` threads, in
    the folder that this process works in. Search folder, data and weights must
    therefore have the same paths on all machines, and `bottlenet_tf` must be
    installed on them.

    Args:
        address: Of the cluster: "auto", "local" for one on this machine, or
            host:port.
        workers: Trials at a time, on all machines together.
        cpus, gpus: That a trial asks the cluster for.

    Raises:
        ImportError: without Ray; it says what to install.
        ConnectionError: if there is no cluster.
    """

    def __init__(self, address, workers, cpus=1, gpus=0.0):
        try:
            import ray
        except ImportError as error:
            raise ImportError(
                "--ray_address needs Ray: pip install 'bottlenet_tf[search]' "
                f"({error}). Received: ray_address={address!r}"
            ) from error
        check(workers >= 1, "--workers must be positive.", workers=workers)
        ray.init(
            address=address,
            log_to_driver=False,
            include_dashboard=False if address == "local" else None,
        )
        self._ray = ray
        self.workers = workers
        self._task = ray.remote(num_cpus=cpus, num_gpus=gpus, max_retries=0)(
            _run
        )
        self._cpus = cpus
        self._running = {}

    @property
    def free(self):
        """How many more trials may be started."""
        return self.workers - len(self._running)

    def start(self, folder):
        """Starts the trial of a folder."""
        folder = pathlib.Path(folder).absolute()
        task = self._task.remote(str(folder), os.getcwd(), self._cpus)
        self._running[task] = folder

    def wait(self, timeout_s):
        """Returns `{folder: error or None}` of what ended, maybe nothing."""
        if not self._running:
            return {}
        ready, _ = self._ray.wait(list(self._running), timeout=timeout_s)
        ended = {}
        for task in ready:
            folder = self._running.pop(task)
            try:
                ended[folder] = self._ray.get(task)
            except self._ray.exceptions.RayError as error:
                ended[folder] = f"was lost by Ray: {error}"
        return ended

    def close(self):
        """Ends what is still running, and leaves the cluster."""
        for task in self._running:
            self._ray.cancel(task, force=True)
        self._running.clear()
        self._ray.shutdown()


def _run(folder, cwd, cpus):
    """Runs one trial on a machine of the cluster; returns its error or None."""
    folder = pathlib.Path(folder)
    request = folder / trial_folder.REQUEST
    if not request.is_file():
        return (
            f"{request} isn't to be seen from {os.uname().nodename}: --workdir "
            "must be on a file system that all machines share"
        )
    os.chdir(cwd)
    pool = LocalPool(1, cpus)
    try:
        pool.start(folder)
        while not (ended := pool.wait(_WAIT_S)):
            pass
    finally:
        pool.close()
    return ended[folder]

"""What runs a search's runs, and how they are waited for."""

import sys

from tqdm import tqdm

from bottlenet_tf.search import trial_folder
from bottlenet_tf.search.local_pool import LocalPool

_WAIT_S = 1.0


def make_pool(config):
    """Returns what runs a search's runs: this machine, or a Ray cluster."""
    if config.ray_address is None:
        return LocalPool(config.workers)
    from bottlenet_tf.search.ray_pool import RayPool

    return RayPool(
        config.ray_address,
        config.workers,
        config.trial_cpus,
        config.trial_gpus,
    )


def run_all(folders, pool, name):
    """Makes the runs that some folders ask for, as many at a time as may be.

    Args:
        folders: `pathlib.Path`s that hold a request each.
        pool: As `make_pool` returns it.
        name: Of the progress bar.

    Returns:
        `{folder: why}` of those that failed.
    """
    waiting, failed, running = list(folders), {}, 0
    with tqdm(total=len(waiting), desc=name, unit="run") as bar:
        while waiting or running:
            while waiting and pool.free:
                pool.start(waiting.pop(0))
                running += 1
            for folder, error in pool.wait(_WAIT_S).items():
                running -= 1
                bar.update()
                outcome = trial_folder.ended(folder, error)
                if outcome.error:
                    failed[folder] = outcome.error
                    bar.write(f"{folder}: {outcome.error}", sys.stderr)
    return failed

"""Pools of tests: runs that are made up, or made in the test's process."""

import concurrent.futures
import json
import math

from bottlenet_tf import training
from bottlenet_tf.common import formats
from bottlenet_tf.search import trial_folder
from tests.eager import eagerly


class Immediate:
    """A pool that makes each run as it is submitted.

    Args:
        fails: Names of folders whose run fails.
        stop_after: Runs after which the user interrupts.
    """

    def __init__(self, fails=(), stop_after=math.inf):
        self.fails, self.left, self.started = fails, stop_after, []

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        pass

    def submit(self, folder):
        if self.left == 0:
            raise KeyboardInterrupt
        self.left -= 1
        self.started.append(f"{folder.parent.name}/{folder.name}")
        future = concurrent.futures.Future()
        failed = folder.name in self.fails
        if not failed:
            self.make(folder)
        future.set_result("ended with -9" if failed else None)
        return future


class InProcess(Immediate):
    """Makes real runs, eagerly."""

    def make(self, folder):
        with eagerly():
            training.run(trial_folder.read_request(folder))


class MadeUp(Immediate):
    """Writes reports of runs that never were.

    A payload takes `channels / stride^2 * quality` times 10 bytes, and
    accuracy is 60 + 5 log2(bytes) percent.
    """

    def make(self, folder):
        config = trial_folder.read_request(folder)
        unit = config.unit
        size = 10.0 * unit.channels / unit.stride**2 * unit.quality
        figures = {
            "wire_bytes_mean": size,
            "accuracy": 60 + 5 * math.log2(size),
            "accuracy_drop": 32 - 5 * math.log2(size),
        }
        text = {
            "format": formats.REPORT,
            **dict.fromkeys(
                (
                    "mode", "backbone", "dataset", "dataset_fingerprint",
                    "num_images", "baseline_accuracy", "cloud_only",
                    "label_only", "untouched_sha256",
                )
            ),
            **figures,
            "measured_on": config.measure_on,
            "validation": figures,
            "flags": {"unit": {"quality": unit.quality}},
            "training": {"examples": 24 * config.epochs},
        }  # fmt: skip
        (folder / "report.json").write_text(json.dumps(text))

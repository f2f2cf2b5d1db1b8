"""Real trials on a real, local Ray."""

import dataclasses
import pathlib
import sys

import pytest

from bottlenet_tf.search import trial_folder
from bottlenet_tf.search.ray_pool import RayPool


def test_without_ray_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ImportError, match=r"bottlenet_tf\[search\]"):
        RayPool("local", 1)


@pytest.mark.ray
def test_two_trials_run_on_a_local_ray(tiny_config, tmp_path):
    pool = RayPool("local", workers=2)
    try:
        folders = [tmp_path / name for name in ("good", "bad")]
        for folder, split in zip(folders, ("cut", "nowhere"), strict=True):
            config = dataclasses.replace(
                tiny_config, workdir=str(folder), split=split
            )
            trial_folder.write_request(folder, config, (50, 90))
            pool.start(folder)
        assert pool.free == 0
        ended = {}
        while len(ended) < 2:
            ended.update(pool.wait(10))
    finally:
        pool.close()
    good, bad = folders
    assert ended[good] is None
    points = trial_folder.read_outcome(good).points
    assert [point.quality for point in points] == [50, 90]
    assert "ended with 1" in ended[bad]
    assert "split point" in ended[bad]


@pytest.mark.ray
def test_a_folder_that_the_cluster_cannot_see_is_told(tmp_path):
    pool = RayPool("local", workers=1)
    try:
        pool.start(tmp_path / "elsewhere")
        ended = {}
        while not ended:
            ended = pool.wait(10)
    finally:
        pool.close()
    assert (
        "must be on a file system that all machines share"
        in (ended[pathlib.Path(tmp_path / "elsewhere")])
    )

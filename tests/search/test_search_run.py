"""A search over trials that are made up, and one over real ones."""

import dataclasses
import json
import math
import pathlib
import re
import sys

import pytest

from bottlenet_tf import search, training
from bottlenet_tf.search import ground as ground_lib
from bottlenet_tf.search import trial_folder
from bottlenet_tf.search.config import SearchConfig
from bottlenet_tf.search.ground import FORMAT, Ground
from bottlenet_tf.search.trials import Point


@pytest.fixture
def config(tiny_config, tmp_path):
    """Two splits, four units, two qualities."""
    weights = tmp_path / "net.keras"
    weights.touch()
    base = dataclasses.replace(
        tiny_config,
        workdir=str(tmp_path / "search"),
        backbone_weights=str(weights),
    )
    return SearchConfig(
        base,
        splits=("conv", "cut"),
        channels=(1, 2),
        strides=(1, 2),
        qualities=(20, 60),
        trial_examples=32,
        rungs=1,
        reduction=4,
        search_images=8,
    )


class MadeUp:
    """A pool that makes outcomes of what it is asked for."""

    def __init__(self, free=1, fails=(), stop_after=math.inf):
        self.free, self.fails, self.left = free, fails, stop_after
        self.started, self.waiting = [], []

    def start(self, folder):
        if self.left == 0:
            raise KeyboardInterrupt
        self.left -= 1
        self.started.append(folder.name)
        self.waiting.append(folder)

    def wait(self, timeout_s):
        ended = {}
        for folder in self.waiting:
            if folder.name in self.fails:
                ended[folder] = "ended with -9"
                continue
            config, qualities = trial_folder.read_request(folder)
            points = [self._point(config.unit, q) for q in qualities]
            steps = config.max_steps or 0
            spent = {"examples": steps * config.batch_size, "seconds": 1.0}
            trial_folder.write_outcome(folder, points, spent)
            ended[folder] = None
        self.waiting = []
        return ended

    def _point(self, unit, quality):
        size = 10.0 * unit.channels / unit.stride**2 * quality
        return Point(quality, size, 60 + 5 * math.log2(size))

    def close(self):
        pass


@pytest.fixture
def ground(monkeypatch):
    made = Ground(("conv", "cut"), 24, num_classes=10, accuracy=92.0)
    monkeypatch.setattr(
        ground_lib, "measure", lambda config, root, dataset: made
    )
    return made


def test_each_split_gets_its_smallest_acceptable_unit(config, ground):
    results = search.run(config, MadeUp())
    # 60 + 5 log2(bytes) percent: 90 % is 64 B.
    for split in ("conv", "cut"):
        found = results["candidates"][split]
        assert found["searched"]["wire_bytes"] >= 64
        assert found["searched"]["accuracy"] >= 90
        assert found["measured"] == found["searched"]
        assert found["workdir"] == f"candidates/{split}"
    saved = json.loads((config_folder(config) / "results.json").read_text())
    assert saved == results


def config_folder(config):
    return pathlib.Path(config.base.workdir)


def test_the_exhaustive_search_trains_the_whole_grid(config, ground):
    config = dataclasses.replace(config, exhaustive=True)
    pool = MadeUp()
    results = search.run(config, pool)
    assert len(results["trials"]) == 2 * 4 * 2
    assert results["candidates"]["cut"]["searched"] == {
        "wire_bytes": 100.0,
        "accuracy": pytest.approx(93.2, abs=0.1),
    }


def test_a_killed_search_repeats_no_finished_trial(config, ground):
    first, second = MadeUp(stop_after=3), MadeUp()
    with pytest.raises(KeyboardInterrupt):
        search.run(config, first)
    whole = search.run(config, second)
    assert len(first.started) == 3
    assert not set(first.started) & set(second.started)
    again = MadeUp()
    assert search.run(config, again) == whole
    assert again.started == []


def test_a_failed_trial_is_told_and_the_search_goes_on(config, ground, capsys):
    failing = "cut_c1_s2_q60_r1"
    results = search.run(config, MadeUp(fails=(failing,)))
    assert results["candidates"]["cut"] is not None
    errors = {t["name"]: t["error"] for t in results["trials"] if t["error"]}
    assert errors == {failing: "ended with -9"}
    assert f"{failing} failed: ended with -9" in capsys.readouterr().err
    # Only on demand is it tried again.
    assert failing not in _started(config)
    retry = dataclasses.replace(config, retry_failed=True)
    assert failing in _started(retry)


def _started(config):
    pool = MadeUp()
    search.run(config, pool)
    return pool.started


def test_trials_of_a_rung_see_their_share(config, ground):
    search.run(config, MadeUp())
    trials = config_folder(config) / "trials"
    first, _ = trial_folder.read_request(trials / "cut_c2_s1_q60_r0")
    other, _ = trial_folder.read_request(trials / "cut_c1_s1_q60_r1")
    # A step of 8 images for the widest and for what is cut out of it; then
    # all 32, from the pretrained network.
    assert (first.max_steps, first.init_from) == (1, None)
    assert other.init_from.endswith("cut_c2_s1_q60_r0")
    assert other.init_partly
    assert other.first_epoch == 1  # Other images than the stem's.
    widest, _ = trial_folder.read_request(trials / "cut_c2_s1_q60_r1")
    assert widest.init_from == other.init_from
    assert not widest.init_partly
    (last,) = [p for p in trials.iterdir() if p.name.startswith("cut") and
               p.name.endswith("_r2")]  # fmt: skip
    final, qualities = trial_folder.read_request(last)
    assert final.max_steps == 4
    assert final.first_epoch == 0
    assert final.norm_batches == 3  # One epoch has no more.
    assert final.init_from is None
    assert qualities == (20, 60)
    assert final.data.max_validation == 8


def test_candidates_are_measured_on_all_images_without_training(config, ground):
    results = search.run(config, MadeUp())
    found = results["candidates"]["cut"]
    request, qualities = trial_folder.read_request(
        config_folder(config) / found["workdir"]
    )
    assert request.epochs == 0
    assert request.norm_batches == 0
    assert request.data.max_test == config.base.data.max_test
    assert request.unit.quality == found["quality"]
    assert qualities == (found["quality"],)


def test_trials_see_validation_images_and_what_is_kept_the_test_images(
    config, ground
):
    search.run(config, MadeUp())
    root = config_folder(config)
    for folder, part in (("trials", "validation"), ("candidates", "test")):
        requests = [
            trial_folder.read_request(trial)[0]
            for trial in trial_folder.all_in(root / folder)
        ]
        assert {request.measure_on for request in requests} == {part}


def test_a_search_goes_on_with_the_data_it_began_with(
    config, ground, tmp_path, image_folder
):
    folder = image_folder(tmp_path / "photos")
    data = dataclasses.replace(
        config.base.data, dataset=str(folder), max_train=None
    )
    base = dataclasses.replace(config.base, data=data)
    config = dataclasses.replace(config, base=base)
    search.run(config, MadeUp())
    (folder / "apple").rename(folder / "quince")
    with pytest.raises(ValueError, match="'apple' there, 'quince' here"):
        search.run(config, MadeUp())


def test_another_winner_replaces_the_candidate_measured_before(config, ground):
    best, _ = _kept_and_folder(config, MadeUp(fails=("cut_c1_s2_q60_r2",)))
    assert best["channels"] == 2
    retry = dataclasses.replace(config, retry_failed=True)
    best, folder = _kept_and_folder(retry, MadeUp())
    assert best["channels"] == 1
    assert best["measured"] == best["searched"]
    request, _ = trial_folder.read_request(folder)
    assert request.unit.channels == 1


def _kept_and_folder(config, pool):
    found = search.run(config, pool)["candidates"]["cut"]
    return found, config_folder(config) / found["workdir"]


def test_a_candidate_that_failed_is_measured_again_on_demand(config, ground):
    results = search.run(config, MadeUp(fails=("cut",)))
    assert results["candidates"]["cut"]["measured"] is None
    assert "cut" not in _started(config)
    retry = dataclasses.replace(config, retry_failed=True)
    again = search.run(retry, MadeUp())["candidates"]["cut"]
    assert again["measured"] == again["searched"]


def test_the_bar_counts_trials(config, ground, capsys):
    results = search.run(config, MadeUp())
    bars = re.findall(r"search: +(\d+)%.*?(\d+)/(\d+)", capsys.readouterr().err)
    made = len(results["trials"])
    assert bars[0] == ("0", "0", "16")  # 2 stems, 4 cuts, 2 finals, twice.
    assert bars[-1] == ("100", str(made), str(made))


def test_no_more_is_counted_than_was_announced(config, ground, capsys):
    base = dataclasses.replace(config.base, batch_size=24)
    config = dataclasses.replace(config, base=base, max_finals=1)
    results = search.run(config, MadeUp())
    at_most = int(
        re.search(r"At most ([\d,]+)", capsys.readouterr().out)[1].replace(
            ",", ""
        )
    )
    # A step of 24 images for each of 2 stems and 4 units, two for one of them.
    assert results["examples"] == at_most == 2 * (6 * 24 + 48)


def test_what_another_trial_left_under_the_same_name_is_not_taken(
    config, ground
):
    # The widest unit fails, and others are cut out of the next one. On a
    # larger machine that is done with the widest again: other trials.
    failed = "cut_c2_s1_q60_r0"
    search.run(config, MadeUp(fails=(failed,)))
    cut = config_folder(config) / "trials" / "cut_c1_s1_q60_r1"
    assert _start(cut) == "cut_c1_s1_q60_r0"
    retry = dataclasses.replace(config, retry_failed=True)
    pool = MadeUp()
    search.run(retry, pool)
    assert {failed, cut.name} <= set(pool.started)
    assert _start(cut) == failed


def test_a_moved_search_goes_on(config, ground, tmp_path):
    class StopsHalfWay(MadeUp):
        def start(self, folder):
            super().start(folder)
            if len(self.started) == 3:
                (folder / "config.json").write_text("half-written")
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search.run(config, StopsHalfWay())
    (half,) = config_folder(config).glob("trials/*/config.json")
    config_folder(config).rename(tmp_path / "moved")
    base = dataclasses.replace(config.base, workdir=str(tmp_path / "moved"))
    pool = MadeUp()
    results = search.run(dataclasses.replace(config, base=base), pool)
    assert results["candidates"]["cut"] is not None
    assert half.parent.name in pool.started
    assert not list(tmp_path.glob("moved/trials/*/config.json"))
    measured = {"conv", "cut"}
    assert len(set(pool.started) - measured) == len(results["trials"]) - 2


def test_what_failed_before_the_search_was_moved_is_made_anew(
    config, ground, tmp_path
):
    failing = "cut_c1_s1_q60_r1"
    search.run(config, MadeUp(fails=(failing, "conv")))
    old = config_folder(config)
    for trial in ("trials/" + failing, "candidates/conv"):
        (old / trial / "config.json").write_text("of the failed run")
    old.rename(tmp_path / "moved")
    base = dataclasses.replace(config.base, workdir=str(tmp_path / "moved"))
    moved = dataclasses.replace(config, base=base, retry_failed=True)
    results = search.run(moved, MadeUp())
    assert results["candidates"]["conv"]["measured"] is not None
    assert not list(tmp_path.glob("moved/*/*/config.json"))


def test_a_moved_final_goes_on_from_its_checkpoint(config, ground, tmp_path):
    search.run(config, MadeUp())
    (final,) = config_folder(config).glob("trials/cut*_r2")
    (final / "outcome.json").unlink()
    (final / "checkpoint").touch()
    config_folder(config).rename(tmp_path / "moved")
    base = dataclasses.replace(config.base, workdir=str(tmp_path / "moved"))
    pool = MadeUp()
    search.run(dataclasses.replace(config, base=base), pool)
    assert final.name in pool.started
    assert (tmp_path / "moved" / "trials" / final.name / "checkpoint").exists()


def test_what_began_with_a_trial_that_is_made_anew_is_too(config, ground):
    config = dataclasses.replace(config, rungs=2, reduction=2)
    failed = "cut_c2_s1_q60_r0"
    search.run(config, MadeUp(fails=(failed,)))
    trials = config_folder(config) / "trials"
    halved = list(trials.glob("cut*_r2"))
    assert halved
    retry = dataclasses.replace(config, retry_failed=True)
    pool = MadeUp()
    search.run(retry, pool)
    for folder in halved:
        assert folder.name in pool.started or not folder.exists()
    # All that is there began with what is there, and nothing else.
    for folder in trials.glob("cut*"):
        request, _ = trial_folder.read_request(folder)
        assert request.init_from is None or _start(folder) in pool.started


def test_results_that_are_no_longer_true_are_gone(config, ground):
    search.run(config, MadeUp())
    easy = dataclasses.replace(config, max_accuracy_loss=12.0)

    class StopsBeforeMeasuring(MadeUp):
        def start(self, folder):
            if folder.parent.name == "candidates":
                raise KeyboardInterrupt
            super().start(folder)

    with pytest.raises(KeyboardInterrupt):
        search.run(easy, StopsBeforeMeasuring())
    assert not (config_folder(config) / "results.json").exists()
    assert search.run(easy, MadeUp())["max_accuracy_loss"] == 12.0


def _start(folder):
    request, _ = trial_folder.read_request(folder)
    return pathlib.Path(request.init_from).name


def test_asked_for_another_loss_it_trains_only_what_is_new(config, ground):
    strict = search.run(config, MadeUp())
    pool = MadeUp()
    easy = search.run(dataclasses.replace(config, max_accuracy_loss=12.0), pool)
    for split in ("conv", "cut"):
        old, new = (found["candidates"][split] for found in (strict, easy))
        assert new["searched"]["wire_bytes"] < old["searched"]["wire_bytes"]
        assert new["measured"] == new["searched"]
    assert easy["least_accuracy"] == 80.0
    assert (strict["max_accuracy_loss"], easy["max_accuracy_loss"]) == (2, 12)
    assert easy["command"] == sys.argv
    # Stems and cuts are all there; the final may be another's.
    assert not any(name.endswith(("_r0", "_r1")) for name in pool.started)
    again = MadeUp()
    assert search.run(config, again) == strict
    assert set(again.started) <= {"conv", "cut"}


def test_where_nothing_is_acceptable_now_no_candidate_is_left(config, ground):
    config = dataclasses.replace(
        config, channels=(1,), strides=(2,), qualities=(20,),
        max_accuracy_loss=4.0,
    )  # fmt: skip
    # 50 B: 88.2 % of at least 88 %.
    _, folder = _kept_and_folder(config, MadeUp())
    assert folder.is_dir()
    strict = dataclasses.replace(config, max_accuracy_loss=3.0)
    results = search.run(strict, MadeUp())
    assert results["candidates"] == {"conv": None, "cut": None}
    assert not folder.exists()


def test_a_batch_beyond_the_training_images_is_refused(config, ground):
    base = dataclasses.replace(config.base, batch_size=25)
    with pytest.raises(ValueError, match="--batch_size.*num_train=24"):
        search.run(dataclasses.replace(config, base=base), MadeUp())


def test_a_search_of_other_flags_is_refused(config, ground):
    search.run(config, MadeUp())
    other = dataclasses.replace(config, channels=(1,))
    with pytest.raises(ValueError, match=r"search.json.*channels: \[1, 2\]"):
        search.run(other, MadeUp())
    other = dataclasses.replace(
        config, base=dataclasses.replace(config.base, learning_rate=0.5)
    )
    with pytest.raises(ValueError, match="learning_rate: 0.01 there, 0.5"):
        search.run(other, MadeUp())


@pytest.mark.parametrize("field", ["workers", "retry_failed", "max_finals"])
def test_what_changes_no_trial_may_differ(config, ground, field):
    search.run(config, MadeUp())
    value = type(getattr(config, field))(3)
    search.run(dataclasses.replace(config, **{field: value}), MadeUp())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "search.json is damaged"),
        ('{"format": "bottlenet_tf.search.0"}', "search.json must be of this"),
        ('{"format": "FORMAT", "config": {}}', "search.json lacks splits"),
    ],
)
def test_a_damaged_search_is_refused(config, ground, text, message):
    folder = config_folder(config)
    folder.mkdir()
    text = text.replace("FORMAT", FORMAT)
    (folder / "search.json").write_text(text)
    with pytest.raises(ValueError, match=message):
        search.run(config, MadeUp())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "outcome.json is damaged.*Remove its folder"),
        ('{"format": "x"}', "outcome.json must be of this version"),
        ('{"format": "FORMAT"}', "outcome.json lacks points"),
        (
            '{"format": "FORMAT", "points": [1], "examples": 1, '
            '"norm_examples": 0}',
            "points must hold quality",
        ),
    ],
)
def test_a_half_written_trial_is_named(config, ground, text, message):
    search.run(config, MadeUp())
    path = config_folder(config) / "trials" / "cut_c2_s1_q60_r0"
    text = text.replace("FORMAT", trial_folder.FORMAT)
    (path / "outcome.json").write_text(text)
    with pytest.raises(ValueError, match=message):
        search.run(config, MadeUp())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_accuracy_loss": -1.0}, "--max_accuracy_loss"),
        ({"workers": 0}, "--workers"),
        ({"search_images": 0}, "--search_images"),
        ({"channels": (0,)}, "--channel_grid"),
        ({"reduction": 1}, "--reduction"),
    ],
)
def test_impossible_searches_are_refused(config, changes, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(config, **changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mode": "naive"}, "--mode must be aware or frozen"),
        (
            {"backbone": "cifar_resnet20", "backbone_weights": None},
            "--backbone_weights must name a trained",
        ),
        ({"byte_budget": 100.0}, "--byte_budget is not for a search"),
    ],
)
def test_flags_that_a_search_decides_are_refused(config, changes, message):
    with pytest.raises(ValueError, match=message):
        SearchConfig(dataclasses.replace(config.base, **changes))


@pytest.mark.slow
def test_real_trials_make_runs_that_can_be_exported(config, tmp_path):
    baseline = dataclasses.replace(
        config.base,
        mode="baseline",
        backbone_weights=None,
        workdir=str(tmp_path / "base"),
    )
    training.run(baseline)
    base = dataclasses.replace(config.base, backbone_weights=baseline.workdir)
    config = dataclasses.replace(
        config, base=base, splits=("cut",), max_accuracy_loss=100.0
    )
    results = search.run(config)
    assert not [t for t in results["trials"] if t["error"]]
    found = results["candidates"]["cut"]
    folder = config_folder(config) / found["workdir"]
    report = json.loads((folder / "report.json").read_text())
    assert report["flags"]["unit"]["quality"] == found["quality"]
    assert (report["measured_on"], report["num_images"]) == ("test", 16)
    assert report["validation"]["num_images"] == 16
    assert training.load_model(folder).unit.codec.quality == found["quality"]

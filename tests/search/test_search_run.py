"""A search over trials that are made up, and one over real ones."""

import dataclasses
import json
import pathlib
import re
import sys

import pytest

from bottlenet_tf import search, training
from bottlenet_tf.search import baseline as baseline_lib
from bottlenet_tf.search import trial_folder
from bottlenet_tf.search.baseline import FORMAT, Baseline
from bottlenet_tf.search.config import SearchConfig
from tests.search.made_up import MadeUp


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
        search_images=8,
    )


@pytest.fixture(autouse=True)
def baseline(monkeypatch):
    """The unsplit network has 92 %; 60 + 5 log2(bytes) is 90 % at 64 B."""
    made = Baseline(("conv", "cut"), 24, num_classes=10, accuracy=92.0)
    monkeypatch.setattr(
        baseline_lib, "measure", lambda config, root, dataset: made
    )


def root_of(config):
    return pathlib.Path(config.base.workdir)


def started(config, **changes):
    """Returns the names of what a search starts."""
    pool = MadeUp()
    search.run(dataclasses.replace(config, **changes), pool)
    return [name.split("/")[1] for name in pool.started]


def moved(config, folder):
    """Returns the search after its folder was moved."""
    root_of(config).rename(folder)
    base = dataclasses.replace(config.base, workdir=str(folder))
    return dataclasses.replace(config, base=base)


@pytest.mark.parametrize("exhaustive, trials", [(False, 2 * 3), (True, 2 * 8)])
def test_each_split_keeps_its_smallest_acceptable_unit(
    config, exhaustive, trials
):
    config = dataclasses.replace(config, exhaustive=exhaustive)
    results = search.run(config, MadeUp())
    assert len(results["trials"]) == trials
    for split in ("conv", "cut"):
        found = results["candidates"][split]
        # 10 x 2 / 4 x 20 = 100 B at quality 20; 1 / 4 x 60 is 150 B.
        assert (found["channels"], found["stride"]) == (2, 2)
        assert found["searched"]["wire_bytes"] == 100.0
        assert found["measured"] == found["searched"]
        assert found["workdir"] == f"candidates/{split}"
    saved = json.loads((root_of(config) / "results.json").read_text())
    assert saved == results


def test_a_killed_search_repeats_no_finished_trial(config):
    first, second = MadeUp(stop_after=3), MadeUp()
    with pytest.raises(KeyboardInterrupt):
        search.run(config, first)
    whole = search.run(config, second)
    assert len(first.started) == 3
    assert not set(first.started) & set(second.started)
    again = MadeUp()
    assert search.run(config, again) == whole
    assert again.started == []


def test_a_failed_trial_is_reported_and_the_search_goes_on(config, capsys):
    failing = "cut_c2_s2_q20"
    results = search.run(config, MadeUp(fails=(failing,)))
    assert results["candidates"]["cut"]["channels"] == 1
    errors = {t["name"]: t["error"] for t in results["trials"] if t["error"]}
    assert errors == {failing: "ended with -9"}
    assert f"{failing} failed: ended with -9" in capsys.readouterr().err
    # Only on demand is it repeated, and then another candidate is kept.
    assert failing not in started(config)
    assert {failing, "cut"} <= set(started(config, retry_failed=True))
    request = trial_folder.read_request(root_of(config) / "candidates" / "cut")
    assert request.unit.channels == 2


def test_trials_see_validation_images_and_what_is_kept_the_test_images(config):
    results = search.run(config, MadeUp())
    root = root_of(config)
    trials = [
        trial_folder.read_request(root / "trials" / trial["name"])
        for trial in results["trials"]
    ]
    assert {trial.measure_on for trial in trials} == {"validation"}
    assert {trial.data.max_validation for trial in trials} == {8}
    found = results["candidates"]["cut"]
    kept = trial_folder.read_request(root / found["workdir"])
    assert (kept.measure_on, kept.epochs, kept.norm_batches) == ("test", 0, 0)
    assert kept.data == config.base.data
    assert kept.init_from.endswith(found["trial"])
    assert kept.unit.quality == found["quality"]


def test_a_search_keeps_the_data_it_began_with(config, tmp_path, image_folder):
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


def test_a_candidate_that_failed_is_measured_again_on_demand(config):
    results = search.run(config, MadeUp(fails=("cut",)))
    assert results["candidates"]["cut"]["measured"] is None
    assert "cut" not in started(config)
    assert started(config, retry_failed=True) == ["cut"]


def test_the_bar_counts_trials(config, capsys):
    results = search.run(config, MadeUp())
    bars = re.findall(r"search: +(\d+)%.*?(\d+)/(\d+)", capsys.readouterr().err)
    made = len(results["trials"])
    assert bars[0] == ("0", "0", "10")  # 4 units + 2 qualities - 1, twice.
    assert bars[-1] == ("100", str(made), str(made))


def test_a_moved_search_is_resumed(config, tmp_path):
    class StopsHalfWay(MadeUp):
        def make(self, folder):
            super().make(folder)
            if len(self.started) == 3:
                (folder / "report.json").unlink()
                raise KeyboardInterrupt

    first = StopsHalfWay()
    with pytest.raises(KeyboardInterrupt):
        search.run(config, first)
    pool = MadeUp()
    results = search.run(moved(config, tmp_path / "moved"), pool)
    assert results["candidates"]["cut"] is not None
    assert first.started[-1] in pool.started
    assert not set(first.started[:-1]) & set(pool.started)


def test_stale_results_are_removed_before_candidates_are_measured(config):
    class StopsBeforeMeasuring(MadeUp):
        def submit(self, folder):
            if folder.parent.name == "candidates":
                raise KeyboardInterrupt
            return super().submit(folder)

    search.run(config, MadeUp())
    easy = dataclasses.replace(config, max_accuracy_loss=12.0)
    with pytest.raises(KeyboardInterrupt):
        search.run(easy, StopsBeforeMeasuring())
    assert not (root_of(config) / "results.json").exists()
    assert search.run(easy, MadeUp())["max_accuracy_loss"] == 12.0


def test_asked_for_another_loss_it_trains_only_what_is_new(config):
    strict = search.run(config, MadeUp())
    pool = MadeUp()
    easy = search.run(dataclasses.replace(config, max_accuracy_loss=8.0), pool)
    for split in ("conv", "cut"):
        old, new = (found["candidates"][split] for found in (strict, easy))
        assert new["searched"]["wire_bytes"] < old["searched"]["wire_bytes"]
    assert (strict["max_accuracy_loss"], easy["max_accuracy_loss"]) == (2, 8)
    assert easy["command"] == sys.argv
    again = MadeUp()
    search.run(config, again)
    assert set(again.started) <= {"candidates/conv", "candidates/cut"}


def test_where_nothing_is_acceptable_no_candidate_is_left(config):
    search.run(config, MadeUp())
    for part in root_of(config).glob("trials/*/report.json"):
        part.unlink()
        failure = {"format": trial_folder.FORMAT, "error": "lost"}
        (part.parent / "failure.json").write_text(json.dumps(failure))
    fails = [f"{split}_c{c}_s{s}_q60" for split in ("conv", "cut")
             for c in (1, 2) for s in (1, 2)]  # fmt: skip
    results = search.run(config, MadeUp(fails=fails))
    assert results["candidates"] == {"conv": None, "cut": None}
    assert not list((root_of(config) / "candidates").iterdir())


def test_a_search_of_other_flags_is_refused(config):
    search.run(config, MadeUp())
    with pytest.raises(ValueError, match="search.json.*--channel_grid=1,2 th"):
        started(config, channels=(1,))
    other = dataclasses.replace(config.base, learning_rate=0.5)
    with pytest.raises(ValueError, match="--learning_rate=0.01 there, "):
        started(config, base=other)


@pytest.mark.parametrize("field", ["workers", "retry_failed", "exhaustive"])
def test_what_changes_no_trial_may_differ(config, field):
    search.run(config, MadeUp())
    started(config, **{field: type(getattr(config, field))(3)})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "search.json is damaged"),
        ('{"format": "bottlenet_tf.search.0"}', "search.json must be of this"),
        ('{"format": "FORMAT", "config": {}}', "search.json lacks splits"),
    ],
)
def test_a_damaged_search_is_refused(config, text, message):
    root_of(config).mkdir()
    text = text.replace("FORMAT", FORMAT)
    (root_of(config) / "search.json").write_text(text)
    with pytest.raises(ValueError, match=message):
        search.run(config, MadeUp())


@pytest.mark.parametrize("text", ["{", '{"format": "x"}'])
def test_a_damaged_trial_is_named(config, text):
    search.run(config, MadeUp())
    path = root_of(config) / "trials" / "cut_c2_s2_q20" / "report.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=f"{path}.*Remove its folder"):
        search.run(config, MadeUp())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_accuracy_loss": -1.0}, "--max_accuracy_loss"),
        ({"workers": 0}, "--workers"),
        ({"search_images": 0}, "--search_images"),
        ({"channels": (0,)}, "--channel_grid must be at least 1"),
        ({"strides": ()}, "--stride_grid must name a value"),
        ({"qualities": (20, 20)}, "--quality_grid must not name.*twice"),
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
        ({"byte_budget": 100.0}, "--byte_budget can't be set for a search"),
    ],
)
def test_flags_that_a_search_decides_are_refused(config, changes, message):
    with pytest.raises(ValueError, match=message):
        SearchConfig(dataclasses.replace(config.base, **changes))


@pytest.mark.slow
def test_real_trials_make_runs_that_can_be_exported(
    config, tmp_path, monkeypatch
):
    monkeypatch.undo()  # The network is measured.
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
    folder = root_of(config) / found["workdir"]
    report = json.loads((folder / "report.json").read_text())
    assert report["flags"]["unit"]["quality"] == found["quality"]
    assert (report["measured_on"], report["num_images"]) == ("test", 16)
    assert report["validation"]["num_images"] == 16
    assert training.load_model(folder).unit.codec.quality == found["quality"]

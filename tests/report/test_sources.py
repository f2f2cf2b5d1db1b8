"""What a report is read from, and what it refuses."""

import json
import shutil

import pytest

from bottlenet_tf import report
from bottlenet_tf.report import modes

SEARCH, RESULTS = "search.json", "results.json"
RUN = "candidates/early/report.json"
CHOSEN, MODES = "selection.json", "figure7.json"


def test_a_whole_search_is_read(chosen):
    found = report.read(chosen)
    assert found.search.splits == ("early", "late", "never")
    assert list(found.runs) == ["early", "late"]
    assert found.search.results.trials[-1].error == "ended with -9"
    assert found.selection.decisions[0].link.name == "3g"
    assert str(found.modes.unit) == "late (c'=2, s=4)"
    assert found.modes.points["naive"] == [(1, 40, 10.0), (90, 89, 900.0)]
    assert list(found.missing) == ["profiles"]


def test_decisions_are_read_back_as_they_were(chosen):
    decision = report.read(chosen).selection.decisions[0]
    # 3g: 400 B at 1.1 Mbit/s take 2.909 ms; 2 + 0.5 + 0.1 + 0.8 ms compute.
    cost = decision.costs[0]
    assert cost.uplink_ms == pytest.approx(3200 / 1100)
    assert cost.latency_ms == pytest.approx(3.4 + 3200 / 1100)
    found = decision.break_even
    assert found["early"] == pytest.approx(10 - 3.4 - 3200 / 1100)
    # 9.7 + 0.7 ms; 10 ms and a byte.
    assert (found["late"], found["label-only"]) == ("always", "always")
    assert found["mobile-only"] is None


def test_a_split_is_chosen_by_its_validation_bytes(chosen, change):
    change(chosen / RUN, "wire_bytes_mean", 377.0)
    change(chosen / RESULTS, "candidates.early.measured.wire_bytes", 377.0)
    found = report.read(chosen)
    assert found.runs["early"].wire_bytes == 377.0
    cost = found.selection.decisions[0].costs[0]
    assert cost.choice.sent_bytes == 400.0


def test_what_was_not_measured_is_read_back(unwhole):
    decision = report.read(unwhole).selection.decisions[0]
    assert decision.uncompared == ("mobile-only",)
    assert decision.break_even["early"] is None


def test_splits_stand_in_the_network_s_order(chosen, change):
    file = chosen / CHOSEN
    splits = json.loads(file.read_text())["decisions"][0]["splits"]
    change(file, "decisions.0.splits", splits[::-1])
    costs = report.read(chosen).selection.decisions[0].costs
    assert [cost.choice.split for cost in costs] == ["early", "late"]


def test_what_is_not_there_is_reported_with_its_command(search):
    missing = report.read(search).missing
    told = f"bottlenet-select --runs={search / 'candidates'} "
    assert told in missing["selection"]
    assert f"--out={search / CHOSEN}." in missing["selection"]
    assert "bottlenet_tf.cli.figure7" in missing["modes"]


@pytest.mark.parametrize("name", ["selection", "modes"])
def test_a_named_file_must_be_there(search, tmp_path, name):
    with pytest.raises(FileNotFoundError, match="nowhere.json must exist"):
        report.read(search, **{name: tmp_path / "nowhere.json"})


_FIRST = "decisions.0."
_SPLIT = _FIRST + "splits.0."
_BAD = [
    (SEARCH, "format", "bottlenet_tf.search.0", "format='bottlenet_tf.*h.3'"),
    (SEARCH, "accuracy", "high", "'accuracy' must be .float., got .str"),
    (RESULTS, "format", "bottlenet_tf.search.0", "format='bottlenet_tf.*h.3'"),
    (RESULTS, "max_accuracy_loss", -1, "max_accuracy_loss'"),
    (RESULTS, "candidates.late", 5, "'candidates.late' must be .*late=5"),
    (RESULTS, "candidates.odd", {}, "'candidates.odd.channels' is missing"),
    (RESULTS, "trials.0.points.0.wire_bytes", -1,
     r"'trials\[0\].points\[0\].wire_bytes'"),
    (RESULTS, "trials.0.points", [1], r"'trials\[0\].points\[0\]' must be"),
    (RUN, "format", "bottlenet_tf.report.1", "format='bottlenet_tf.report.3'"),
    (RUN, "wire_bytes_mean", -400,
     "'wire_bytes_mean' must be .*>= 0.0. Received: wire_bytes_mean=-400"),
    (RUN, "wire_bytes_mean", 401, "must be that of .*results.json"),
    (RUN, "wire_bytes_mean", float("inf"), "must be .float. <= 1.79"),
    (RUN, "accuracy", float("nan"), "'accuracy' must be"),
    (RUN, "accuracy", 101, "'accuracy'.*<= 100"),
    (RUN, "split", "late", "'split' must be 'early'"),
    (RUN, "backbone", "other", "'backbone' must be that of .*early"),
    (RUN, "dataset_fingerprint", "x", "'dataset_fingerprint' must be"),
    (RUN, "cloud_only.1.bytes", -1, r"'cloud_only\[1\].bytes'.*: bytes=-1"),
    (RUN, "points", [{"wire_bytes_mean": 0}], r"'points\[0\].wire_bytes_mean'"),
    (RUN, "points", 5, "'points' must be .array"),
    (RUN, "flags", {}, "'flags.unit' is missing"),
    (RUN, "tuned_rivals", {}, "'tuned_rivals.points' is missing"),
    (CHOSEN, "format", "x", "this version, format='bottlenet_tf.selection"),
    (CHOSEN, "format", "bottlenet_tf.selection.2",
     "selection.3'. bottlenet-select rewrites it"),
    (CHOSEN, _FIRST + "link.uplink_mbps", -1.1,
     r"'decisions\[0\].link': --uplink_mbps must be positive"),
    (CHOSEN, "decisions.1.splits.0.device_ms", -2,
     r"'decisions\[1\].splits\[0\].device_ms' must be .*>= 0.0"),
    (CHOSEN, _SPLIT + "choice.split", "other",
     "choice.split' must be one of the runs: early, late"),
    (CHOSEN, _SPLIT + "choice.sent_bytes", 1.0,
     "choice.sent_bytes' must be 400.0, wire_bytes_mean on validation"),
    (CHOSEN, _SPLIT + "choice.accuracy", 101, "choice.accuracy' must be"),
    (CHOSEN, _SPLIT + "on_air_bytes", 399.0,
     r"splits\[0\].on_air_bytes' must be 400.0, sent_bytes and the link"),
    (CHOSEN, _FIRST + "link.message_overhead_bytes", 154,
     r"splits\[0\].on_air_bytes' must be 554.0"),
    (CHOSEN, _FIRST + "references.0.on_air_bytes", 1.0,
     r"references\[0\].on_air_bytes' must be 0.0"),
    (CHOSEN, _SPLIT + "break_even_rtt_ms", "soon",
     r"splits\[0\].break_even_rtt_ms'.*: break_even_rtt_ms='soon'"),
    (CHOSEN, _FIRST + "references.1.break_even_rtt_ms", -1.0,
     r"references\[1\].break_even_rtt_ms' must be"),
    (CHOSEN, _FIRST + "winner", "no", "winner' must be one of early, late"),
    (CHOSEN, _FIRST + "best", "no", "best' must be one of early, late, mob"),
    (CHOSEN, _FIRST + "goal.latency_weight", 0,
     r"selection.json: field 'decisions\[0\].goal': --latency"),
    (CHOSEN, _FIRST + "goal.deadline_ms", -5.0,
     r"'decisions\[0\].goal': --deadline_ms must be positive"),
    (CHOSEN, _FIRST + "limits.min_accuracy", "high",
     r"'decisions\[0\].limits.min_accuracy' must be"),
    (CHOSEN, _SPLIT + "choice.point", -1, "choice.point' must be .int. >= 0"),
    (CHOSEN, _SPLIT + "choice.spread", {"p95": 1.0},
     "choice.spread.p99' is missing"),
    (CHOSEN, _FIRST + "sensitivity.0.winner", "no",
     r"sensitivity\[0\].winner' must be one of early, late"),
    (CHOSEN, _FIRST + "sensitivity.0.latency_ms", None,
     r"sensitivity\[0\].latency_ms' must be"),
    (CHOSEN, _FIRST + "between.early.value", "few",
     "between.early.value' must be .*value='few'"),
    (MODES, "points.0.mode", "odd", r"'points\[0\].mode'.*: mode='odd'"),
    (MODES, "points.0.accuracy", -1, r"'points\[0\].accuracy'"),
    (MODES, "points", [], "points' must be of both modes, but aware"),
    (MODES, "format", "x", "of this version, .*runs again.*='x'"),
    (MODES, "backbone", "other", "'backbone' must be the search's, 'tin"),
    (MODES, "dataset", "other", "'dataset' must be the search's"),
    (MODES, "dataset_fingerprint", "x", "'dataset_fingerprint' must be"),
    (MODES, "unit.channels", 0, "'unit.channels' must be"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "path", "value", "message"), _BAD)
def test_bad_files_are_named_with_the_field(
    chosen, change, file, path, value, message
):
    change(chosen / file, path, value)
    with pytest.raises(ValueError, match=message) as error:
        report.read(chosen)
    assert file.split("/")[-1] in str(error.value)


@pytest.mark.parametrize(
    ("file", "path", "message"),
    [
        (SEARCH, "splits", "search.json: field 'splits' is missing"),
        (RESULTS, "candidates.late", "'candidates.late' is missing"),
        (RUN, "accuracy", "report.json: field 'accuracy' is missing"),
        (MODES, "unit.split", "'unit.split' is missing"),
        (MODES, "format", "cli.figure7, with the same flags, rewrites it"),
        (
            CHOSEN,
            _FIRST + "splits.1",
            r"splits' must be complete, .* late is m",
        ),
    ],
)
def test_a_missing_field_or_split_is_named(chosen, drop, file, path, message):
    drop(chosen / file, path)
    with pytest.raises(ValueError, match=message):
        report.read(chosen)


@pytest.mark.parametrize("file", [SEARCH, RESULTS, RUN, CHOSEN, MODES], ids=str)
def test_half_written_files_are_named(chosen, file):
    path = chosen / file
    path.write_text(path.read_text()[:-20])
    with pytest.raises(ValueError, match=path.name):
        report.read(chosen)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (b"[1]", r"figure7.json must be of this version.*format='list'"),
        (b'{"a": "\xff"}', "figure7.json is damaged"),
    ],
)
def test_what_is_no_json_object_is_refused(search, written, message):
    (search / MODES).write_bytes(written)
    with pytest.raises(ValueError, match=message):
        report.read(search)


def test_an_unfinished_search_says_what_finishes_it(search):
    (search / RESULTS).unlink()
    with pytest.raises(FileNotFoundError, match="bottlenet-search, with the"):
        report.read(search)


def test_a_comparison_of_another_network_is_refused_without_runs(
    chosen, change
):
    for split in ("early", "late"):
        change(chosen / RESULTS, f"candidates.{split}", None)
    (chosen / CHOSEN).unlink()
    change(chosen / MODES, "backbone", "/nets/tiny")
    caption = modes.picture(report.read(chosen).modes).caption
    assert "One network, tiny split after late" in caption
    change(chosen / MODES, "backbone", "other")
    with pytest.raises(ValueError, match="figure7.json: field 'backbone'"):
        report.read(chosen)


def test_a_network_of_a_file_has_one_path_in_all_files(chosen, change):
    change(chosen / SEARCH, "config.base.backbone", "/nets/tiny")
    with pytest.raises(ValueError, match="'backbone' must be that of .*search"):
        report.read(chosen)
    for split in ("early", "late"):
        run = chosen / "candidates" / split / "report.json"
        change(run, "backbone", "/nets/tiny")
    with pytest.raises(ValueError, match="figure7.json: field 'backbone'"):
        report.read(chosen)
    change(chosen / MODES, "backbone", "/nets/tiny")
    assert report.read(chosen).search.backbone == "tiny"


def test_a_comparison_tells_the_machine_of_its_runs(chosen, change):
    origin = report.read(chosen).modes.origin
    assert (origin.machine, origin.versions) == ("", {})
    for name in ("naive", "aware_1"):
        shutil.copytree(chosen / "candidates" / "late", chosen / name)
    change(chosen / "aware_1/report.json", "versions.python", "3.12")
    origin = report.read(chosen).modes.origin
    assert origin.machine == "Test CPU, 2 cores"
    assert origin.versions["python"] == "3.11 and 3.12"


def test_the_server_s_share_is_the_tail_s_own(search, macs):
    # Three blocks of 333 of the network's 1000, and 100 of the unit.
    found = report.read(search, profiles=(search / "phone.csv", macs))
    assert found.server_shares == {"early": 0.767, "late": 0.434}
    without = report.read(search, profiles=(search / "phone.csv",))
    assert without.server_shares == {}


def test_a_candidate_that_failed_is_no_run(search, change):
    change(search / RESULTS, "candidates.early.measured", None)
    shutil.rmtree(search / "candidates" / "early")
    found = report.read(search).search
    assert list(found.candidates) == ["early", "late"]
    assert list(found.runs) == ["late"]


def test_profiles_of_another_network_are_refused(search):
    phone, server = search / "phone.csv", search / "server.csv"
    text = server.read_text()
    server.write_text(text.replace("network=tiny", "network=huge"))
    with pytest.raises(ValueError, match="field 'network' is 'tiny'.*server"):
        report.read(search, profiles=(phone, server))
    with pytest.raises(ValueError, match="server.csv: field 'network' must"):
        report.read(search, profiles=(server,))


def test_a_profile_without_a_split_is_refused(search):
    path = search / "phone.csv"
    lines = [n for n in path.read_text().splitlines() if "late" not in n]
    path.write_text("\n".join(lines))
    with pytest.raises(ValueError, match="phone.csv: field 'splits'.*late"):
        report.read(search, profiles=(path,))


def test_a_folder_of_runs_is_read_without_a_search(units):
    found = report.read(units)
    assert found.search is None
    assert list(found.runs) == ["jpeg_q20", "jpeg_q60", "learned"]
    unit = found.runs["learned"].unit
    assert (unit.split, unit.mode, unit.kind) == ("late", "frozen", "learned")
    assert unit.points == ((200.0, 89.5), (100.0, 88.0), (50.0, 82.0))
    assert unit.default == (100.0, 88.0)
    # Of a report without operating points.
    assert found.runs["jpeg_q20"].unit.points == ((150.0, 82.0),)
    assert list(report.read(units / "learned").runs) == ["learned"]


def test_no_run_is_lost_where_names_of_models_are_the_same(units):
    for name in ("a b", "a_b"):
        shutil.copytree(units / "learned", units / name)
    names = ["a b", "a_b", "jpeg_q20", "jpeg_q60", "learned"]
    assert list(report.read(units).runs) == names


def test_a_run_that_is_compared_with_itself_is_there_once(units):
    found = report.read(units, against=[units / "learned"])
    assert [run.name for run in found.all_runs] == list(found.runs)


def test_a_run_without_a_unit_is_passed_over(units, change):
    path = units / "jpeg_q20" / "report.json"
    change(path, "split", None)
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "wire_bytes_mean": None}))
    assert len(report.read(units).runs) == 2
    with pytest.raises(ValueError, match="Runs with a unit.*jpeg_q20"):
        report.read(units / "learned", against=[units / "jpeg_q20"])


@pytest.mark.parametrize("is_search", [True, False])
def test_units_of_another_network_are_not_compared_with(
    search, units, change, is_search
):
    change(units / "jpeg_q20" / "report.json", "baseline_accuracy", 91.0)
    root = search if is_search else units / "learned"
    with pytest.raises(ValueError, match="'baseline_accuracy' must be that"):
        report.read(root, against=[units / "jpeg_q20"])


def test_a_folder_of_runs_takes_no_comparison_of_a_search(units, tmp_path):
    with pytest.raises(ValueError, match="a folder of runs has none.*x.json"):
        report.read(units, modes=tmp_path / "x.json")


def test_points_are_read_back_as_they_were_chosen_from(curved):
    first, second = report.read(curved).selection.decisions
    points = [(c.choice.split, c.choice.point) for c in first.costs]
    assert points == [(s, i) for s in ("early", "late") for i in (0, 1, 2)]
    # 3g: 200 B less at early's point 1 save 1.45 ms; wifi chooses the same.
    assert first.winner.choice.name == "early at point 1"
    assert first.winner.choice.spread.p95 == 201.0
    assert first.costs[2].choice.finer_accuracy == 88.0
    assert first.limits.min_accuracy == 87.0
    assert [c.choice.point for c in second.shown] == [1, 1]
    # From 50 B at 82 % to 200 at 88: five sixths of two doublings.
    figure = first.between["early"]
    assert figure.value == pytest.approx(50 * 4 ** (5 / 6))


def test_a_deadline_and_its_misses_are_read_back(curved, choose_by):
    choose_by(curved, ("3g",), deadline_ms=4.0)
    (decision,) = report.read(curved).selection.decisions
    # 3.4 ms, and 0.36 for the fewest bytes: refused for its accuracy.
    assert decision.goal.deadline_ms == 4.0
    assert decision.winner is None
    winners = {s.rate_factor: s.winner for s in decision.scenarios}
    assert winners[1.0] is None


def test_every_point_of_a_run_must_be_there(curved, drop):
    drop(curved / CHOSEN, "decisions.0.splits.1")
    with pytest.raises(
        ValueError, match="must be complete.* point 1 of early is miss"
    ):
        report.read(curved)


def test_a_point_of_another_size_is_refused(curved, change):
    change(curved / CHOSEN, "decisions.1.splits.1.choice.sent_bytes", 400.0)
    with pytest.raises(ValueError, match="200.0, .* at point 1 in .*early"):
        report.read(curved)


def test_a_point_that_test_images_never_met_is_refused(curved, change):
    path = curved / "candidates" / "late" / "report.json"
    points = json.loads(path.read_text())["points"]
    change(path, "points", points[:2])
    with pytest.raises(ValueError, match="point' must be one of the 2 of"):
        report.read(curved)


def test_a_folder_of_runs_may_have_a_selection(chosen_units):
    found = report.read(chosen_units)
    (decision,) = found.selection.decisions
    assert decision.winner.choice.name == "learned at point 1"
    assert list(found.missing) == ["profiles"]
    profiles = (chosen_units / "phone.csv", chosen_units / "server.csv")
    assert report.read(chosen_units, profiles=profiles).missing == {}


def test_a_selection_must_be_among_all_runs_of_the_folder(chosen_units):
    shutil.copytree(chosen_units / "jpeg_q20", chosen_units / "jpeg_new")
    with pytest.raises(ValueError, match="jpeg_new is missing"):
        report.read(chosen_units)

"""The page of runs without a search, and tables of curves on both pages."""

import json
import re
import shutil

import pytest

from bottlenet_tf import report
from bottlenet_tf.report import page
from tests.report import rendered
from tests.report.test_page import Tags


def _cells(blocks):
    """Returns the header and rows of the first table among blocks."""
    return next(block.rows for block in blocks if block.kind == "table")


def _section(sources, name):
    """Returns the blocks of a section of the page, None if there is none."""
    return rendered.sections(sources).get(name)


def _curves(runs, against=()):
    """Returns the blocks of the tables of curves."""
    return rendered.macro("macros.html", "curves", runs, against)


def _lead(sources):
    (lead,) = rendered.texts(rendered.sections(sources)[""], "p")
    return lead


@pytest.fixture
def runs(units):
    return list(report.read(units).runs.values())


def test_a_learned_unit_stands_beside_rivals_and_jpeg_units(runs):
    blocks = _curves(runs)
    assert rendered.texts(blocks, "h3")[1] == "late frozen, learned unit"
    header, two, one, half, rates, between = _cells(blocks[2:])
    assert header == ["points lost", "wire B", "JPEG", "WebP", "JPEG unit"]
    # 88 and 89.5 % are measured. JPEG from 150 B at 60 to 900 at 89.5, its
    # unit from 150 at 82 to 600 at 89.5: 150 * 4 ** 0.8.
    assert two == ["2", "100", "822", "≤ 600", "455"]
    assert half[:3] == ["0.5", "200", "900"]
    # 89 %: two thirds of a doubling.
    assert one[1] == "159"
    assert rates[1:] == ["", rates[2], "–", rates[4]]
    assert float(rates[2]) < float(rates[4]) < 0
    assert between[-1] == "82.0–89.5"


def test_units_may_be_given_to_compare_with(runs):
    learned, jpeg = runs[2:], runs[:2]
    assert "JPEG unit" not in _cells(_curves(learned))[0]
    header, two, *_ = _cells(_curves(learned, jpeg))
    assert (header[-1], two[-1]) == ("JPEG unit", "455")


def test_tuned_rivals_have_a_column(units, change):
    tuned = {
        "codec": "webp", "quality": 20, "side": 32, "bytes": 300.0,
        "accuracy": 87.5,
    }  # fmt: skip
    path = units / "learned" / "report.json"
    change(path, "tuned_rivals", {"points": [tuned]})
    found = report.read(units / "learned").runs.values()
    rows = _cells(_curves(list(found)))
    assert rows[0][-1] == "tuned WebP"
    # From 300 bytes at 87.5 to the untouched network's 600 at 88.5.
    assert rows[1][-1] == "424"


def test_units_of_one_point_at_different_splits_have_no_table(search):
    runs = list(report.read(search).runs.values())
    assert _curves(runs) == []
    assert _section(report.read(search), "points") is None


def test_the_default_point_is_stressed(runs):
    _, table = rendered.macro("macros.html", "points", runs[-1])
    (marked,) = table.marked
    cells = table.rows[1 + marked]
    assert cells[:2] == ["1", "100"] and cells[-1] == "2.00"


def test_high_bytes_stand_beside_the_mean(units):
    rate = _section(report.read(units), "rate")
    header, jpeg, _, learned = _cells(rate)
    assert header[2:6] == ["wire B mean", "p95", "p99", "max"]
    assert learned[2:6] == ["100", "101", "102", "103"]
    # Of a report without operating points the mean alone is known.
    assert jpeg[2:6] == ["150", "–", "–", "–"]


def test_the_page_holds_all_of_it(units):
    path = report.write(report.read(units), units)
    tags = Tags(path.read_text(encoding="utf-8"))
    there = {given["id"] for _, given in tags.found if "id" in given}
    linked = {given["href"].removeprefix("#") for given in tags.named("a")}
    asked = {"rate", "drops", "points", "planes", "origins", "words"}
    assert linked == there == asked
    for attributes in tags.named("img"):
        assert attributes["src"].startswith("data:")
        assert len(attributes["alt"]) > 20
    words = " ".join(tags.words)
    assert "3 units of tiny on digits, measured on 1,000 test images" in words
    files = {file.name for file in (units / page.FOLDER).iterdir()}
    assert files == {
        "rate_accuracy.png", "rate_accuracy.csv", "planes_jpeg_q20.png",
        "planes_jpeg_q60.png",
    }  # fmt: skip


def test_several_labels_an_image_have_their_mean_average_precision(
    units, change
):
    for name in ("learned", "jpeg_q20", "jpeg_q60"):
        path = units / name / "report.json"
        change(path, "baseline_mean_average_precision", 91.25)
        change(path, "mean_average_precision", 87.5)
    lead = _lead(report.read(units))
    assert "gets all labels of 90.00" in lead
    assert re.search(
        r"mean average precision 91\.25.*default point, 87\.50", lead
    )


def test_unseen_classes_have_a_section_with_figures_of_their_own(units, change):
    path = units / "learned" / "report.json"
    seen = json.loads(path.read_text())
    unseen = {**seen, "num_images": 77, "baseline_accuracy": 80.0}
    unseen["points"] = [
        {**point, "accuracy": point["accuracy"] - 12.0}
        for point in seen["points"]
    ]
    change(path, "unseen", unseen)
    sources = report.read(units)
    paragraph, _, _, *tables = _section(sources, "unseen")
    assert "77 test images of unseen classes" in paragraph.text
    (drawing,) = page.pictures(sources)["unseen"]
    header, two, *_ = _cells(tables)
    # 76 and 77.5 % are measured: 78 % isn't reached.
    assert (two[0], two[1]) == ("2", "–")
    assert "JPEG unit" not in header  # Those weren't measured on them.
    assert drawing.name == "rate_accuracy_unseen"
    assert len(drawing.rows) == 3 + 3


@pytest.fixture
def curve_search(units, tmp_path):
    """A search over curves that trained one of two splits."""
    root = tmp_path / "curve_search"
    for name, split in (("early", "early"), ("late", "late")):
        folder = root / "curves" / name
        shutil.copytree(units / "learned", folder)
        report = json.loads((folder / "report.json").read_text())
        report |= {"split": split, "measured_on": "validation"}
        (folder / "report.json").write_text(json.dumps(report))
    (root / "search.json").touch()
    return root


def test_a_search_over_curves_shows_them_beside_what_it_trained(
    curve_search, units
):
    shutil.copytree(units / "learned", curve_search / "candidates" / "late")
    sources = report.read(curve_search)
    assert [run.split for run in sources.runs.values()] == ["late"]
    paragraph, _, _, *tables = _section(sources, "before")
    (drawing,) = page.pictures(sources)["before"]
    assert "the search trained late;" in paragraph.text
    assert "1,000 validation images" in paragraph.text
    # A table for each curve.
    assert len(rendered.texts(tables, "h3")) == 2
    assert drawing.name == "rate_accuracy_before"
    kinds = [row[0] for row in drawing.rows]
    assert kinds.count("operating point") == 6


def test_before_anything_is_trained_the_curves_are_the_page(curve_search):
    sources = report.read(curve_search)
    assert [r.split for r in sources.runs.values()] == ["early", "late"]
    assert _section(sources, "before") is None
    assert "validation images" in _lead(sources)


def test_a_page_without_a_curve_says_so(units):
    sources = report.read(units / "jpeg_q20")
    (drops,) = _section(sources, "drops")
    assert "there is no curve to read bytes from" in drops.text
    assert _section(sources, "points") is None


def test_hostile_names_stay_text(units, change, undrawn):
    path = units / "learned" / "report.json"
    change(path, "split", "<script>alert(1)</script>")
    text = report.write(report.read(units), units).read_text(encoding="utf-8")
    assert "<script" not in text


def test_a_search_has_tables_of_its_curves_too(search, units, change):
    learned = json.loads((units / "learned" / "report.json").read_text())
    change(search / "candidates/late/report.json", "points", learned["points"])
    sources = report.read(search, against=[units / "jpeg_q20"])
    heading, drops, _ = _section(sources, "drops")
    assert (heading.kind, heading.text) == ("h3", "late aware, JPEG unit")
    assert drops.rows[0][0] == "points lost"
    title, _ = _section(sources, "points")
    assert title.text.startswith("Operating points of late")


def test_a_selection_among_runs_has_sections_of_its_own(chosen_units, undrawn):
    path = report.write(report.read(chosen_units), chosen_units)
    tags = Tags(path.read_text(encoding="utf-8"))
    there = {given["id"] for _, given in tags.found if "id" in given}
    assert {"summary", "costs", "sensitivity", "rate"} <= there
    words = " ".join(tags.words)
    assert "Of the splits, learned at point 1 takes the least time" in words
    assert "wire B for 87.00 %" in words
    # From 50 B at 82 % to 100 at 88: five sixths of a doubling.
    assert "89.1" in words
    assert "bottlenet-select --runs=x" in words
    assert "by --profiles=phone.json,server.json" in words
    names = {p.stem for p in (chosen_units / page.FOLDER).glob("*.csv")}
    assert names == {"rate_accuracy", "costs_3g", "sensitivity_3g"}

"""The page and its files: whole, self-contained, and safe."""

import csv
import html.parser
import json
import re

import pytest

from bottlenet_tf import report
from bottlenet_tf.common import whole_file
from bottlenet_tf.report import page
from tests.report import rendered

_VOID = {"meta", "link", "img", "source"}
HOSTILE = "</style><script>alert(1)</script><img src=x onerror='a'>\""


class Tags(html.parser.HTMLParser):
    """Collects tags with their attributes; every one must be closed."""

    def __init__(self, text):
        super().__init__()
        self.found, self.open, self.words = [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(re.sub("[ \n]+", " ", data))

    def named(self, name):
        return [attributes for tag, attributes in self.found if tag == name]


@pytest.fixture(scope="module")
def text(written):
    return (written / page.PAGE).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def tags(text):
    return Tags(text)


def test_nothing_is_loaded_from_elsewhere(tags):
    for tag in ("img", "source", "link"):
        for attributes in tags.named(tag):
            for name in ("src", "srcset", "href"):
                assert attributes.get(name, "data:").startswith("data:")
    assert not tags.named("script")
    assert not [a for _, given in tags.found for a in given if a[:2] == "on"]


def test_the_style_loads_nothing(text):
    style = re.search("<style>(.*)</style>", text, re.DOTALL).group(1)
    assert "url(" not in style
    assert "@import" not in style


def test_every_link_leads_somewhere(tags):
    there = {given["id"] for _, given in tags.found if "id" in given}
    for attributes in tags.named("a"):
        assert attributes["href"].removeprefix("#") in there
    assert len(tags.named("a")) == 9


def test_every_picture_is_described_in_words(tags):
    pictures = tags.named("img")
    # Network, rate, modes, costs, sensitivity; planes of two splits.
    assert len(pictures) == 5 + 2
    assert all(len(attributes["alt"]) > 20 for attributes in pictures)
    words = " ".join(tags.words)
    assert words.count("Made by: ") == len(pictures)


def test_command_versions_and_machine_are_reported(tags):
    words = " ".join(tags.words)
    for told in (
        "bottlenet-select --runs=x",
        "Test CPU, 2 cores",
        "python 3.11, tensorflow 2.21",
        "phone, figures by hand",
        "from the times of phone as device and of server as server",
        "python -m bottlenet_tf.cli.figure7",
    ):
        assert told in words


def test_what_made_two_figures_in_a_row_is_reported_once(chosen, undrawn):
    report.write(report.read(chosen), chosen)
    text = (chosen / page.PAGE).read_text(encoding="utf-8")
    # Costs and sensitivity of the second network.
    assert text.count("Made by: the same command.") == 2


def test_nothing_tells_that_a_selection_ran_on_the_machines_it_is_for(text):
    assert "on device phone" not in text


def test_words_are_explained(tags):
    words = " ".join(tags.words)
    explained = words[words.rindex("Words") :]
    for word in ("c'", "s", "q", "label-only", "cloud-only, matched"):
        assert f" {word} " in explained
    assert "Pareto front" in explained


def test_one_machine_on_both_sides_is_reported(chosen, change):
    def told():
        return rendered.sections(report.read(chosen))["summary"][-1].text

    file = chosen / "selection.json"
    assert told() == (
        "Device: phone. Server: server. The device's power: by hand."
    )
    change(file, "cloud_profile", str(chosen / "." / "phone.csv"))
    # One profile, but a device that is supposed to be slower.
    assert told().startswith("Device: phone.")
    change(file, "cloud", json.loads(file.read_text())["device"])
    assert told().startswith("Device and server are the same machine here")


def test_tables_scroll_by_themselves(text):
    assert text.count("<table>") == 2
    assert len(re.findall(r'<div class="scroll"[^>]*><table>', text)) == 2
    assert text.count("<details>") == 1


def test_every_figure_is_a_png_and_a_csv_file(written):
    folder = written / page.FOLDER
    names = {path.stem for path in folder.glob("*.csv")}
    assert names == {
        "aware_naive", "costs_3g", "network", "rate_accuracy", "sensitivity_3g",
    }  # fmt: skip
    pictures = {path.stem for path in folder.glob("*.png")}
    assert pictures == names | {"planes_early", "planes_late"}
    for path in folder.glob("*.png"):
        assert path.read_bytes().startswith(b"\x89PNG")
    with open(folder / "costs_3g.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["choice"] == "early"
    assert float(rows[0]["latency_ms"]) == pytest.approx(6.309, abs=1e-3)


def test_nothing_half_written_stays(written):
    left = [p for p in written.rglob("*") if p.name.startswith(".")]
    assert left == []


def test_a_page_that_cannot_be_written_leaves_the_old_one(
    search, monkeypatch, undrawn
):
    old = search / page.PAGE
    old.write_text("old")
    monkeypatch.setattr(
        whole_file.os, "replace", lambda *_: (_ for _ in ()).throw(OSError)
    )
    with pytest.raises(OSError):
        report.write(report.read(search), search)
    assert old.read_text() == "old"
    assert not [p for p in search.rglob(".*")]


def test_what_is_missing_is_reported_on_the_page(search, undrawn):
    report.write(report.read(search), search)
    words = " ".join(Tags((search / page.PAGE).read_text()).words)
    assert words.count("bottlenet-select --runs=") == 3
    assert "python -m bottlenet_tf.cli.figure7" in words
    assert "after late: 100 per image" in words
    assert "Failed: never_c2_s2_q50" in words


def test_a_rival_that_was_not_measured_is_reported_on_the_page(
    unwhole, undrawn
):
    report.write(report.read(unwhole), unwhole)
    text = (unwhole / page.PAGE).read_text(encoding="utf-8")
    assert '<div class="verdict beaten">' in text
    words = " ".join(Tags(text).words)
    assert "takes less time, not compared with mobile-only" in words
    assert "phone.csv has no time of the unsplit network" in words


def test_the_table_tells_bytes_on_the_air_and_break_even(tags):
    words = " ".join(tags.words)
    assert "wire B on air B device ms" in words
    assert "energy mJ break-even RTT ms" in words


def test_each_split_has_one_row_its_best_point(curved):
    costs = rendered.sections(report.read(curved))["costs"]
    table = next(block for block in costs if block.kind == "table")
    cells = [cell for row in table.rows for cell in row]
    names = [cell for cell in cells if "at point" in cell]
    assert names == ["early at point 1", "late at point 1"]
    assert "wire B for 87.00 %" in cells
    # From 50 B at 82 % to 200 at 88: five sixths of two doublings.
    assert "159" in cells


def test_a_search_that_found_nothing_makes_a_page(search, change, undrawn):
    for split in ("early", "late"):
        change(search / "results.json", f"candidates.{split}", None)
    report.write(report.read(search), search)
    words = " ".join(Tags((search / page.PAGE).read_text()).words)
    assert "No split has an acceptable unit" in words
    assert "After early, late and never no unit" in words


def test_a_printed_figure_leaves_room_for_its_introduction(text):
    # Of a page of 251 mm: heading, introduction, name and caption take 65.
    (high,) = re.findall(r"#costs figure img.*max-height: (\d+)mm", text)
    assert int(high) <= 251 - 65


def test_names_of_files_are_text(chosen, change, undrawn):
    file = chosen / "selection.json"
    change(file, "device", HOSTILE + "\x01")
    change(file, "command", [HOSTILE, "--x"])
    change(file, "decisions.0.link.name", HOSTILE)
    change(file, "decisions.0.splits.0.choice.detail", HOSTILE)
    change(chosen / "figure7.json", "dataset", HOSTILE)
    change(chosen / "figure7.json", "unit.split", HOSTILE)
    for split in ("early", "late"):
        run = chosen / "candidates" / split / "report.json"
        change(run, "dataset", HOSTILE)
        change(run, "hardware.cpu", HOSTILE)
        change(run, "versions", {HOSTILE: HOSTILE})
    report.write(report.read(chosen), chosen)
    text = (chosen / page.PAGE).read_text(encoding="utf-8")
    assert text.count("&lt;script&gt;alert(1)") >= 5
    assert "\x01" not in text and "\ufffd" in text
    found = Tags(text)
    assert not found.named("script")
    assert not [a for _, given in found.found for a in given if a == "onerror"]


def test_files_are_named_without_paths_and_never_alike():
    assert page._file_name("costs_3g") == "costs_3g"
    names = ("../a b", "../a_b", "a" * 300, "a" * 301)
    found = [page._file_name(name) for name in names]
    assert found[0].startswith(".._a_b_")
    assert len(set(found)) == 4
    assert max(map(len, found)) < 80

"""The page of a driven link: what it says, and that it needs nothing else."""

import html.parser
import re

import pytest

from bottlenet_tf.emulation import phases, recording
from bottlenet_tf.report import link_page
from tests.cli import programs
from tests.report import link_recordings


@pytest.fixture(scope="module")
def found():
    return link_recordings.make()


@pytest.fixture(scope="module")
def page(found):
    return link_page.html(found)


def test_the_table_has_measured_and_replayed_rows(found):
    rows = link_page.table(found, phases.rivals(found.world()))
    assert [(row.name, row.kind) for row in rows] == [
        ("the controller", "measured"),
        ("oracle", "replayed"),
        ("early at point 0", "replayed"),
        ("mobile-only", "replayed"),
    ]
    controller, oracle, split, whole = rows
    assert (controller.images, controller.accuracy) == (4, 60.0)
    assert controller.phase_ms == (pytest.approx(63.3), 100.0, 130.0)
    assert controller.mean_ms == pytest.approx((2 * 63.3 + 230.0) / 4)
    assert 31.7 < oracle.phase_ms[0] < 34.0  # The last one meets the cut.
    assert oracle.phase_ms[1:] == (pytest.approx(100), pytest.approx(100))
    assert split.max_ms > 2000.0  # It waits for the cut's end.
    assert split.to_oracle == pytest.approx(split.mean_ms / oracle.mean_ms)
    assert whole.phase_ms == (pytest.approx(100.0),) * 3


def test_phases_tell_what_happened_in_them(found):
    wifi, cut, busy = link_page.events(found)
    assert (wifi.images, cut.images, busy.images) == (2, 1, 2)
    assert (wifi.mostly, wifi.here) == ("early at point 0", 0.0)
    assert wifi.model_error == pytest.approx(63.3 / 31.7)
    assert (cut.mostly, cut.here, cut.first_remote_s) == (
        "mobile-only", 1.0, None,
    )  # fmt: skip
    assert busy.begin_s == 4.0
    assert wifi.first_remote_s == pytest.approx(0.1)


@pytest.mark.parametrize(
    "part",
    [
        "4 images were answered in 6.0 s, 1 got no answer",
        "60.00 % of the 5 answers are right",
        "emulated, 9 times slower than this machine",
        "70 of their requests were answered, 6 refused, 5 failed",
        "300.0 ms in the median",
        "It agrees.",
        "python -m demo",
        "always early at point 0, replayed",
        "right so far, %",
    ],
)
def test_what_it_says(page, part):
    text = re.sub(r"<[^>]+>", "", page)
    assert part in re.sub(r"\s+", " ", text)


def test_it_needs_nothing_else(page):
    without_names = re.sub(r"xmlns(:\w+)?=\"[^\"]*\"", "", page)
    assert not re.search(r"(href|src)=\"(?!#|data:)", without_names)
    assert "<script" not in page and "@import" not in page


def test_wild_names_are_text():
    name = link_recordings.WILD + " at point 0"
    text = link_page.html(link_recordings.make(name, link_recordings.WILD))
    tags = []

    class Parser(html.parser.HTMLParser):
        def handle_starttag(self, tag, attributes):
            tags.append((tag, dict(attributes)))

    Parser().feed(text)
    assert "b" not in [tag for tag, _ in tags]
    assert not any("onclick" in attributes for _, attributes in tags)


def test_it_is_written_from_a_recording(found, tmp_path):
    recording.write(tmp_path / recording.NAME, found)
    path = link_page.write(tmp_path)
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert [p.name for p in tmp_path.iterdir() if p.name[0] == "."] == []


@pytest.mark.slow  # Its imports take seconds.
def test_the_report_program_makes_it(found, tmp_path):
    recording.write(tmp_path / recording.NAME, found)
    ran = programs.run("report", str(tmp_path), f"--out={tmp_path / 'out'}")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == f"Page: {tmp_path / 'out' / link_page.PAGE}\n"

"""What a search over curves prints, and what it asks before it works."""

import dataclasses
import types

import pytest

from bottlenet_tf.cli import curve_search
from bottlenet_tf.cli.selecting_flags import CostConfig
from bottlenet_tf.profiling import profile_file
from bottlenet_tf.selection.goals import LATENCY
from bottlenet_tf.selection.links import Link

CURVES = {
    "early": [(800.0, 88.0), (200.0, 80.0)],
    "late": [(80.0, 91.5), (40.0, 90.5)],
}


def _report(points):
    return {"measured_on": "validation", "num_images": 1234, "points": points}


@dataclasses.dataclass
class _Found:
    """As `search.curves.Curves`, with what a table needs."""

    points: dict
    trained_points: dict
    least_accuracy = 90.0
    config = types.SimpleNamespace(max_accuracy_loss=2.0)
    baseline = types.SimpleNamespace(accuracy=92.0)
    spent = {
        "statistics_images": 4000, "examples": 46000, "grid_examples": 12960000
    }  # fmt: skip

    @property
    def reports(self):
        return {s: _report(points) for s, points in self.points.items()}


def _rows(found):
    lines = [line for line in curve_search.table(found) if "|" in line]
    return [[c.strip() for c in line.split("|")[1:-1]] for line in lines]


def test_the_table_tells_bytes_before_and_after_training():
    found = _Found(CURVES, {"late": [(30.0, 91.0), (10.0, 89.0)]})
    header, _, early, late = _rows(found)
    assert header[-2:] == ["B at -2", "trained: B at -2"]
    assert early == ["early", "800", "200", "88.00", "80.00", "–", "–"]
    # Half of the way between 10 and 30, in the logarithm.
    assert late == ["late", "80", "40", "91.50", "90.50", "≤ 40", "17"]


def test_it_tells_on_what_it_was_measured():
    assert curve_search.table(_Found(CURVES, {}))[0] == (
        "Unsplit 92.00 % on 1,234 validation images."
    )


def test_its_cost_is_reported_beside_that_of_the_papers_grid():
    told = curve_search.spent(_Found(CURVES, {}))
    assert "4,000 for the closed forms" in told
    assert "46,000 in trainings" in told
    assert "12,960,000 for one epoch" in told and "259 times as" in told


@pytest.mark.parametrize(
    "costs, told",
    [
        ({"best": 7.5, "rival": 9.0}, "the best split costs 7.50"),
        ({"best": 7.5, "rival": None}, "the best split costs 7.50"),
        ({"best": 5.0, "rival": 5.0}, "in one place costs less, 5.00"),
        ({"best": None, "rival": None}, "no split is accurate enough yet"),
    ],
)
def test_each_link_has_an_end(costs, told):
    results = {
        "links": {"4g": costs},
        "asked": [
            {"link": "4g", "split": "late"}, {"link": "3g", "split": "early"}
        ],
        "trained": {"late": [], "early": []},
    }  # fmt: skip
    (line,) = curve_search._outcomes(results)
    assert line.startswith("4g: trained late; ") and told in line


def test_a_split_whose_training_failed_is_not_reported_as_trained():
    results = {
        "links": {"4g": {"best": None, "rival": None}},
        "asked": [
            {"link": "4g", "split": "late"}, {"link": "4g", "split": "early"}
        ],
        "trained": {"early": []},
    }  # fmt: skip
    (line,) = curve_search._outcomes(results)
    assert line.startswith("4g: trained early; failed late; no split")


def test_one_profile_alone_is_refused():
    with pytest.raises(ValueError, match="must both be given.*a.json"):
        curve_search.CurveFlags(device_profile="a.json")


def test_a_price_is_the_selections_cost(tmp_path):
    device = tmp_path / "device.csv"
    device.write_text(
        "# device=phone\n# network=tiny\n"
        "split,part,load,median_ms\n"
        "late,head,0,4\nlate,encode,0,1\n,whole,0,30\n"
    )
    cloud = tmp_path / "cloud.csv"
    cloud.write_text(
        "# device=server\n# network=tiny\n"
        "split,part,load,median_ms\n"
        "late,decode,0,0.5\nlate,tail,0,2\n,whole,0,3\n"
    )
    machines = CostConfig(device_slowdown=2.0).machines(
        profile_file.read(device), profile_file.read(cloud)
    )
    link = Link("made up", 1.0, message_overhead_bytes=25)
    found = _Found(CURVES, {})
    reports = {
        s: {
            **r,
            "backbone": "tiny", "dataset": "d", "dataset_fingerprint": "f",
            "baseline_accuracy": 92.0, "cloud_only": [], "label_only": None,
        }
        for s, r in found.reports.items()
    }  # fmt: skip
    known = types.SimpleNamespace(reports=reports, config=found.config)
    rivals = curve_search.rivals_of(known)
    price = curve_search.price(link, LATENCY, machines, rivals)
    # Twice 5 ms, 125 bytes at 1 Mbit/s, 2.5 ms.
    assert price.of("late", 100.0) == pytest.approx(10 + 1.0 + 2.5)
    assert price.rival == 60.0  # Mobile-only.
    alone = curve_search.price(link, LATENCY, machines, [])
    assert alone.rival == float("inf")

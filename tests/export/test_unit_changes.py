"""Tests of packs of learned units: what changed, and nothing else."""

import re

import numpy as np
import pytest

from bottlenet_tf import evaluation
from bottlenet_tf.export import pack_file, unit_changes
from bottlenet_tf.export.pack import parse_pack, save_pack, swap
from bottlenet_tf.training.freeze_unit import with_unit_config
from tests.export.packs import rewrite
from tests.learned_unit import learned_network, make_learned_network

IMAGES = np.random.RandomState(0).randint(0, 256, (4, 24, 24, 3), np.uint8)
ADAPTED = {
    "refit": "transform",
    "steps": 0,
    "photos": 40,
    "held_out": 10,
    "points": [[9.0, 8.0, 90.0, 91.0, 0.5, 0.25]] * 3,
}


@pytest.fixture(scope="module")
def base():
    return learned_network()


@pytest.fixture(scope="module")
def changed(base):
    """The same network with another transform and another default point."""
    model = with_unit_config(base, default_point=2)
    rng = np.random.default_rng(0)
    analysis = model.unit.analysis
    for weight in (analysis.mixing, analysis.rows, model.unit.log_gain):
        weight.assign(weight + rng.normal(0, 0.01, weight.shape))
    return model


@pytest.fixture(scope="module")
def data(base, changed):
    return unit_changes.pack_changes(base, changed)


def _payloads(model):
    return [
        evaluation.WirePath(model).encode(IMAGES, point) for point in range(3)
    ]


@pytest.mark.slow
def test_the_base_becomes_the_changed_unit(base, changed, data):
    found = swap(base, parse_pack(data, "a.pack"))
    assert found.prefix is base.prefix and found.suffix is base.suffix
    assert found.unit.default_point == 2
    # So few weights stay float32.
    assert evaluation.unit_id(found) == evaluation.unit_id(changed)
    assert _payloads(found) == _payloads(changed) != _payloads(base)


def test_what_is_as_before_is_left_out(base, data):
    header, arrays = pack_file.parse(data)
    assert header.base == evaluation.unit_id(base)
    unit = base.unit
    places = [
        str([weight is other for other in unit.weights].index(True))
        for weight in (unit.analysis.rows, unit.analysis.mixing, unit.log_gain)
    ]
    assert sorted(arrays) == sorted(places)


def test_a_smaller_pack_is_less_exact_and_says_which_unit_it_gives(
    base, changed, data, monkeypatch
):
    largest = unit_changes._FIGURES_BYTES + len(data) - 50
    monkeypatch.setattr(pack_file, "MAX_BYTES", largest)
    smaller = unit_changes.pack_changes(base, changed)
    assert len(smaller) < len(data)
    found = swap(base, parse_pack(smaller, "a.pack"))
    assert evaluation.unit_id(found) != evaluation.unit_id(changed)
    ours, theirs = (m.unit.analysis.mixing.numpy() for m in (found, changed))
    # float16 has 11 bits.
    np.testing.assert_allclose(ours, theirs, rtol=2**-11, atol=1e-7)
    assert np.any(ours != theirs)


def test_what_can_not_be_small_enough_is_refused(base, changed, monkeypatch):
    monkeypatch.setattr(pack_file, "MAX_BYTES", 9000)
    with pytest.raises(ValueError, match="must be at most 9,000 bytes"):
        unit_changes.pack_changes(base, changed)


def test_the_size_of_a_pack_is_judged_before_there_is_one(base, monkeypatch):
    unit_changes.check_size(base.unit, tuned=True)
    monkeypatch.setattr(pack_file, "MAX_BYTES", 9000)
    with pytest.raises(ValueError, match="about [0-9,]+") as refused:
        unit_changes.check_size(base.unit, tuned=True)
    assert "--refit=tables" in str(refused.value)
    # The transform alone changes less.
    with pytest.raises(ValueError, match="about [0-9,]+") as of_transform:
        unit_changes.check_size(base.unit, tuned=False)
    assert _said(of_transform) < _said(refused)


def _said(raised):
    found = re.search(r"about ([0-9,]+)", str(raised.value))
    return int(found[1].replace(",", ""))


@pytest.mark.parametrize("other", [{"split": "RB6"}, {"coefficients": 40}])
def test_a_pack_of_another_network_or_unit_is_refused(data, other):
    pack = parse_pack(data, "a.pack")
    with pytest.raises(ValueError, match="A pack fits only the network"):
        swap(make_learned_network(**other), pack)


def test_a_unit_that_was_swapped_is_no_longer_the_base(base, data):
    pack = parse_pack(data, "a.pack")
    with pytest.raises(ValueError, match="unit that it was made from"):
        swap(swap(base, pack), pack)


def test_figures_travel_with_the_pack(data):
    full = unit_changes.with_figures(data, ADAPTED)
    before, after = (parse_pack(each, "a.pack") for each in (data, full))
    assert before.adapted is None and after.adapted == ADAPTED
    assert before.unit_id == after.unit_id
    assert len(full) - len(data) < unit_changes._FIGURES_BYTES


def test_a_learned_unit_is_not_packed_whole(base, tmp_path):
    with pytest.raises(ValueError, match="a trained DattaUnit"):
        save_pack(tmp_path / "a.pack", base)


@pytest.mark.parametrize(
    "changes",
    [
        {"refit": "## Run this"}, {"steps": -1}, {"photos": "many"},
        {"points": [[1.0] * 5]}, {"points": [[1.0] * 7]}, {"more": 1},
        {"points": [["a"] * 6]}, {"points": [[float("1e999")] * 6]},
        {"points": [[0.0, *[1.0] * 5]]}, {"points": [[1.0, 0.0, *[1.0] * 4]]},
    ],
)  # fmt: skip
def test_figures_that_no_adaptation_writes_are_refused(data, changes):
    adapted = {**ADAPTED, **changes}
    with pytest.raises(ValueError, match="Expected|Invalid enum|unknown field"):
        unit_changes.with_figures(data, adapted)
    with pytest.raises(ValueError, match="a.pack must be a rate pack"):
        parse_pack(pack_file.with_header(data, adapted=adapted), "a.pack")


HOSTILE = {
    "no tables": {"config": {"tables": None, "default_point": 0}},
    "a config too many": {
        "config": {"tables": "", "default_point": 0, "patch": 4}
    },
    "a point of text": {"config": {"tables": "", "default_point": "0"}},
    "a base of text": {"base": "0"},
    "no figures": {"adapted": {}},
}


@pytest.mark.parametrize("changes", HOSTILE.values(), ids=HOSTILE)
def test_a_pack_that_is_whole_but_hostile_is_refused(data, changes):
    with pytest.raises(ValueError, match="a.pack must be a rate pack"):
        parse_pack(pack_file.with_header(data, **changes), "a.pack")


def _set(**changes):
    return lambda header, arrays: header.update(changes)


def _config(**changes):
    return lambda header, arrays: header["config"].update(changes)


def _add(place):
    def change(header, arrays):
        arrays[place] = list(arrays.values())[-1]

    return change


@pytest.mark.parametrize(
    "change, told",
    [
        (_add("500"), "weights must be those"),
        (_add("-1"), "weights must be those"),
        (_add("rows"), "weights must be those"),
        (_add("0"), "weights must be those"),
        (_config(default_point=3), "operating points"),
        (_config(tables="eNpz"), "ables"),
        (_set(adapted={**ADAPTED, "points": []}), "operating points"),
        (_set(unit_id=1), "only the network"),
    ],
)
def test_changes_that_do_not_fit_the_unit_are_refused(base, data, change, told):
    pack = parse_pack(rewrite(data, change), "a.pack")
    with pytest.raises(ValueError, match=told):
        swap(base, pack)


def test_places_outside_the_grid_are_refused(base):
    model = with_unit_config(base, default_point=2)
    kept = model.unit.analysis.kept
    kept.assign(kept + 10_000)
    with pytest.raises(ValueError, match="positions must be those of the grid"):
        unit_changes.pack_changes(base, model)

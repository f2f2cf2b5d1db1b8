"""Tests of what is computed anew from photos, and of what is refused."""

import numpy as np
import pytest

from bottlenet_tf import data
from bottlenet_tf.adaptation import refit
from bottlenet_tf.adaptation.measure import (
    Measured,
    answers,
    measure,
    takes_fewer_bytes,
)
from bottlenet_tf.config.adapt import AdaptConfig
from bottlenet_tf.data import photos as photo_data
from bottlenet_tf.evaluation import WirePath
from bottlenet_tf.export.unsplit import load_network
from bottlenet_tf.training.freeze_unit import freeze, with_unit_config
from tests.eager import eagerly


@pytest.fixture(scope="module")
def unsplit(finished):
    network = load_network(finished.workdir, finished.report, finished.model)
    return answers(network)


@pytest.fixture(scope="module")
def dataset(finished, photos):
    found = photo_data.list_photos(photos(80))
    return photo_data.divide(found, finished.dataset, 0.2, 0)


def _refit(finished, unsplit, **changes):
    config = AdaptConfig(str(finished.workdir), "photos", **changes)
    return refit.Refit(finished.model, unsplit, finished.config, config)


@pytest.fixture(scope="module")
def solved(finished, unsplit, dataset):
    """The network with a new transform, not frozen."""
    with eagerly():
        return _refit(finished, unsplit).model("transform", dataset)


@pytest.mark.slow
def test_a_new_transform_keeps_the_patches_and_the_convolutions(
    finished, solved
):
    ours, theirs = solved.unit, finished.model.unit
    for new, old in (
        (ours.analysis.projection, theirs.analysis.projection),
        (ours.synthesis.neighbours, theirs.synthesis.neighbours),
        (ours.synthesis.pixels, theirs.synthesis.pixels),
        (ours.restorer, theirs.restorer),
    ):
        for one, other in zip(new.get_weights(), old.get_weights()):
            np.testing.assert_array_equal(one, other)
    for name in ("rows", "columns", "frequencies", "mixing"):
        new = getattr(ours.analysis, name).numpy()
        assert np.any(new != getattr(theirs.analysis, name).numpy())
    assert not ours.prior.locations.numpy().any()


def test_a_new_transform_restores_what_the_patches_hold(
    finished, solved, dataset
):
    images, _ = next(iter(dataset.train.batches(64)))
    unit = solved.unit
    z = unit.patches(solved.features(images)).numpy()
    fine = np.full(64, -1.0, np.float32)
    codes = unit.encode(solved.features(images), fine)["codes"]
    step = unit.log_step - unit.step_slope
    found = unit.synthesis.patches(codes * np.exp(step)).numpy()
    # All but what is left out, rounded or scaled up for its energy.
    error = np.square(found - z).mean() / np.var(z)
    assert error < 0.5


def test_bits_fall_and_divergence_rises_along_a_new_curve(
    finished, unsplit, solved, dataset
):
    with eagerly():
        frozen = freeze(solved, dataset)
        curve = measure(frozen, unsplit, dataset.train, 2.0, 32, "test")
    sizes = [point.wire_bytes for point in curve]
    assert np.all(np.diff(sizes) < 0)
    assert curve[0].divergence < curve[-1].divergence


def test_new_tables_code_the_photos_in_fewer_bytes(finished, unsplit, dataset):
    with eagerly():
        model = _refit(finished, unsplit).model("tables", dataset)
        frozen = freeze(model, dataset)
        curves = [
            measure(each, unsplit, dataset.train, 2.0, 32, "test")
            for each in (finished.model, frozen)
        ]
    for old, new in zip(*curves, strict=True):
        assert new.wire_bytes < old.wire_bytes
        # The codes are the same, and so is all that follows.
        assert new[1:] == old[1:]


def test_figures_are_those_of_the_unsplit_network_s_answers(
    finished, unsplit, dataset
):
    curve = measure(finished.model, unsplit, dataset.validation, 2.0, 5, "test")
    images, _ = next(iter(dataset.validation.batches(16)))
    path, wanted = WirePath(finished.model), unsplit(images).numpy()
    for index, point in enumerate(curve):
        payloads = path.encode(images, index)
        assert point.wire_bytes == np.mean([len(p) for p in payloads])
        logits = path.decode(payloads)
        same = logits.argmax(-1) == wanted.argmax(-1)
        assert point.agreement == pytest.approx(100 * same.mean())
        logs = []
        for each in (wanted, logits):
            x = each.astype(np.float64) / 2
            logs.append(x - np.log(np.exp(x).sum(-1, keepdims=True)))
        apart = np.sum(np.exp(logs[0]) * (logs[0] - logs[1]), -1)
        assert point.divergence == pytest.approx(4 * apart.mean(), rel=1e-3)


def _curve(factor):
    return [Measured(factor * b, 90.0, 10 / b) for b in (40.0, 20.0, 10.0)]


def test_a_curve_is_better_if_it_takes_fewer_bytes_at_equal_divergence():
    assert takes_fewer_bytes(_curve(0.9), _curve(1.0))
    assert not takes_fewer_bytes(_curve(1.1), _curve(1.0))
    beyond = [point._replace(divergence=1e3) for point in _curve(0.5)]
    assert not takes_fewer_bytes(beyond, _curve(1.0))
    below = [point._replace(divergence=1e-3) for point in _curve(0.5)]
    assert takes_fewer_bytes(below, _curve(1.0))


@pytest.mark.parametrize("fewer", [True, False])
def test_auto_takes_the_transform_only_if_it_is_better(
    finished, unsplit, dataset, monkeypatch, fewer
):
    seen = []

    def record(model, unsplit, part, *_):
        seen.append(set(part.examples.identities))

    monkeypatch.setattr(refit, "measure", record)
    monkeypatch.setattr(refit, "freeze", lambda model, dataset: model)
    monkeypatch.setattr(refit, "takes_fewer_bytes", lambda *_: fewer)
    with eagerly():
        kind = _refit(finished, unsplit).kind(dataset)
    assert kind == ("transform" if fewer else "tables")
    # By 16 of the 64 that are fitted to, and none that are held out.
    fitted = set(dataset.train.examples.identities)
    assert len(seen) == 2 and len(seen[0]) == 16 and seen[0] < fitted


def test_auto_leaves_the_transform_where_photos_are_few(
    finished, unsplit, photos, capsys
):
    found = photo_data.list_photos(photos(60))
    dataset = photo_data.divide(found, finished.dataset, 0.2, 0)
    assert _refit(finished, unsplit).kind(dataset) == "tables"
    # 40 mixed coefficients: 40 of 53, and those 53 of 66.
    assert "needs 66 photos" in capsys.readouterr().out


@pytest.mark.parametrize(
    "kind, least, in_all",
    [("tables", 20, 25), ("auto", 20, 25), ("transform", 40, 50)],
)
def test_too_few_photos_are_refused_with_the_number_needed(
    finished, unsplit, photos, kind, least, in_all
):
    found = photo_data.list_photos(photos(in_all))
    asked = _refit(finished, unsplit, refit=kind)
    asked.check_possible(photo_data.divide(found, finished.dataset, 0.2, 0))
    fewer = photo_data.divide(
        found.only(found.keys[:-1]), finished.dataset, 0.2, 0
    )
    with pytest.raises(ValueError, match=f"{least} photos .* {in_all} in all"):
        asked.check_possible(fewer)


@pytest.mark.parametrize("changes", [{"refit": "transform"}, {"steps": 1}])
def test_more_weights_than_a_pack_holds_are_refused_before_any_work(
    finished, unsplit, dataset, monkeypatch, capsys, changes
):
    monkeypatch.setattr(refit, "MOST_WEIGHTS", 1000)
    with pytest.raises(ValueError, match="at most 1,000 .*refit=tables"):
        _refit(finished, unsplit, **changes).check_possible(dataset)
    asked = _refit(finished, unsplit)
    asked.check_possible(dataset)
    assert asked.kind(dataset) == "tables"
    assert "too large for a pack" in capsys.readouterr().out


@pytest.mark.parametrize("share", [0.01, 0.2, 0.25, 0.9])
@pytest.mark.parametrize("least", [1, 20, 41])
def test_as_many_photos_as_needed_leave_enough(least, share):
    def left(count):
        held_out = min(max(round(share * count), 1), count - 1)
        return count - held_out

    count = refit.photos_needed(least, share)
    assert left(count) >= least
    assert all(left(fewer) < least for fewer in range(2, count))


def test_copies_of_one_photo_are_refused(finished, photos):
    root = photos(30)
    for path in root.iterdir():
        path.write_bytes((root / "000.png").read_bytes())
    dataset = photo_data.divide(
        photo_data.list_photos(root), finished.dataset, 0.2, 0
    )
    with pytest.raises(ValueError, match="Every channel .* must vary"):
        refit.check_features(finished.model, dataset, 8)


def test_features_that_are_not_finite_are_refused_by_name(finished, dataset):
    model = with_unit_config(finished.model)
    model.features = lambda images: _spoiled(finished.model, images)
    with pytest.raises(ValueError, match=r"must be finite.*photo='\d+.png'"):
        refit.check_features(model, dataset, 8)


def _spoiled(model, images):
    import tensorflow as tf

    # A photo with a bright corner, which not all have.
    bright = tf.reduce_max(images[:, 24:, :8], axis=[1, 2, 3])
    bad = tf.cast(bright, tf.float32) > 100
    feature = model.features(images)
    return tf.where(bad[:, None, None, None], np.nan, feature)


def test_a_photo_that_does_not_decode_is_named(finished, photos):
    root = photos(30)
    (root / "007.png").write_bytes(b"no photo")
    dataset = photo_data.divide(
        photo_data.list_photos(root), finished.dataset, 0.2, 0
    )
    with pytest.raises(data.CorruptImageError, match="007.png"):
        refit.check_features(finished.model, dataset, 8)

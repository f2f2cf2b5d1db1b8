"""Which network a split is held against: the untouched one, or none."""

import json
import shutil

import numpy as np
import pytest

from bottlenet_tf import backbones, evaluation
from bottlenet_tf.export import unsplit
from bottlenet_tf.training import load_model
from tests.learned_unit import make_learned_network

IMAGES = np.random.RandomState(0).uniform(0, 255, (2, 32, 32, 3))


@pytest.fixture
def run(sweep, tmp_path):
    """A finished run of the test's own."""
    return shutil.copytree(sweep / "range", tmp_path / "run")


def _report(run):
    return json.loads((run / "report.json").read_text())


def _load(run, **changes):
    report = _report(run) | changes
    model = load_model(run)
    return unsplit.load_network(run, report, model), model


def _own_halves(model):
    feature = model.prefix(IMAGES, training=False)
    return model.suffix(feature, training=False)


def test_it_is_the_network_that_the_run_began_with(sweep, tiny_backbone):
    network, model = _load(sweep / "range")
    given = backbones.create(tiny_backbone, image_size=32, num_classes=10)
    found = network(IMAGES)
    np.testing.assert_array_equal(found, given.model(IMAGES))
    # And not what training made of it.
    assert np.abs(found - _own_halves(model)).max() > 1e-4


def test_its_accuracy_is_the_reports_baseline(sweep):
    report = _report(sweep / "range")
    network, _ = _load(sweep / "range")
    assert report["untouched_sha256"] == evaluation.weights_sha256(network)
    assert report["baseline_accuracy"] is not None


def test_a_run_outlives_what_it_began_with(run):
    config = json.loads((run / "config.json").read_text())
    config["backbone"] = "moved.keras"
    (run / "config.json").write_text(json.dumps(config))
    network, _ = _load(run)
    assert network.output_shape == (None, 10)


def test_one_of_another_run_is_refused(run):
    network = load_model(run / "untouched.keras")
    network.set_weights([w + 1 for w in network.get_weights()])
    network.save(run / "untouched.keras")
    with pytest.raises(ValueError, match="of another run.*untouched.keras"):
        _load(run)


def test_a_damaged_one_is_refused(run):
    file = run / "untouched.keras"
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(ValueError, match="(?s)damaged.*untouched.keras"):
        _load(run)


@pytest.mark.parametrize(
    "changes, reason",
    [
        ({"baseline_accuracy": None}, "began without a trained network"),
        ({}, "untouched.keras is missing"),
    ],
)
def test_without_one_the_runs_own_halves_are_timed(run, changes, reason):
    (run / "untouched.keras").unlink()
    assert reason in unsplit.why_timing_only(run, _report(run) | changes)
    network, model = _load(run, **changes)
    np.testing.assert_allclose(network(IMAGES), _own_halves(model), atol=1e-6)


def test_a_whole_run_has_no_reason(sweep):
    report = _report(sweep / "range")
    assert unsplit.why_timing_only(sweep / "range", report) is None


def test_a_tail_that_takes_the_point_may_stand_in():
    network = make_learned_network(told=True)
    whole = unsplit.without_unit(network)
    images = np.float32(IMAGES[:, :24, :24])
    point = [network.unit.points[network.unit.default_point]] * 2
    wanted = network.answer(network.features(images), point)
    np.testing.assert_allclose(whole(images), wanted, rtol=1e-5, atol=1e-5)

"""Tuned rivals: where they are tuned, what they cost, what they tell."""

import dataclasses
import json
import pathlib

import numpy as np
import pytest

from bottlenet_tf import evaluation, training
from bottlenet_tf.evaluation.cloud_only import round_trip
from bottlenet_tf.training import rivals
from bottlenet_tf.training import step as step_module
from tests.eager import eagerly


def _cloud(quality, size, accuracy, codec="webp", side=32, **more):
    return {
        "codec": codec, "quality": quality, "side": side, "bytes": size,
        "file_bytes": size + 21, "accuracy": accuracy, **more,
    }  # fmt: skip


SWEEP = [
    _cloud(10, 100.0, 60.0),
    _cloud(10, 60.0, 59.0, side=8),
    _cloud(50, 80.0, 82.0, side=8),
    _cloud(50, 200.0, 83.0),
    _cloud(90, 300.0, 89.0),
    _cloud(90, 400.0, 88.0, side=8),
    _cloud(50, 90.0, 87.0, codec="jpeg"),
]


def test_rivals_are_tuned_where_the_untouched_network_loses_so_much():
    figures = {"baseline_accuracy": 90.0, "cloud_only": SWEEP}
    # 81 and 88 % are asked for, of WebP's envelope: 59, 60, 82, 83, 89.
    assert rivals.qualities(figures, "webp", (9.0, 2.0)) == [(50, 8), (90, 32)]
    assert rivals.qualities(figures, "webp", (1.0, 2.0)) == [(90, 32)]


def test_a_codec_that_was_not_swept_is_refused():
    figures = {"baseline_accuracy": 90.0, "cloud_only": SWEEP}
    with pytest.raises(ValueError, match="of the cloud-only sweep: jpeg, webp"):
        rivals.qualities(figures, "avif", (2.0,))


@pytest.fixture
def config(tiny_config):
    return dataclasses.replace(
        tiny_config,
        backbone_weights=tiny_config.backbone,
        byte_budget=60.0,
        freeze_prefix=True,
        sweep_qualities=(5, 10, 20, 40, 60, 80, 90),
        tuned_rivals=("webp",),
        tuned_losses=(1.0,),
    )


def _report(steps, examples, per_epoch=3):
    training = {
        "steps": steps, "examples": examples, "steps_per_epoch": per_epoch,
        "examples_in_all": examples,
    }  # fmt: skip
    return {"training": training}


def test_a_rival_s_points_are_those_of_the_part_in_question():
    section = {"cloud_only": [_cloud(50, 110.0, 70.0)]}
    report = {
        "measured_on": "test",
        "cloud_only": [_cloud(50, 90.0, 80.0)],
        "validation": {"cloud_only": [_cloud(50, 95.0, 85.0)]},
        "unseen": section,
        "flags": {"image_quality": 50, "workdir": "cache/webp_50_abc"},
    }
    for part, size in (("test", 90.0), ("validation", 95.0), ("unseen", 110.0)):
        (point,) = rivals._points(report, part)
        assert (point["bytes"], point["tuned_at"]) == (size, 50)


def test_a_rival_has_the_runs_recipe_and_no_more_images(config):
    rival = rivals.rival_config(config, _report(6, 48), "webp", 40, 32)
    assert (rival.mode, rival.epochs, rival.max_steps) == ("cloud", 2, None)
    same = ("backbone", "optimizer", "learning_rate", "distillation", "data")
    for name in same:
        assert getattr(rival, name) == getattr(config, name)
    assert rival.sweep_qualities == (10, 20, 40, 60, 80)
    # Of what --init_from had seen, too, but not more.
    rival = rivals.rival_config(config, _report(2, 40), "webp", 5, 32)
    assert (rival.epochs, rival.max_steps) == (2, 5)
    assert rival.sweep_qualities == (5, 10, 20)


def test_a_rival_estimates_norms_as_the_trial_of_a_candidate_did(
    config, tmp_path
):
    candidate = dataclasses.replace(
        config, epochs=0, init_from=str(tmp_path), codec_warmup=0.0
    )
    flags = dataclasses.asdict(
        dataclasses.replace(config, norm_batches=3, workdir="trial")
    )
    made = _finished_report(flags)
    (tmp_path / "report.json").write_text(json.dumps(made))
    rival = rivals.rival_config(candidate, _report(0, 48), "webp", 40, 32)
    assert (rival.norm_batches, rival.epochs) == (3, 2)
    assert rival.warmup_epochs == config.warmup_epochs


def _finished_report(flags):
    from bottlenet_tf.common import formats, run_folders

    fields = dict.fromkeys(run_folders._REQUIRED)
    return {**fields, "format": formats.REPORT, "flags": flags}


def test_rivals_of_another_codec_join_those_that_are_there(config):
    report = {"tuned_rivals": {**rivals._settings(config), "points": []}}
    asked = dataclasses.replace(config, tuned_rivals=("avif",))
    assert rivals._measured_codecs(asked, report) == ["webp"]
    other = dataclasses.replace(asked, tuned_epochs=9)
    assert rivals._measured_codecs(other, report) == []


def test_rivals_that_are_there_are_kept_beside_another_codecs(
    config, monkeypatch
):
    report = {"tuned_rivals": {**rivals._settings(config), "points": []}}
    report["flags"] = {}
    asked = []
    monkeypatch.setattr(
        rivals, "qualities", lambda _, codec, __: asked.append(codec) or []
    )
    for name in ("_parts", "publish"):
        monkeypatch.setattr(rivals, name, lambda *_: [])
    config = dataclasses.replace(config, tuned_rivals=("avif",))
    monkeypatch.setattr(evaluation, "choosing_figures", lambda _: None)
    rivals.add(config, report, None, None)
    assert asked == report["flags"]["tuned_rivals"] == ["webp", "avif"]


def test_a_shorter_rival_is_the_same_for_runs_of_any_length(config):
    config = dataclasses.replace(
        config, tuned_epochs=1, tuned_learning_rate=0.2
    )
    ours = rivals.rival_config(config, _report(6, 48), "webp", 40, 32)
    theirs = rivals.rival_config(
        dataclasses.replace(config, epochs=9, byte_budget=None),
        _report(27, 216), "webp", 40, 32,
    )  # fmt: skip
    assert ours == theirs
    assert ours.learning_rate == 0.2


def test_a_cloud_network_trains_on_what_the_codec_leaves(config, monkeypatch):
    seen = []

    def through(pool, images, codec, quality, side):
        seen.append((codec, quality, side))
        return np.zeros_like(images), None, None

    monkeypatch.setattr(step_module, "round_trips", through)
    config = dataclasses.replace(
        config, mode="cloud", image_codec="webp", image_quality=33,
        byte_budget=None, freeze_prefix=False, tuned_rivals=(), epochs=1,
        sweep_qualities=(40,), distillation=0.5,
    )  # fmt: skip
    with eagerly():
        report = training.run(config)
    assert set(seen) == {("webp", 33, 32)}
    assert (report["split"], report["mode"]) == (None, "cloud")
    points = {p["quality"]: p for p in report["cloud_only"]}
    assert set(points) == {33, 40}
    assert report["accuracy"] == points[33]["accuracy"]
    assert report["wire_bytes_mean"] == points[33]["bytes"]


@pytest.mark.slow
def test_a_run_reports_its_rivals_beside_the_untouched_network(
    config, monkeypatch, capsys
):
    config = dataclasses.replace(config, sweep_qualities=(10, 40, 80))
    with eagerly():
        report = training.run(config)
        tuned = report["tuned_rivals"]
        assert tuned["codecs"] == ["webp"]
        assert {p["codec"] for p in tuned["points"]} == {"webp"}
        for figures in (report, report["validation"]):
            assert figures["tuned_matched_bytes"] or (
                "tuned_matched_bytes" in figures["reasons"]
            )
        written = pathlib.Path(config.workdir, "report.json").read_text()
        assert json.loads(written) == report
        # Another run with the same recipe takes the same rival.
        trained = []
        start = step_module.Stepper.__init__

        def counted(self, config, *args):
            trained.append(config.mode)
            start(self, config, *args)

        monkeypatch.setattr(step_module.Stepper, "__init__", counted)
        other = dataclasses.replace(
            config, workdir=config.workdir + "_2", byte_budget=50.0
        )
        assert training.run(other)["tuned_rivals"] == tuned
        assert trained == ["aware"]


@pytest.mark.slow
def test_a_finished_run_takes_rivals_when_they_are_asked_for(config, capsys):
    without = dataclasses.replace(config, tuned_rivals=())
    with eagerly():
        report = training.run(without)
        assert report["tuned_rivals"] is None
        assert "--tuned_rivals" in report["reasons"]["tuned_rivals"]
        report = training.run(config)
    assert report["tuned_rivals"]["codecs"] == ["webp"]
    assert "its rivals are not" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({}, False),
        ({"tuned_rivals": ()}, False),
        ({"tuned_rivals": ("webp", "jpeg")}, True),
        ({"tuned_losses": (1.0, 2.0)}, True),
        ({"tuned_epochs": 2}, True),
        ({"tuned_learning_rate": 0.5}, True),
    ],
)
def test_rivals_of_other_settings_are_missing(config, changes, missing):
    measured = {**rivals._settings(config), "points": []}
    asked = dataclasses.replace(config, **changes)
    assert rivals.are_missing(asked, {"tuned_rivals": measured}) == missing
    assert rivals.are_missing(config, {"tuned_rivals": None})


def _figures(**changes):
    return {
        "accuracy": 85.0, "wire_bytes_mean": 100.0, "cloud_only": SWEEP,
        "baseline_accuracy": 90.0, "reasons": {"tuned_rivals": "none"},
        **changes,
    }  # fmt: skip


def test_the_tuned_ratio_by_hand():
    figures = _figures()
    points = [_cloud(20, 60.0, 84.0, tuned_at=20),
              _cloud(20, 80.0, 86.0, tuned_at=50)]  # fmt: skip
    evaluation.add_tuned(figures, points, {"codecs": ["webp"]})
    # Between 60 bytes at 84 % and 80 at 86 %: 70 bytes, 0.7 of ours.
    assert figures["tuned_matched_bytes"] == pytest.approx(70.0)
    assert figures["tuned_matched_codec"] == "webp"
    assert figures["tuned_matched_ratio"] == pytest.approx(0.7)
    assert "tuned_rivals" not in figures["reasons"]


def test_an_untouched_network_counts_where_tuning_does_not_help():
    figures = _figures()
    evaluation.add_tuned(figures, [_cloud(20, 95.0, 50.0, tuned_at=20)],
                         {"codecs": ["webp"]})  # fmt: skip
    # JPEG's only point is above 85 %: its 90 bytes are a bound.
    assert figures["tuned_matched_bytes"] == 90.0
    assert figures["tuned_matched_at_most"]


def test_an_accuracy_that_no_rival_reaches_has_a_reason():
    figures = _figures(accuracy=89.9)
    evaluation.add_tuned(figures, [], {"codecs": ["webp"]})
    assert figures["tuned_matched_ratio"] is None
    assert "above" in figures["reasons"]["tuned_matched_ratio"]


def test_the_table_says_where_a_tuned_rival_wins():
    report = {
        **_figures(), "dataset": "d", "measured_on": "test", "num_images": 9,
        "backbone": "net", "dataset_fingerprint": "f", "split": "RB1",
        "mode": "aware", "accuracy_drop": 5.0, "payload_bytes_mean": 94.0,
        "wire_bytes_median": 100.0, "wire_bytes_p95": 120.0,
        "accuracy_matched_bytes": 210.0, "accuracy_matched_codec": "webp",
        "accuracy_matched_at_most": False, "accuracy_matched_ratio": 2.1,
        "device_mac_share": 0.2,
        "label_only": {"bits": 4, "bytes": 1, "accuracy": 90.0},
    }  # fmt: skip
    points = [_cloud(20, 70.0, 85.0, tuned_at=20)]
    evaluation.add_tuned(report, points, {"codecs": ["webp"]})
    text = evaluation.markdown_table([report])
    assert "2.10x" in text
    assert "0.70x, rival wins" in text
    assert "WebP 20 tuned, most accurate" in text


def test_images_go_through_the_codec_they_are_named_for(make_images_through):
    images, decoded = make_images_through("jpeg", 10)
    expected, _, _ = round_trip(images, "jpeg", 10, 32)
    np.testing.assert_array_equal(decoded, expected)


@pytest.fixture
def make_images_through(config):
    """Images, and what a `Stepper` makes of them in a graph."""
    import keras
    import tensorflow as tf

    def through(codec, quality):
        own = dataclasses.replace(
            config, mode="cloud", image_codec=codec, image_quality=quality,
            byte_budget=None, freeze_prefix=False, tuned_rivals=(),
        )  # fmt: skip
        model = keras.saving.load_model(config.backbone, compile=False)
        optimizer = keras.optimizers.SGD()
        stepper = step_module.Stepper(
            own, model, None, optimizer, tf.distribute.get_strategy(), 1
        )
        coarse = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 3))
        images = coarse.repeat(8, 1).repeat(8, 2).astype(np.uint8)
        receive = tf.function(stepper.receive)
        return images, receive(tf.constant(images)).numpy()

    return through

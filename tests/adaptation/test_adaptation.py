"""Tests of a whole adaptation: photos in, a pack and figures out."""

import json
import pathlib
import shutil

import numpy as np
import pytest

from bottlenet_tf import adaptation, evaluation, export
from bottlenet_tf.common.run_folders import UNTOUCHED_FILE
from bottlenet_tf.config.adapt import AdaptConfig
from bottlenet_tf.config.export import ExportConfig
from bottlenet_tf.edge.network import Network
from bottlenet_tf.export import pack_file, runner
from bottlenet_tf.export.pack import load_pack, swap
from bottlenet_tf.link import plan_file
from bottlenet_tf.runtime.cloud import Tail
from bottlenet_tf.runtime.edge import Head
from tests import replay_plans
from tests.eager import eagerly


@pytest.fixture(scope="module")
def adapted(run, photos, tmp_path_factory):
    """Figures and path of a pack of a new transform and some steps."""
    out = tmp_path_factory.mktemp("packs") / "mine.pack"
    config = AdaptConfig(
        str(run), str(photos(80)), out=str(out), refit="transform", steps=3
    )
    with eagerly():
        return adaptation.run(config), out


def test_figures_stand_beside_the_pack_and_in_it(adapted):
    figures, path = adapted
    assert json.loads(path.with_suffix(".json").read_text()) == figures
    assert figures["pack_bytes"] == path.stat().st_size < 1_000_000
    assert figures["photos"] == 64 and figures["held_out"] == 16
    pack = load_pack(path)
    assert pack.adapted["refit"] == "transform" and pack.adapted["steps"] == 3
    assert pack.adapted["points"] == [
        list(point.values()) for point in figures["points"]
    ]


def test_what_was_measured_is_what_the_pack_gives(adapted, finished):
    figures, path = adapted
    model = swap(finished.model, load_pack(path))
    assert evaluation.unit_id(model) == figures["unit_id"]
    assert evaluation.unit_id(finished.model) == figures["unit_id_before"]
    assert figures["unit_id"] != figures["unit_id_before"]


def test_the_run_stays_as_it_is(adapted, run, finished):
    assert evaluation.unit_id(finished.model) == finished.report["unit_id"]
    assert not list(run.glob("*.pack"))


def test_steps_train_the_unit_and_nothing_else(adapted, finished):
    model = swap(finished.model, load_pack(adapted[1]))
    assert np.any(
        model.unit.restorer.get_weights()[0]
        != finished.model.unit.restorer.get_weights()[0]
    )
    assert model.suffix is finished.model.suffix


def test_tables_alone_change_no_weight_and_no_answer(run, photos, tmp_path):
    out = tmp_path / "tables.pack"
    config = AdaptConfig(str(run), str(photos(30)), str(out), refit="tables")
    with eagerly():
        figures = adaptation.run(config)
    _, weights = pack_file.parse(out.read_bytes())
    assert weights == {}
    for point in figures["points"]:
        assert point["agreement"] == point["agreement_before"]
        assert point["divergence"] == point["divergence_before"]


def test_too_few_photos_leave_nothing_behind(run, photos, tmp_path):
    out = tmp_path / "a.pack"
    with pytest.raises(ValueError, match="25 in all"):
        adaptation.run(AdaptConfig(str(run), str(photos(10)), str(out)))
    assert not list(tmp_path.iterdir())


def test_a_run_that_trained_its_tail_must_have_kept_the_unsplit_network(
    run, photos, tmp_path
):
    copy = tmp_path / "digits"
    shutil.copytree(run, copy)
    (copy / UNTOUCHED_FILE).unlink()
    with pytest.raises(ValueError, match="must have kept: the run's untouched"):
        adaptation.run(AdaptConfig(str(copy), str(photos(30))))


@pytest.fixture(scope="module")
def deployment(adapted, run, tmp_path_factory):
    out = tmp_path_factory.mktemp("deploy") / "mine"
    export.run(
        ExportConfig(
            workdir=(str(run),), out=str(out), pack=(str(adapted[1]),),
            parity_images=20, litert=(),
        )
    )  # fmt: skip
    return out


@pytest.mark.slow
def test_both_halves_of_a_deployment_have_the_adapted_unit(
    adapted, deployment, finished
):
    figures, path = adapted
    for side in ("edge", "cloud"):
        unit = json.loads((deployment / side / "unit.json").read_text())
        assert unit["unit_id"] == figures["unit_id"]
    images, _ = next(iter(finished.dataset.validation.batches(8)))
    head, tail = Head.load(deployment), Tail.load(deployment)
    model = swap(finished.model, load_pack(path))
    payloads = [head.encode(image.numpy()) for image in images]
    logits = evaluation.WirePath(model).decode(payloads)
    np.testing.assert_allclose(tail.logits(payloads), logits, atol=1e-3)


@pytest.mark.slow
def test_a_deployment_says_that_its_unit_is_adapted(adapted, deployment):
    figures, path = adapted
    (model,) = json.loads((deployment / "manifest.json").read_text())["models"]
    assert model["adapted"] == load_pack(path).adapted
    text = (deployment / "README.md").read_text()
    first = figures["points"][0]
    assert "The unit is adapted" in text and "64 photos" in text
    assert (
        f"| 0 | {first['wire_bytes_before']:.1f} → {first['wire_bytes']:.1f} |"
        in text
    )


@pytest.mark.slow
def test_a_pack_is_refused_before_anything_is_exported(
    adapted, finished_learned, tmp_path
):
    config = ExportConfig(
        workdir=(finished_learned[0].workdir,), out=str(tmp_path / "out"),
        pack=(str(adapted[1]),),
    )  # fmt: skip
    with pytest.raises(ValueError, match="A pack fits only the network"):
        export.run(config)
    assert not (tmp_path / "out").exists()


def test_a_pack_goes_to_the_run_that_it_was_made_from(
    adapted, run, finished_learned
):
    pack, other = str(adapted[1]), pathlib.Path(finished_learned[0].workdir)
    assert list(runner._load_packs([pack], [other, run])) == [run]
    assert runner._load_packs((), [run]) == {}
    with pytest.raises(ValueError, match="one pack for a run"):
        runner._load_packs([pack, pack], [other, run])
    with pytest.raises(ValueError, match="A pack fits only the network"):
        runner._load_packs([pack], [other])


def test_a_pack_of_two_runs_with_one_unit_is_refused(adapted, run, tmp_path):
    copy = shutil.copytree(run, tmp_path / "copy")
    with pytest.raises(ValueError, match="several have the same unit.*copy"):
        runner._load_packs([str(adapted[1])], [run, copy])


@pytest.mark.slow
def test_a_deployment_of_several_runs_takes_a_pack_and_its_plan_follows(
    adapted, run, finished_learned, tmp_path
):
    figures, path = adapted
    folders = {"own": run, "other": finished_learned[0].workdir}
    for name, folder in folders.items():
        shutil.copytree(folder, tmp_path / "runs" / name)
    splits = {name: (0.1, ((100.0, 150, 90.0),)) for name in folders}
    content = replay_plans.plan_values(splits, (), 92.0, 1e4, 1.0, 80.0)
    reports = {name: evaluation.load_report(f) for name, f in folders.items()}
    for choice in content["choices"][:2]:
        choice["unit_id"] = reports[choice["split"]]["unit_id"]
    (tmp_path / "plan.json").write_text(json.dumps(content))
    export.run(
        ExportConfig(
            workdir=(str(tmp_path / "runs"),), out=str(tmp_path / "out"),
            pack=(str(path),), plan=str(tmp_path / "plan.json"),
            parity_images=20, litert=(),
        )
    )  # fmt: skip
    found = plan_file.read(tmp_path / "out" / "edge" / "plan.json")
    network = Network.open(tmp_path / "out")
    own, other = found.choices[:2]
    assert network.why_not(own) is network.why_not(other) is None
    assert own.unit_id == figures["unit_id"] == network.served.units["own"]
    point = figures["points"][0]
    factor = point["wire_bytes"] / point["wire_bytes_before"]
    assert own.bytes_mean == round(100.0 * factor, 1)
    assert (other.bytes_mean, own.accuracy) == (100.0, 90.0)
    assert (
        "The unit `own` is adapted"
        in (tmp_path / "out" / "README.md").read_text()
    )

"""Folders that count as finished runs, and the names of their models."""

import json

import pytest

from bottlenet_tf.common import formats, run_folders
from bottlenet_tf.common.run_folders import find_runs, model_name


@pytest.fixture
def make_run(tmp_path):
    """Makes the files that a finished run is known by, in a named folder."""

    def make(name, split="RB1"):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        report = dict.fromkeys(run_folders._REQUIRED)
        report |= {"format": formats.REPORT, "split": split}
        (folder / "report.json").write_text(json.dumps(report))
        (folder / "config.json").touch()
        (folder / "model.keras").touch()
        return folder

    return make


def test_a_sweep_is_its_runs_by_name_without_baselines(make_run, tmp_path):
    for name, split in (("b", "RB2"), ("a", "RB1"), ("base", None)):
        make_run(name, split)
    assert [p.name for p in find_runs([tmp_path])] == ["a", "b"]


@pytest.mark.parametrize("inner", ["candidates", "curves"])
def test_a_search_folder_is_its_runs(make_run, tmp_path, inner):
    for name in (f"{inner}/RB2", f"{inner}/RB1", "trials/RB1/1"):
        make_run(f"search/{name}")
    found = find_runs([tmp_path / "search"])
    assert [p.name for p in found] == ["RB1", "RB2"]


@pytest.mark.parametrize(
    "missing", ["model.keras", "config.json", "report.json"]
)
def test_an_unfinished_run_is_refused(make_run, missing):
    run = make_run("run")
    (run / missing).unlink()
    with pytest.raises(ValueError, match="finished run.*Received.*run"):
        find_runs([run])


def test_runs_of_the_same_name_are_refused(make_run):
    runs = [make_run("one/range"), make_run("two/range")]
    with pytest.raises(ValueError, match="different folder names.*range"):
        find_runs(runs)


def test_names_become_file_names():
    assert model_name("runs/my run/RB3 (final)") == "RB3_final_"


def test_a_relative_path_has_the_folders_own_name(tmp_path, monkeypatch):
    (tmp_path / "run" / "inner").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "run" / "inner")
    names = [model_name(path) for path in ("..", ".", "../inner/..")]
    assert names == ["run", "inner", "run"]


@pytest.mark.parametrize(
    "name", ["edge", "cloud", "manifest.json", "README.md"]
)
def test_one_run_alone_may_have_a_name_that_several_may_not(make_run, name):
    run, other = make_run(name), make_run("other")
    assert find_runs([run]) == [run]
    with pytest.raises(ValueError, match=f"rename.*name='{name}'"):
        find_runs([other, run])


def test_a_folder_without_name_is_refused(make_run, monkeypatch):
    run = make_run("run")
    monkeypatch.setattr(
        "bottlenet_tf.common.run_folders.model_name", lambda run: ".."
    )
    with pytest.raises(ValueError, match="name='..'"):
        find_runs([run])


def test_names_that_become_the_same_are_shown_with_what_they_become(make_run):
    names = ["a b", "a_b", "猫", "犬", "c"]
    with pytest.raises(ValueError, match="Rename folders") as caught:
        find_runs([make_run(name) for name in names])
    for name, file in (
        ("a b", "a_b"),
        ("a_b", "a_b"),
        ("猫", "_"),
        ("犬", "_"),
    ):
        assert f"/{name}' -> '{file}'" in str(caught.value)
    assert "/c'" not in str(caught.value)

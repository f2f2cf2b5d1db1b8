"""Which repository one deployment, or several, are served from."""

import shutil

import pytest

from bottlenet_tf.serving import repository
from tests.serving import fake_programs

deployment = fake_programs.deployment


@pytest.mark.parametrize("inner", ["", "cloud"])
def test_one_deployment_is_served_where_it_lies(tmp_path, inner):
    identity = deployment(tmp_path)
    found, identities = repository.assemble([tmp_path / inner], tmp_path / "x")
    assert found == tmp_path / "cloud" / "triton"
    assert identities == [identity]
    assert not (tmp_path / "x").exists()


def test_several_lie_side_by_side_under_the_first_one_s_queue(tmp_path):
    first = deployment(tmp_path / "first", units={"a": 1})
    second = deployment(tmp_path / "second", units={"a": 2})
    found, identities = repository.assemble(
        [tmp_path / "second", tmp_path / "first"], tmp_path / "models"
    )
    assert identities == [second, first]
    model = found / "tail"
    assert (model / "config.pbtxt").read_text() == "# of second"
    for each, folder in ((first, "first"), (second, "second")):
        version = model / str(each.version)
        assert (version / "model.py").is_file()
        assert version.resolve().is_relative_to(tmp_path / folder)


def test_links_hold_wherever_the_server_is_started(tmp_path, monkeypatch):
    deployment(tmp_path / "first", units={"a": 1})
    deployment(tmp_path / "second", units={"a": 2})
    monkeypatch.chdir(tmp_path)
    found, _ = repository.assemble(["first", "second"], tmp_path / "models")
    monkeypatch.chdir("/")
    assert len(list(found.glob("tail/*/model.py"))) == 2


def test_the_same_deployment_twice_is_refused(tmp_path):
    deployment(tmp_path / "first")
    deployment(tmp_path / "copy")
    with pytest.raises(ValueError, match="different units.*Received"):
        repository.assemble(
            [tmp_path / "first", tmp_path / "copy"], tmp_path / "models"
        )


def test_other_model_names_are_refused(tmp_path):
    deployment(tmp_path / "first", units={"a": 1})
    deployment(tmp_path / "second", name="dogs", units={"a": 2})
    with pytest.raises(ValueError, match="--served_name.*'tail', 'dogs'"):
        repository.assemble(
            [tmp_path / "first", tmp_path / "second"], tmp_path / "models"
        )


def test_a_folder_of_no_deployment_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="served.json.*Received"):
        repository.assemble([tmp_path], tmp_path / "models")


def test_a_deployment_without_its_repository_is_refused(tmp_path):
    deployment(tmp_path)
    shutil.rmtree(tmp_path / "cloud" / "triton")
    with pytest.raises(FileNotFoundError, match="cloud/triton.*Received"):
        repository.assemble([tmp_path], tmp_path / "models")


def test_a_repository_of_another_export_is_refused(tmp_path):
    deployment(tmp_path, version=77)
    with pytest.raises(ValueError, match="copy the complete.*missing"):
        repository.assemble([tmp_path], tmp_path / "models")


def test_what_is_served_is_named_by_identity(tmp_path):
    first = deployment(tmp_path / "first", units={"a": 1, "b": 0xABCDEF01})
    text = repository.described([first])
    assert text == f"tail, version {first.version} (a 00000001, b abcdef01)"


def test_one_network_of_two_exports_is_one_model_of_images(tmp_path):
    first = deployment(tmp_path / "first", units={"a": 1}, images=5)
    second = deployment(tmp_path / "second", units={"a": 2}, images=5)
    found, _ = repository.assemble(
        [tmp_path / "first", tmp_path / "second"], tmp_path / "models"
    )
    assert sorted(path.parent.name for path in found.glob("*/*/model.py")) == [
        str(number)
        for number in sorted([first.version, second.version, 5], key=str)
    ]
    text = repository.described([first, second])
    assert text.count("whole, version 5 (images)") == 1

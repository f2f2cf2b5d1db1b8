"""served.json, read back and refused."""

import json

import pytest

from bottlenet_tf.config import export as export_config
from bottlenet_tf.runtime import served

IDENTITY = served.of_units("tail", {"a": 1, "b": 2**32 - 1})


def write(folder, **changes):
    content = {**IDENTITY.content(), **changes}
    (folder / "served.json").write_text(json.dumps(content))


def test_what_is_written_is_read_back(tmp_path):
    write(tmp_path)
    assert served.read(tmp_path) == IDENTITY


@pytest.mark.parametrize(
    "changes, field",
    [
        ({"format": "bottlenet_tf.served.0"}, "format"),
        ({"model": ""}, "model"),
        ({"model": "../x"}, "model"),
        ({"model": 3}, "model"),
        ({"units": {}}, "units"),
        ({"units": {"a": 2**32}}, "units"),
        ({"units": {"a": True}}, "units"),
        ({"units": [1]}, "units"),
        ({"units": {"a": 1}}, "version"),  # The version is of both.
        ({"version": "1"}, "version"),
    ],
)
def test_other_content_is_refused_by_field(tmp_path, changes, field):
    write(tmp_path, **changes)
    with pytest.raises(ValueError, match=f"{field}.*Received"):
        served.read(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff"])
def test_damaged_files_are_refused(tmp_path, content):
    (tmp_path / "served.json").write_bytes(content)
    with pytest.raises(ValueError, match="served.json must be"):
        served.read(tmp_path)


def test_the_export_takes_the_same_names():
    assert export_config._NAME == served.MODEL_NAME.pattern


@pytest.mark.parametrize(
    "model, version",
    [("whole", None), (None, 5), ("../x", 5), ("tail", 5), ("whole", True)],
)
def test_a_model_of_images_has_a_name_and_a_number(tmp_path, model, version):
    write(tmp_path, image_model=model, image_version=version)
    with pytest.raises(ValueError, match="image_model.*Received"):
        served.read(tmp_path)


def test_both_models_are_listed(tmp_path):
    write(tmp_path, image_model="whole", image_version=5)
    found = served.read(tmp_path)
    assert found.models == {"tail": IDENTITY.version, "whole": 5}
    assert IDENTITY.models == {"tail": IDENTITY.version}

"""Files of a deployment that were changed since the export are refused."""

import json
import shutil

import pytest

from bottlenet_tf.edge.network import Network, plan_path
from bottlenet_tf.export.manifest import write_parts
from bottlenet_tf.export.staging import checksums
from bottlenet_tf.runtime import intact
from bottlenet_tf.runtime.edge import Head
from tests.edge.tiny_deployment import write_deployment


def _flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.fixture(scope="module")
def whole_deployment(tmp_path_factory):
    folder = write_deployment(tmp_path_factory.mktemp("whole") / "deploy")
    (folder / "edge" / "plan.json").write_text('{"choices": []}')
    write_parts(folder)
    return folder


@pytest.fixture
def deploy(whole_deployment, tmp_path):
    return shutil.copytree(whole_deployment, tmp_path / "deploy")


def test_what_was_exported_opens(deploy):
    network = Network.open(deploy)
    assert network.answers
    assert plan_path(deploy) == str(deploy / "edge" / "plan.json")


@pytest.mark.parametrize(
    "name",
    ["unit.json", "served.json", "gains.npy", "head.onnx", "manifest.json"],
)
def test_a_flipped_bit_is_refused_by_name_with_the_remedy(deploy, name):
    _flip(deploy / "edge" / name)
    with pytest.raises(ValueError, match=f"{name} must be.*(C|c)opy the comp"):
        Network.open(deploy)


def test_the_network_without_a_split_is_not_used_if_it_was_changed(deploy):
    _flip(deploy / "edge" / "whole.json")
    assert "whole.json must be" in Network.open(deploy).without_whole


def test_a_changed_plan_is_refused(deploy):
    _flip(deploy / "edge" / "plan.json")
    with pytest.raises(ValueError, match="plan.json must be"):
        plan_path(deploy)


def test_a_folder_that_was_copied_alone_notices_too(deploy, tmp_path):
    edge = shutil.copytree(deploy / "edge", tmp_path / "device")
    assert Head.load(edge)
    _flip(edge / "unit.json")
    with pytest.raises(ValueError, match="unit.json must be"):
        Head.load(edge)


def test_every_bit_of_a_manifest_counts(tmp_path):
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "served.json").write_bytes(b"{}")
    write_parts(tmp_path)
    data = (tmp_path / "manifest.json").read_bytes()
    for i in range(len(data)):
        changed = data[:i] + bytes([data[i] ^ 4]) + data[i + 1 :]
        if b'"seal"' not in changed:  # Then nothing else was changed.
            continue
        (tmp_path / "manifest.json").write_bytes(changed)
        with pytest.raises(ValueError, match="must be.*Received"):
            intact.check(str(tmp_path / "file"))


def test_other_programs_manifests_and_unlisted_files_pass(tmp_path):
    (tmp_path / "inner").mkdir()
    file = tmp_path / "inner" / "file"
    file.write_bytes(b"content")
    (tmp_path / "manifest.json").write_text("{not ours}")
    intact.check(str(file))
    content = {"format": "bottlenet_tf.files.1", "sha256": {}}
    (tmp_path / "manifest.json").write_text(json.dumps(content))
    intact.check(str(file))


def test_the_nearest_manifest_decides(tmp_path):
    (tmp_path / "inner").mkdir()
    file = tmp_path / "inner" / "served.json"
    file.write_bytes(b"{}")
    write_parts(tmp_path)
    content = {"format": "bottlenet_tf.files.1", "sha256": {"inner/file": "0"}}
    (tmp_path / "manifest.json").write_text(json.dumps(content))
    intact.check_tree(str(tmp_path / "inner"))
    assert list(checksums(tmp_path)) == [
        "inner/manifest.json",
        "inner/served.json",
        "manifest.json",
    ]


def test_the_program_s_own_files_are_checked(tmp_path, monkeypatch):
    package = tmp_path / "bottlenet_tf" / "runtime"
    package.mkdir(parents=True)
    for name in ("intact.py", "other.py"):
        (package / name).write_text("# code")
    (tmp_path / "unit.json").write_text("{}")
    write_parts(tmp_path)
    monkeypatch.setattr(intact, "__file__", str(package / "intact.py"))
    intact.check_program()
    _flip(package / "other.py")
    with pytest.raises(ValueError, match="other.py must be"):
        intact.check_program()

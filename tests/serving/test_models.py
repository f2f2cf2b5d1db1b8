"""Which SavedModels of a folder are served, and what is refused."""

import shutil

import pytest

from bottlenet_tf.serving import inprocess as serving
from bottlenet_tf.serving import repository, tf_serving
from bottlenet_tf.serving.config import ServerConfig


@pytest.mark.parametrize("inner", ["", "cloud", "cloud/serving"])
def test_a_deployment_is_found_from_any_of_its_folders(both, inner):
    models = serving.load_models(both / inner)
    assert [model.name for model in models] == ["learned", "range"]


def test_the_latest_version_is_served_and_other_folders_are_not(both, tmp_path):
    source = both / "cloud" / "serving" / "range" / "1"
    for version in ("2", "10", "draft"):
        shutil.copytree(source, tmp_path / "range" / version)
    assert [model.version for model in serving.load_models(tmp_path)] == [10]


def test_a_folder_without_models_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="cloud/serving.*Received"):
        serving.load_models(tmp_path)


@pytest.mark.parametrize("content", [b"", b"no protobuf"])
def test_a_damaged_model_is_named(tmp_path, content):
    folder = tmp_path / "net" / "1"
    folder.mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(content)
    with pytest.raises(ValueError, match="net/1"):
        serving.load_models(tmp_path)


def test_a_taken_port_is_refused(both):
    models = []
    server, port = serving.start_server(models, port=0)
    try:
        with pytest.raises(OSError, match=f"port={port}"):
            serving.start_server(models, port=port)
    finally:
        server.stop(None).wait()


def test_a_flipped_bit_is_not_served(both, tmp_path):
    deploy = shutil.copytree(both, tmp_path / "deploy")
    config = ServerConfig(deploy=(str(deploy),), engine="inprocess")
    tf_serving.find_models(config)
    path = deploy / "cloud" / "serving" / "range" / "1" / "saved_model.pb"
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 1
    path.write_bytes(data)
    for load in (
        lambda: serving.load_models(deploy),
        lambda: tf_serving.find_models(config),
    ):
        with pytest.raises(ValueError, match="saved_model.pb must be.*again"):
            load()


def test_bottlenet_cloud_refuses_what_triton_would_serve(both, tmp_path):
    deploy = shutil.copytree(both, tmp_path / "deploy")
    repository.assemble([deploy], tmp_path / "models")
    for name in ("tail.onnx", "model.py", "config.pbtxt"):
        (path, *_) = (deploy / "cloud" / "triton" / "tail").rglob(name)
        data = path.read_bytes()
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        with pytest.raises(ValueError, match=f"{name} must be.*again"):
            repository.assemble([deploy], tmp_path / "models")
        if name == "config.pbtxt":
            repository.assemble([deploy], tmp_path / "models", True)
        path.write_bytes(data)

"""How engines are found and told what to do, with programs that stand in."""

import os
import sys

import pytest

from bottlenet_tf.serving import tf_serving, triton, triton_wheel
from bottlenet_tf.serving.config import ServerConfig
from bottlenet_tf.serving.launch import EngineError
from tests.serving import fake_programs


@pytest.fixture
def deploy(tmp_path, monkeypatch):
    """A deployment on a machine without any engine."""
    identity = fake_programs.deployment(tmp_path / "deploy")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv(triton_wheel.ENVIRONMENT, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bin").mkdir()
    return tmp_path / "deploy", identity


def config(folder, **changes):
    ports = {"http_port": 0, "grpc_port": 0}
    return ServerConfig(deploy=(str(folder),), **{**ports, **changes})


def options(launch):
    """Returns the arguments of a launch, by name."""
    found = [part for part in launch.command if str(part).startswith("--")]
    return dict(part.lstrip("-").split("=", 1) for part in found)


def test_triton_in_path_serves_the_deployment_on_this_machine(deploy, tmp_path):
    folder, identity = deploy
    program = fake_programs.write(tmp_path / "bin", "tritonserver")
    launch = triton.launch(config(folder), tmp_path / "own")
    assert launch.command[0] == str(program)
    found = options(launch)
    assert found["model-repository"] == str(folder / "cloud" / "triton")
    assert found["http-address"] == found["grpc-address"] == "127.0.0.1"
    assert launch.addresses == {
        "HTTP": f"127.0.0.1:{found['http-port']}",
        "gRPC": f"127.0.0.1:{found['grpc-port']}",
    }
    assert found["allow-metrics"] == "false"
    assert "model-control-mode" not in found
    assert str(identity.version) in launch.serves


def test_what_clients_don_t_need_is_closed_by_a_key_of_each_start(
    deploy, tmp_path
):
    fake_programs.write(tmp_path / "bin", "tritonserver")
    keys = set()
    for name in ("one", "two"):
        found = options(triton.launch(config(deploy[0]), tmp_path / name))
        for option in ("http-restricted-api", "grpc-restricted-protocol"):
            apis, key = found[option].split(":closed=")
            assert "model-repository" in apis and "shared-memory" in apis
            keys.add(key)
        # This Triton's --help knows no such limit.
        assert "http-max-input-size" not in found
    assert len(keys) == 2 and min(map(len, keys)) == 32


def test_a_limit_is_set_where_triton_knows_it(deploy, tmp_path):
    ports = {"http_port": 1, "grpc_port": 2}
    found = triton.arguments(
        config(deploy[0], max_message_mb=3),
        "models",
        "127.0.0.1",
        ports,
        "--http-max-input-size <integer>",
    )
    assert "--http-max-input-size=3145728" in found


def test_with_a_certificate_http_stays_on_this_machine(deploy, tmp_path):
    fake_programs.write(tmp_path / "bin", "tritonserver")
    for name in ("cert", "key"):
        (tmp_path / name).write_text("pem")
    tls = {"grpc_tls_cert": "cert", "grpc_tls_key": "key"}
    launch = triton.launch(
        config(deploy[0], host="0.0.0.0", metrics_port=0, **tls),
        tmp_path / "own",
    )
    found = options(launch)
    assert found["grpc-address"] == "0.0.0.0"
    assert found["http-address"] == found["metrics-address"] == "127.0.0.1"
    assert found["grpc-use-ssl"] == "true"
    assert found["grpc-server-cert"] == "cert"
    assert found["grpc-server-key"] == "key"
    assert launch.addresses["gRPC with TLS"].startswith("0.0.0.0:")


def test_watching_the_repository_is_asked_for(deploy, tmp_path):
    fake_programs.write(tmp_path / "bin", "tritonserver")
    found = options(
        triton.launch(config(deploy[0], poll_seconds=5), tmp_path / "own")
    )
    assert found["model-control-mode"] == "poll"
    assert found["repository-poll-secs"] == "5"


def test_without_triton_one_sentence_tells_how_to_install_it(deploy, tmp_path):
    with pytest.raises(EngineError, match="isn't installed.*pip.*container|"
                       "isn't installed.*container.*pip"):  # fmt: skip
        triton.launch(config(deploy[0]), tmp_path / "own")


def test_a_program_that_does_not_run_is_reported_with_its_words(
    deploy, tmp_path
):
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\necho libdcgm.so is missing >&2\nexit 127\n")
    os.chmod(broken, 0o755)
    with pytest.raises(EngineError, match="libdcgm.so is missing.*127"):
        triton.launch(config(deploy[0], program=str(broken)), tmp_path / "own")


def test_a_python_without_the_wheel_is_refused(deploy, tmp_path):
    with pytest.raises(EngineError, match="nvidia-pytriton.*Received"):
        triton.launch(
            config(deploy[0], python=sys.executable), tmp_path / "own"
        )


def wheel(folder, version):
    """Writes an environment with what the wheel has of Triton."""
    package = folder / "lib" / "pytriton"
    server = package / "tritonserver"
    stubs = server / "python_backend_stubs" / version
    for inner in (server / "backends" / "python", server / "bin", stubs):
        inner.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (server / "backends" / "python" / "libtriton_python.so").write_text("")
    stub = stubs / "triton_python_backend_stub"
    stub.write_text("#!/bin/sh\nexit 1\n")  # Not executable, as in the wheel.
    fake_programs.write(server / "bin", "tritonserver")
    python = folder / "bin" / "python"
    python.parent.mkdir()
    python.write_text(
        f"#!/bin/sh\nexec env PYTHONPATH={folder / 'lib'} {sys.executable} "
        '"$@"\n'
    )
    os.chmod(python, 0o755)
    return python


def test_the_wheel_s_server_is_put_together(deploy, tmp_path, monkeypatch):
    here = "{}.{}".format(*sys.version_info)
    python = wheel(tmp_path / ".venv-serving", here)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    monkeypatch.setattr(triton.shutil, "which", lambda _: None)
    launch = triton.launch(config(deploy[0]), tmp_path / "own")
    backends = tmp_path / "own" / "backends"
    assert options(launch)["backend-directory"] == str(backends)
    stub = backends / "python" / "triton_python_backend_stub"
    assert os.access(stub, os.X_OK)
    assert (backends / "python" / "libtriton_python.so").exists()
    assert "PYTHONPATH" not in launch.variables
    assert launch.variables["PATH"].startswith(f"{python.parent}:")
    libraries = tmp_path / ".venv-serving" / "lib" / "nvidia_pytriton.libs"
    assert launch.variables["LD_LIBRARY_PATH"] == str(libraries)


def test_a_wheel_without_this_python_s_backend_is_refused(
    deploy, tmp_path, monkeypatch
):
    python = wheel(tmp_path / "environment", "2.7")
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    with pytest.raises(EngineError, match=r"must know Python 3\.\d+"):
        triton.launch(config(deploy[0], python=str(python)), tmp_path / "own")


def test_tf_serving_finds_the_models_where_they_lie(deploy, tmp_path):
    folder, _ = deploy
    program = fake_programs.write(tmp_path / "bin", "tensorflow_model_server")
    launch = tf_serving.launch(
        config(folder, engine="tf_serving", host="0.0.0.0"), tmp_path / "own"
    )
    assert launch.command[0] == str(program)
    found = options(launch)
    with open(found["model_config_file"]) as file:
        serving = folder / "cloud" / "serving"
        assert f'base_path: "{serving}/net"' in file.read()
    assert found["batching_parameters_file"] == str(serving / "batching.config")
    assert launch.addresses["REST"] == f"0.0.0.0:{found['rest_api_port']}"
    assert launch.serves == "net"


def test_tf_serving_gets_certificate_and_key_as_text(deploy, tmp_path):
    fake_programs.write(tmp_path / "bin", "tensorflow_model_server")
    (tmp_path / "cert").write_text("-----BEGIN\r\nab+/=\n")
    (tmp_path / "key").write_text('key "\\" text\n')
    launch = tf_serving.launch(
        config(deploy[0], engine="tf_serving", host="0.0.0.0",
               grpc_tls_cert="cert", grpc_tls_key="key"),
        tmp_path / "own",
    )  # fmt: skip
    path = options(launch)["ssl_config_file"]
    assert os.stat(path).st_mode & 0o777 == 0o600
    with open(path) as file:
        # As protobuf's text format quotes it.
        assert file.read() == (
            r'server_key: "key \"\\\" text\n"'
            "\n"
            r'server_cert: "-----BEGIN\nab+/=\n"'
            "\nclient_verify: false\n"
        )


def test_tf_serving_needs_leave_to_listen_everywhere(deploy, tmp_path):
    fake_programs.write(tmp_path / "bin", "tensorflow_model_server")
    with pytest.raises(ValueError, match="--host=0.0.0.0 confirms.*Received"):
        tf_serving.launch(config(deploy[0], engine="tf_serving"), tmp_path)


def test_without_tf_serving_one_sentence_tells_how_to_install_it(
    deploy, tmp_path
):
    with pytest.raises(EngineError, match="isn't installed.*apt"):
        tf_serving.launch(
            config(deploy[0], engine="tf_serving", host="0.0.0.0"), tmp_path
        )


@pytest.mark.parametrize("engine", ["tf_serving", "inprocess"])
@pytest.mark.parametrize("changes", [{"metrics_port": 0}, {"poll_seconds": 1}])
def test_what_is_triton_s_alone_is_refused_elsewhere(
    deploy, engine, changes, tmp_path
):
    launch = {
        "tf_serving": tf_serving.launch,
        "inprocess": tf_serving.launch_stand_in,
    }[engine]
    with pytest.raises(ValueError, match="for Triton"):
        launch(config(deploy[0], engine=engine, **changes), tmp_path)


def test_the_stand_in_has_no_encryption(deploy, tmp_path):
    for name in ("cert", "key"):
        (tmp_path / name).write_text("pem")
    tls = {"grpc_tls_cert": "cert", "grpc_tls_key": "key"}
    with pytest.raises(ValueError, match="no encryption"):
        tf_serving.launch_stand_in(
            config(deploy[0], engine="inprocess", **tls), tmp_path
        )


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"deploy": ()}, "At least one deployment"),
        ({"deploy": ("nowhere",)}, "deploy='nowhere'"),
        ({"engine": "flask"}, "triton, tf_serving, inprocess"),
        ({"host": ""}, "--host"),
        ({"grpc_tls_cert": "a"}, "go together"),
        ({"grpc_tls_cert": "a", "grpc_tls_key": "b"}, "PEM"),
        ({"poll_seconds": -1}, "--poll_seconds"),
        ({"max_message_mb": 0}, "--max_message_mb"),
    ],
)
def test_bad_settings_are_refused_with_a_reason(changes, message):
    with pytest.raises(ValueError, match=message):
        ServerConfig(**{"deploy": (".",), **changes})

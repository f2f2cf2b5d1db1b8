"""TF Serving and its stand-in, started on a deployment's SavedModels."""

import os
import pathlib
import shutil
import sys

from bottlenet_tf.common.validation import check
from bottlenet_tf.serving.launch import (
    EngineError,
    Launch,
    accepts,
    address,
    answers,
    local,
    take_ports,
)
from bottlenet_tf.serving.repository import check_files, saved_models

PROGRAM = "tensorflow_model_server"
_EVERYWHERE = "0.0.0.0"
_INSTALL = (
    "TF Serving isn't installed. Install the package `tensorflow-model-server` "
    "of its apt repository (https://www.tensorflow.org/tfx/serving/setup), or "
    "run its container; see docs/serving.md."
)


def find_models(config):
    """Returns the folder `serving` of the one deployment, and its models."""
    check(
        len(config.deploy) == 1,
        f"--engine={config.engine} serves one deployment; Triton serves "
        "several side by side.",
        deploy=config.deploy,
    )
    check(
        config.metrics_port is None and not config.poll_seconds,
        "--metrics_port and --poll_seconds are for Triton.",
        engine=config.engine,
    )
    folder, models = saved_models(config.deploy[0])
    check_files(folder, config.edited_config)
    return folder.resolve(), list(models)


def launch(config, folder):
    """Returns the `Launch` of TF Serving; `folder` is empty, for its files."""
    serving, names = find_models(config)
    check(
        config.host == _EVERYWHERE,
        "TF Serving always listens at all addresses of the machine; "
        f"--host={_EVERYWHERE} confirms that.",
        host=config.host,
    )
    program = config.program or shutil.which(PROGRAM)
    if program is None:
        raise EngineError(f"{_INSTALL} Received: no {PROGRAM} in PATH")
    ports = take_ports(
        config.host, http_port=config.http_port, grpc_port=config.grpc_port
    )
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    # The deployment's file names folders of a container.
    models = folder / "models.config"
    text = (serving / "models.config").read_text(encoding="utf-8")
    base = str(serving).replace("\\", "\\\\").replace('"', '\\"')
    models.write_text(
        text.replace('base_path: "/models/', f'base_path: "{base}/'),
        encoding="utf-8",
    )
    command = [
        program,
        f"--port={ports['grpc_port']}",
        f"--rest_api_port={ports['http_port']}",
        f"--model_config_file={models}",
        "--enable_batching=true",
        f"--batching_parameters_file={serving / 'batching.config'}",
        "--grpc_channel_arguments=grpc.max_receive_message_length="
        f"{config.max_message_mb << 20}",
    ]
    if config.has_tls:
        command.append(f"--ssl_config_file={_write_tls(config, folder)}")
    here = address(local(config.host), ports["http_port"])
    urls = [f"http://{here}/v1/models/{name}" for name in names]
    encrypted = "gRPC with TLS" if config.has_tls else "gRPC"
    return Launch(
        "TF Serving",
        command,
        dict(os.environ),
        lambda: all(answers(url) for url in urls),
        {
            "REST": address(config.host, ports["http_port"]),
            encrypted: address(config.host, ports["grpc_port"]),
        },
        ", ".join(names),
    )


def launch_stand_in(config, folder):
    """Returns the `Launch` of `bottlenet-serve`; see `launch`."""
    _, names = find_models(config)
    check(
        not config.has_tls,
        "--engine=inprocess has no encryption.",
        grpc_tls_cert=config.grpc_tls_cert,
    )
    host = config.host
    ports = take_ports(host, grpc_port=config.grpc_port)
    port = ports["grpc_port"]
    command = [
        sys.executable,
        "-m",
        "bottlenet_tf.cli.serve",
        config.deploy[0],
        f"--host={host}",
        f"--port={port}",
        f"--max_message_mb={config.max_message_mb}",
    ]
    return Launch(
        "bottlenet-serve",
        command,
        dict(os.environ),
        lambda: accepts(local(host), port),
        {"gRPC": address(host, port)},
        ", ".join(names),
    )


def _write_tls(config, folder):
    """Writes certificate and key in TF Serving's form."""
    path = folder / "tls.config"
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
        for field, source in (
            ("server_key", config.grpc_tls_key),
            ("server_cert", config.grpc_tls_cert),
        ):
            content = pathlib.Path(source).read_text(encoding="ascii")
            lines = content.replace("\\", "\\\\").replace('"', '\\"')
            lines = lines.replace("\r", "").replace("\n", "\\n")
            file.write(f'{field}: "{lines}"\n')
        file.write("client_verify: false\n")
    return path

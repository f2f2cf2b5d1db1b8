"""Triton: found, and started on a deployment's repository."""

import os
import pathlib
import secrets
import shutil

from bottlenet_tf.serving import repository, triton_wheel
from bottlenet_tf.serving.launch import (
    EngineError,
    Launch,
    address,
    answers,
    local,
    run,
    take_ports,
)

PROGRAM = "tritonserver"
_EXIT_SECONDS = 10
# Clients need none of these. With them, one could replace models, or make the
# server read and write files and memory of its machine.
_CLOSED = "model-repository,trace,logging,shared-memory"
_INSTALL = (
    "Triton isn't installed. Run this program in a container of "
    "nvcr.io/nvidia/tritonserver, where `tritonserver` is in PATH, or install "
    "the server from PyPI, for Linux on x86-64: `make test-serving`, or "
    "`/usr/bin/python3.11 -m venv .venv-serving` and `.venv-serving/bin/pip "
    "install -r tests/serving/requirements.txt`; another environment is named "
    "by --python=ENVIRONMENT/bin/python."
)
_HINTS = {
    "No module named 'numpy'": "The Python of Triton's Python backend needs "
    "`pip install numpy onnxruntime pillow`.",
    "needs ONNX Runtime": "The Python of Triton's Python backend needs "
    "`pip install onnxruntime`.",
    "No module named 'PIL'": "The Python of Triton's Python backend needs "
    "`pip install pillow`.",
    "cannot open shared object file": "A library is missing; the wheel's "
    "server needs an environment of the system's own Python.",
}


def find(folder, program=None, python=None):
    """Returns the command of a Triton, a list, and its environment variables.

    The given program; else that in PATH; else the wheel of the given or a
    default Python.
    """
    program = program or (None if python else shutil.which(PROGRAM))
    if program is not None:
        return [program], dict(os.environ)
    python = python or triton_wheel.usual_python()
    if python is None:
        raise EngineError(f"{_INSTALL} Received: no {PROGRAM} in PATH")
    return triton_wheel.prepare(python, folder)


def launch(config, folder):
    """Returns the `Launch` of Triton for deployments."""
    folder = pathlib.Path(folder)
    models, identities = repository.assemble(
        config.deploy, folder / "models", config.edited_config
    )
    command, variables = find(
        folder / "backends", config.program, config.python
    )
    options = _options(command, variables)
    # Only gRPC can be encrypted, so HTTP stays on this machine.
    http_host = "127.0.0.1" if config.has_tls else config.host
    ports = take_ports(http_host, http_port=config.http_port)
    if config.metrics_port is not None:
        ports.update(take_ports(http_host, metrics_port=config.metrics_port))
    ports.update(take_ports(config.host, grpc_port=config.grpc_port))
    http = address(local(http_host), ports["http_port"])
    urls = [
        f"http://{http}/v2/models/{model}/versions/{version}/ready"
        for each in identities
        for model, version in each.models.items()
    ]
    addresses = {
        "HTTP": address(http_host, ports["http_port"]),
        "gRPC with TLS" if config.has_tls else "gRPC": address(
            config.host, ports["grpc_port"]
        ),
    }
    if config.metrics_port is not None:
        addresses["metrics"] = address(http_host, ports["metrics_port"])
    return Launch(
        "Triton",
        command + arguments(config, models, http_host, ports, options),
        variables,
        lambda: all(answers(url) for url in urls),
        addresses,
        repository.described(identities),
        _HINTS,
    )


def arguments(config, models, http_host, ports, options):
    """Returns Triton's arguments.

    Args:
        options: Output of --help; limits that this Triton doesn't know are
            left out.
    """
    found = [
        f"--model-repository={models}",
        f"--http-address={http_host}",
        f"--http-port={ports['http_port']}",
        f"--grpc-address={config.host}",
        f"--grpc-port={ports['grpc_port']}",
        f"--exit-timeout-secs={_EXIT_SECONDS}",
        "--log-info=false",
    ]
    if "metrics_port" in ports:
        found += [
            f"--metrics-address={http_host}",
            f"--metrics-port={ports['metrics_port']}",
        ]
    else:
        found.append("--allow-metrics=false")
    if config.has_tls:
        found += [
            "--grpc-use-ssl=true",
            f"--grpc-server-cert={config.grpc_tls_cert}",
            f"--grpc-server-key={config.grpc_tls_key}",
        ]
    if config.poll_seconds:
        found += [
            "--model-control-mode=poll",
            f"--repository-poll-secs={config.poll_seconds}",
        ]
    # A random key, which is discarded.
    closed = f"{_CLOSED}:closed={secrets.token_hex(16)}"
    optional = {
        "--http-restricted-api": closed,
        "--grpc-restricted-protocol": closed,
        "--http-max-input-size": config.max_message_mb << 20,
    }
    found += [
        f"{name}={value}" for name, value in optional.items() if name in options
    ]
    return found


def _options(command, variables):
    """Returns the output of --help; raises EngineError if it fails."""
    ran = run([*command, "--help"], variables)
    text = ran.stdout + ran.stderr  # Its exit code is meaningless.
    if "--model-repository" not in text:
        raise EngineError(
            "Triton must run, but its --help fails: "
            f"{text.strip()[-1000:]} Received: {command[0]}, "
            f"exit code {ran.returncode}"
        )
    return text

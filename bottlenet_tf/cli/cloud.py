"""`bottlenet-cloud`: a deployment on a server that people run."""

import signal
import sys

from absl import flags

from bottlenet_tf.cli import program, train_flags
from bottlenet_tf.serving import engines
from bottlenet_tf.serving.config import ENGINES, ServerConfig
from bottlenet_tf.serving.supervisor import Timing
from bottlenet_tf.validation import check_at_least

USAGE = """Serves a deployment on Triton or TF Serving.

Examples:
  bottlenet-cloud deploy
  bottlenet-cloud deploy --host=0.0.0.0 --grpc_tls_cert=c --grpc_tls_key=k
  bottlenet-cloud new old  (devices of both are answered)
  bottlenet-cloud deploy --engine=tf_serving --host=0.0.0.0

Finds the engine, starts it, watches it and starts it again should it crash or
hang. Prints one line when it is ready, with what it serves and where. Ctrl-C or
SIGTERM stops it and everything it began. Reachable from this machine alone
unless --host says otherwise; Triton's HTTP has no encryption, so with a
certificate only gRPC listens there. docs/serving.md has the rest."""


def _main(argv):
    train_flags.prepare_tensorflow()
    try:
        values = flags.FLAGS
        check_at_least(1, ready_seconds=values.ready_seconds)
        engines.serve(
            _read(argv[1:], values),
            Timing(ready=values.ready_seconds),
            _stop_by_signals,
            lambda line: print(line, flush=True),
            sys.stderr if values.engine_output else None,
        )
    except train_flags.EXPECTED_ERRORS as error:
        return train_flags.report(error)
    print("Stopped")
    return 0


def _stop_by_signals(supervisor):
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: supervisor.stop())


def _read(deploys, values):
    return ServerConfig(
        deploy=tuple(deploys),
        engine=values.engine,
        host=values.host,
        http_port=values.http_port,
        grpc_port=values.grpc_port,
        metrics_port=values.metrics_port,
        grpc_tls_cert=values.grpc_tls_cert,
        grpc_tls_key=values.grpc_tls_key,
        poll_seconds=values.poll_seconds,
        max_message_mb=values.max_message_mb,
        program=values.program,
        python=values.python,
    )


def _define(module_name):
    common = {"module_name": module_name}
    flags.DEFINE_enum(
        "engine",
        ServerConfig.engine,
        ENGINES,
        "What serves: Triton, TF Serving, or a stand-in for TF Serving in "
        "Python, for development.",
        **common,
    )
    flags.DEFINE_string(
        "host",
        ServerConfig.host,
        "Address to listen on; 0.0.0.0 lets other machines in, who are asked "
        "for no password.",
        **common,
    )
    flags.DEFINE_integer(
        "http_port",
        ServerConfig.http_port,
        "TCP port of HTTP; 0 takes a free one.",
        **common,
    )
    flags.DEFINE_integer(
        "grpc_port",
        ServerConfig.grpc_port,
        "TCP port of gRPC; 0 takes a free one.",
        **common,
    )
    flags.DEFINE_integer(
        "metrics_port",
        ServerConfig.metrics_port,
        "TCP port of Triton's metrics for Prometheus; none if not given.",
        **common,
    )
    flags.DEFINE_string(
        "grpc_tls_cert",
        ServerConfig.grpc_tls_cert,
        "Certificate (PEM) by which gRPC is encrypted; with a certificate, "
        "Triton's HTTP stays on this machine.",
        **common,
    )
    flags.DEFINE_string(
        "grpc_tls_key",
        ServerConfig.grpc_tls_key,
        "Its private key (PEM).",
        **common,
    )
    flags.DEFINE_integer(
        "poll_seconds",
        ServerConfig.poll_seconds,
        "How often Triton looks for versions that were added to the "
        "deployment's cloud/triton, or taken away; 0 for never.",
        **common,
    )
    flags.DEFINE_integer(
        "max_message_mb",
        ServerConfig.max_message_mb,
        "Most MiB of one request, where the engine can be told.",
        **common,
    )
    flags.DEFINE_integer(
        "ready_seconds",
        int(Timing().ready),
        "Longest that the engine may take to get ready.",
        **common,
    )
    flags.DEFINE_string(
        "program",
        ServerConfig.program,
        "Path of `tritonserver` or `tensorflow_model_server`; that in PATH if "
        "not given.",
        **common,
    )
    flags.DEFINE_string(
        "python",
        ServerConfig.python,
        "Python of an environment with nvidia-pytriton, whose Triton is "
        "taken; if not given and none is in PATH, that of "
        "$BOTTLENET_SERVING_VENV or .venv-serving.",
        **common,
    )
    flags.DEFINE_bool(
        "engine_output",
        False,
        "Whether the engine's own output is copied to standard error.",
        **common,
    )


def main():
    """Entry point of `bottlenet-cloud`."""
    # absl's --help shows the flags of the program that was started.
    _define(module_name=sys.argv[0])
    program.start(_main, USAGE)


if __name__ == "__main__":
    main()

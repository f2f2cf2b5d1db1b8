"""`bottlenet-cloud`: a deployment on a server, by Triton or TF Serving."""

import dataclasses
import signal
import sys

from bottlenet_tf.cli import config_flags, program
from bottlenet_tf.common.settings import Settings, setting
from bottlenet_tf.serving import engines
from bottlenet_tf.serving.config import ServerConfig
from bottlenet_tf.serving.supervisor import Timing

USAGE = """Serves a deployment on Triton or TF Serving.

Examples:
  bottlenet-cloud deploy
  bottlenet-cloud deploy --host=0.0.0.0 --grpc_tls_cert=c --grpc_tls_key=k
  bottlenet-cloud new old  (devices of both are answered)
  bottlenet-cloud deploy --engine=tf_serving --host=0.0.0.0

Finds the engine, starts it, watches it and restarts it if it crashes or hangs.
Prints one line with models and addresses when it is ready. Ctrl-C or SIGTERM
stops it and everything it started. Reachable only from this machine unless
--host says otherwise; Triton's HTTP has no encryption, so with a certificate
only gRPC listens there. docs/serving.md has the rest."""


@dataclasses.dataclass(frozen=True)
class _Watch(Settings):
    """How the engine is watched."""

    ready_seconds: int = setting(
        int(Timing().ready),
        "Longest time that the engine may take to get ready.",
        least=1,
    )
    engine_output: bool = setting(
        False, "Whether the engine's own output is copied to standard error."
    )


@program.entry(USAGE, (ServerConfig, _Watch), arguments="DEPLOY...")
def main(values, *deploys):
    """Entry point of `bottlenet-cloud`."""
    watch = config_flags.read(_Watch, values)
    engines.serve(
        config_flags.read(
            ServerConfig, values, deploy=deploys, host=values.host.strip("[]")
        ),
        Timing(ready=watch.ready_seconds),
        _stop_by_signals,
        lambda line: print(line, flush=True),
        sys.stderr if watch.engine_output else None,
    )
    print("Stopped")


def _stop_by_signals(supervisor):
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: supervisor.stop())


if __name__ == "__main__":
    main()

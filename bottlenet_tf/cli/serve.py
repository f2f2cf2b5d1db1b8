"""`bottlenet-serve`: a deployment's SavedModels over TF Serving's gRPC API."""

import dataclasses
import os
import signal
import threading

from bottlenet_tf.cli import config_flags, program, surroundings
from bottlenet_tf.common.settings import Settings, setting
from bottlenet_tf.common.validation import check
from bottlenet_tf.serving.launch import address

USAGE = """Serves the tails of a deployment folder over TF Serving's gRPC API.

Example:
  bottlenet-serve deploy --port=8500

For development: a client of TF Serving works unchanged, but requests are not
collected into batches. docs/serving.md has the command of TF Serving itself.
Stop it with Ctrl-C."""

_GRACE_SECONDS = 5.0


@dataclasses.dataclass(frozen=True)
class _ServeConfig(Settings):
    """One server. `bottlenet-serve --help` explains every field."""

    deploy: str
    host: str = setting(
        "127.0.0.1",
        "Address to listen on; 0.0.0.0 lets other machines in, without "
        "encryption or password.",
    )
    port: int = setting(
        8500,
        "TCP port; 0 takes a free one and prints it.",
        least=0,
        most=2**16 - 1,
    )
    threads: int = setting(4, "Requests processed at once.", least=1)
    queue_size: int = setting(
        64,
        "Most requests that wait, each of up to --max_message_mb; further ones "
        "are refused (RESOURCE_EXHAUSTED).",
        least=0,
    )
    max_batch: int = setting(64, "Most payloads of one request.", least=1)
    max_message_mb: int = setting(16, "Most MiB of one request.", least=1)

    def check_together(self):
        check(
            os.path.isdir(self.deploy),
            "The deployment folder must exist; export.py makes one.",
            deploy=self.deploy,
        )


@program.entry(USAGE, (_ServeConfig,), arguments="DEPLOY")
def main(values, deploy):
    """Entry point of `bottlenet-serve`."""
    config = config_flags.read(_ServeConfig, values, deploy=deploy)
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    # TensorFlow takes seconds to import; bad flags shouldn't.
    serving = surroundings.with_tensorflow("serving.inprocess")

    host = config.host.strip("[]")
    models = serving.load_models(config.deploy, config.max_batch)
    server, port = serving.start_server(
        models, host, config.port, config.threads,
        config.max_message_mb, config.queue_size,
    )  # fmt: skip
    for model in models:
        print(f"{model.name}, version {model.version}")
    print(f"Serving gRPC at {address(host, port)}", flush=True)
    stopped.wait()
    server.stop(_GRACE_SECONDS).wait()
    print("Stopped")


if __name__ == "__main__":
    main()

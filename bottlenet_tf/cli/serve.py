"""`bottlenet-serve`: a deployment's SavedModels over TF Serving's gRPC API."""

import os
import signal
import sys
import threading

from absl import flags

from bottlenet_tf.cli import program, surroundings
from bottlenet_tf.common.validation import check, check_at_least, check_named
from bottlenet_tf.serving.launch import address

USAGE = """Serves the tails of a deployment folder over TF Serving's gRPC API.

Example:
  bottlenet-serve deploy --port=8500

For development: a client of TF Serving works unchanged, but requests are not
collected to batches. docs/serving.md has the command of TF Serving itself.
Stop it with Ctrl-C."""

_GRACE_SECONDS = 5.0


def _main(values, deploy):
    check(
        os.path.isdir(deploy),
        "The deployment folder must exist; export.py makes one.",
        deploy=deploy,
    )
    check_named(host=values.host)
    check(
        0 <= values.port < 2**16,
        "--port must be a TCP port, or 0 for a free one.",
        port=values.port,
    )
    check_at_least(0, queue_size=values.queue_size)
    check_at_least(
        1,
        threads=values.threads,
        max_batch=values.max_batch,
        max_message_mb=values.max_message_mb,
    )
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    # TensorFlow takes seconds to import; bad flags shouldn't.
    serving = surroundings.with_tensorflow("serving.inprocess")

    host = values.host.strip("[]")
    models = serving.load_models(deploy, values.max_batch)
    server, port = serving.start_server(
        models, host, values.port, values.threads,
        values.max_message_mb, values.queue_size,
    )  # fmt: skip
    for model in models:
        print(f"{model.name}, version {model.version}")
    print(f"Serving gRPC at {address(host, port)}", flush=True)
    stopped.wait()
    server.stop(_GRACE_SECONDS).wait()
    print("Stopped")


def _define(module_name):
    common = {"module_name": module_name}
    flags.DEFINE_string(
        "host",
        "127.0.0.1",
        "Address to listen on; 0.0.0.0 lets other machines in, without "
        "encryption or password.",
        **common,
    )
    flags.DEFINE_integer(
        "port", 8500, "TCP port; 0 takes a free one and prints it.", **common
    )
    flags.DEFINE_integer("threads", 4, "Requests at work at once.", **common)
    flags.DEFINE_integer(
        "queue_size",
        64,
        "Most requests that wait, each of up to --max_message_mb; further ones "
        "are refused (RESOURCE_EXHAUSTED).",
        **common,
    )
    flags.DEFINE_integer(
        "max_batch", 64, "Most payloads of one request.", **common
    )
    flags.DEFINE_integer(
        "max_message_mb", 16, "Most MiB of one request.", **common
    )


def main():
    """Entry point of `bottlenet-serve`."""
    _define(module_name=sys.argv[0])
    program.run(_main, USAGE, arguments="DEPLOY")


if __name__ == "__main__":
    main()

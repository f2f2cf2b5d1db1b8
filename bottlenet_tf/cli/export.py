"""`bottlenet-export`: flags -> ExportConfig -> export.run."""

import sys

from absl import flags

from bottlenet_tf.cli import program, train_flags
from bottlenet_tf.export_config import TARGETS, ExportConfig
from bottlenet_tf.run_folders import find_runs

USAGE = """Turns finished runs into one folder that two machines run from.

Examples:
  python export.py --workdir=runs/digits/candidates/RB3 --out=deploy
  python export.py --workdir=runs/a,runs/b --out=deploy --target=trt10
  python export.py --workdir=runs/digits/candidates --out=deploy  (all in it)
  python export.py --workdir=runs/a --pack=runs/a/adapted.pack --out=deploy

  edge/   head for ONNX Runtime, TensorRT and LiteRT, and encode.py, which
          turns images into payloads with NumPy and Pillow alone beside it,
          and run.py, which sends them and answers; whole, the network
          without a split, in the same formats. Of several runs, what their
          networks share is there once, in edge/segments
  cloud/  tail.onnx; SavedModels for TF Serving; a model repository for
          Triton with one model for the payloads of all runs. bottlenet-cloud
          starts either

Every file is run on real images and compared with the Keras model before the
folder appears. manifest.json holds what was measured."""

_FILES = ("float32", "float16", "int8")


def _main(argv):
    train_flags.refuse_arguments(argv)
    train_flags.prepare_tensorflow()
    try:
        config = _read(flags.FLAGS)
        find_runs(config.workdir)  # Importing TensorFlow takes seconds.
        from bottlenet_tf import export

        export.run(config)
    except train_flags.EXPECTED_ERRORS as error:
        return train_flags.report(error)
    return 0


def _define(module_name):
    common = {"module_name": module_name}
    flags.DEFINE_list(
        "workdir",
        [],
        "Work directories of finished runs, with commas between; or a folder "
        "that holds some.",
        **common,
    )
    flags.DEFINE_string(
        "out", "deploy", "Deployment folder to make; new or empty.", **common
    )
    flags.DEFINE_enum(
        "target",
        ExportConfig.target,
        TARGETS,
        "TensorRT of the device and the server. Graphs that it would refuse "
        "are refused here; trt8.2 (Jetson TX2, Nano, Xavier) is the strictest.",
        **common,
    )
    flags.DEFINE_list(
        "litert",
        list(ExportConfig.litert),
        f"LiteRT files to write: {', '.join(_FILES)}; empty for none.",
        **common,
    )
    flags.DEFINE_integer(
        "parity_images",
        ExportConfig.parity_images,
        "Images that every file is compared on: those that validate, or that "
        "train where none do.",
        **common,
    )
    flags.DEFINE_integer(
        "max_batch",
        ExportConfig.max_batch,
        "Most payloads that the server takes through the network at once; 8 "
        "is right for a CPU, 64 for a GPU.",
        **common,
    )
    flags.DEFINE_integer(
        "queue_delay_us",
        ExportConfig.queue_delay_us,
        "Microseconds that the server waits for more payloads to fill a "
        "batch. With 0, those that came in while it computed are the next.",
        **common,
    )
    flags.DEFINE_integer(
        "queue_size",
        ExportConfig.queue_size,
        "Most requests that wait for the server; further ones are refused at "
        "once (HTTP 503, gRPC UNAVAILABLE).",
        **common,
    )
    flags.DEFINE_integer(
        "queue_timeout_ms",
        ExportConfig.queue_timeout_ms,
        "Longest wait of a request, after which it is refused likewise.",
        **common,
    )
    flags.DEFINE_integer(
        "server_threads",
        ExportConfig.server_threads,
        "CPU threads that one batch is computed by.",
        **common,
    )
    flags.DEFINE_string(
        "served_name",
        ExportConfig.served_name,
        "Name of the served model that takes any payload of the deployment.",
        **common,
    )
    flags.DEFINE_string(
        "pack",
        None,
        "Rate pack by bottlenet-adapt, whose unit takes the place of the "
        "run's own; of one run alone.",
        **common,
    )
    flags.DEFINE_string(
        "plan",
        None,
        "plan.json by bottlenet-select, from which the device chooses; copied "
        "to edge/ once it names units of this deployment alone.",
        **common,
    )


def _read(values):
    return ExportConfig(
        workdir=tuple(values.workdir),
        out=values.out,
        target=values.target,
        litert=tuple(kind for kind in values.litert if kind),
        parity_images=values.parity_images,
        max_batch=values.max_batch,
        queue_delay_us=values.queue_delay_us,
        queue_size=values.queue_size,
        queue_timeout_ms=values.queue_timeout_ms,
        server_threads=values.server_threads,
        served_name=values.served_name,
        pack=values.pack,
        plan=values.plan,
    )


def main():
    """Entry point of `bottlenet-export` and `export.py`."""
    # absl's --help shows the flags of the program that was started.
    _define(module_name=sys.argv[0])
    program.start(_main, USAGE, cleans_up=True)


if __name__ == "__main__":
    main()

"""`bottlenet-export`: flags -> ExportConfig -> export.run."""

from bottlenet_tf.cli import config_flags, program, surroundings
from bottlenet_tf.common.run_folders import find_runs
from bottlenet_tf.config.export import ExportConfig

USAGE = """Turns finished runs into one deployment folder for device and server.

Examples:
  python export.py --workdir=runs/digits/candidates/RB3 --out=deploy
  python export.py --workdir=runs/a,runs/b --out=deploy --target=trt10
  python export.py --workdir=runs/digits --out=deploy  (all of a search)
  python export.py --workdir=runs/a --out=deploy --noonnx  (LiteRT, TF Serving)
  python export.py --workdir=runs/a --pack=runs/a/adapted.pack --out=deploy
  python export.py --workdir=runs/a,runs/b --pack=runs/b/adapted.pack \\
      --plan=plan.json --out=deploy

  edge/   head for ONNX Runtime, TensorRT and LiteRT, and encode.py, which
          turns images into payloads with no more than NumPy and Pillow, and
          run.py, which sends them and answers; whole, the network without a
          split, in the same formats. The layers that several runs share are
          stored once, in edge/segments
  cloud/  tail.onnx; SavedModels for TF Serving; a model repository for
          Triton with one model for the payloads of all runs. bottlenet-cloud
          starts either

Every file is run on real images and compared with the Keras model before the
folder appears. manifest.json has the measurements."""


@program.entry(USAGE, (ExportConfig,), cleans_up=True)
def main(values):
    """Entry point of `bottlenet-export` and `export.py`."""
    config = config_flags.read(ExportConfig, values)
    find_runs(config.workdir)  # Importing TensorFlow takes seconds.
    surroundings.with_tensorflow("export").run(config)


if __name__ == "__main__":
    main()

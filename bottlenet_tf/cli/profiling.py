"""`bottlenet-profile`: flags -> ProfileConfig -> profiling.measure.run."""

import sys

from absl import flags

from bottlenet_tf.cli import program, train_flags
from bottlenet_tf.profiling.config import SIDES, TAIL_DEVICES, ProfileConfig
from bottlenet_tf.profiling.meters import NAMES
from bottlenet_tf.runtime.runtimes import AUTOMATIC, RUNTIMES

USAGE = """Measures what each split costs on this machine, for one profile.

Examples:
  bottlenet-profile --deploy=deploy --out=server.json --loads=0,1,4
      the exported files; 1 and 4 processes compete for the machine
  bottlenet-profile --deploy=deploy --sides=device --out=jetson.json
      on the device, which needs manifest.json and edge/ of the deployment
  bottlenet-profile --deploy=deploy --sides=server --out=server.json
      on the server, which needs cloud/ as well
  bottlenet-profile --workdir=runs/digits/candidates
      the Keras halves of runs that weren't exported

  head, encode    the device's network and its codec: pixels to payload
  decode, tail    the server's codec and its network: payload to logits
  whole           the network without a split, which mobile-only runs on the
                  device and cloud-only on the server; always measured
  served          the same, as the server runs it, if both sides are measured
                  and run it in different ways

For a device that isn't at hand, a profile may be a CSV file by hand:
  # device=Jetson TX2
  # network=cifar_resnet20
  split,part,load,median_ms,power_mw
  RB3,head,0,4.1,5200
  RB3,encode,0,0.3,4800
load (0) and power_mw may be left out, memory_mb added.
docs/profiling.md tells the rest."""


def _main(argv):
    train_flags.refuse_arguments(argv)
    train_flags.prepare_tensorflow()
    try:
        config = _read(flags.FLAGS)
        from bottlenet_tf.profiling import measure

        measure.run(config)
    except (*train_flags.EXPECTED_ERRORS, ImportError) as error:
        return train_flags.report(error)
    return 0


def _define(module_name):
    common = {"module_name": module_name}
    default = ProfileConfig
    for name, value, text in (
        (
            "workdir",
            default.workdir,
            "Work directories of finished runs, with commas between; or a "
            "folder that holds some. Beside --deploy, for an early export "
            "without whole: it is taken from the first.",
        ),
        (
            "sides",
            default.sides,
            f"What to measure: {', '.join(SIDES)}; a side brings whole.",
        ),
        (
            "loads",
            default.loads,
            "Load levels: how many other processes do the same side's work "
            "meanwhile.",
        ),
    ):
        flags.DEFINE_list(name, list(map(str, value)), text, **common)
    for name, text in (
        ("deploy", "Deployment folder of export.py."),
        ("out", "Profile to write, a new .json file."),
        ("device", "The machine's name; by default what it says itself."),
        (
            "images",
            "Folder of images to measure on; by default those that validate in "
            "the run's data set, or noise if that can't be opened.",
        ),
        (
            "rail",
            "Rail of --meter=ina3221, or several with '+' between; by "
            "default the one that feeds all.",
        ),
    ):
        flags.DEFINE_string(name, getattr(default, name), text, **common)
    for name, text in (
        ("repeats", "Runs of each part, at least."),
        ("warmup", "Runs before, untimed."),
        ("threads", "CPU threads of one run; the library's choice if unset."),
        ("num_images", "Images to take turns with."),
    ):
        flags.DEFINE_integer(name, getattr(default, name), text, **common)
    for name, text in (
        ("seconds", "Time that each part is run for, at least."),
        (
            "power_w",
            "Watts that --meter=constant supposes, and auto where it finds "
            "no meter.",
        ),
    ):
        flags.DEFINE_float(name, getattr(default, name), text, **common)
    for name, choices, text in (
        (
            "runtime",
            tuple(RUNTIMES),
            "What runs an exported head and whole; by default the first of "
            f"{', '.join(AUTOMATIC)} whose file and library are there.",
        ),
        (
            "tail_device",
            TAIL_DEVICES,
            "Where ONNX Runtime runs an exported tail, and what is served.",
        ),
        (
            "meter",
            NAMES,
            "Energy meter: a Jetson's INA3221; RAPL of Intel and AMD (as "
            "root); NVML, the GPU alone; a constant --power_w; auto takes the "
            "first that can be read.",
        ),
    ):
        flags.DEFINE_enum(name, getattr(default, name), choices, text, **common)


def _read(values):
    lists = {
        "workdir": tuple(values.workdir),
        "sides": tuple(values.sides),
        "loads": train_flags.whole_numbers("loads", values.loads),
    }
    others = {
        name: getattr(values, name)
        for name in ProfileConfig.__dataclass_fields__
        if name not in lists
    }
    return ProfileConfig(**lists, **others)


def main():
    """Entry point of `bottlenet-profile`."""
    # absl's --help shows the flags of the program that was started.
    _define(module_name=sys.argv[0])
    program.start(_main, USAGE, cleans_up=True)


if __name__ == "__main__":
    main()

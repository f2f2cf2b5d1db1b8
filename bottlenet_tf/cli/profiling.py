"""`bottlenet-profile`: flags -> ProfileConfig -> profiling.measure.run."""

from bottlenet_tf.cli import config_flags, program, surroundings
from bottlenet_tf.profiling.config import ProfileConfig

USAGE = """Measures the cost of each split on this machine, for one profile.

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

For a device you don't have, a profile may be a CSV file written by hand:
  # device=Jetson TX2
  # network=cifar_resnet20
  split,part,load,median_ms,power_mw
  RB3,head,0,4.1,5200
  RB3,encode,0,0.3,4800
load (0) and power_mw may be left out, memory_mb added.
docs/profiling.md has the rest."""


@program.entry(USAGE, (ProfileConfig,), cleans_up=True)
def main(values):
    """Entry point of `bottlenet-profile`."""
    config = config_flags.read(ProfileConfig, values)
    surroundings.with_tensorflow("profiling.measure").run(config)


if __name__ == "__main__":
    main()

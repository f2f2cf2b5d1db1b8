"""`bottlenet-cuts MODEL`: where a network can be cut, before any training."""

from bottlenet_tf.cli import config_flags, program, surroundings
from bottlenet_tf.config.data import DataConfig
from bottlenet_tf.config.export import CutsConfig

USAGE = """Lists where a network can be cut: bottlenet-cuts MODEL

MODEL is a value of train.py's --backbone: a name, or a .keras file. For every
cut: the feature's shape, the device's share of the work, its size in 8 bits,
and what an export of head and tail would refuse (ONNX, TensorRT, LiteRT). With
--dataset also the deflated size, and the accuracy of a trained network on the
validation images. Nothing is trained.

Examples:
  bottlenet-cuts mobilenet_v2 --image_size=96
  bottlenet-cuts my_network.keras --dataset=/photos
  bottlenet-cuts cifar_resnet20 --backbone_weights=weights/cifar_resnet20.npz \\
      --dataset=cifar10 --json=cuts.json"""


@program.entry(
    USAGE,
    (CutsConfig, DataConfig),
    arguments="MODEL",
    without=("augmentation", "flip", "max_train", "max_test"),
)
def main(values, model):
    """Entry point of `bottlenet-cuts`."""
    data = None
    if values["dataset"].present:
        data = config_flags.read(DataConfig, values)
    config = config_flags.read(
        CutsConfig,
        values,
        backbone=model,
        data=data,
        image_size=values.image_size,
    )
    cuts = surroundings.with_tensorflow("export.cuts")
    found = cuts.look(config)
    print(cuts.table(found))
    if config.json:
        cuts.write(found, config.json)


if __name__ == "__main__":
    main()

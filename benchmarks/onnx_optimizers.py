"""Our ONNX passes against onnxslim and ONNX Runtime's own optimiser.

Parts of small networks are translated by tf2onnx and given to each. Printed are
nodes and Transposes that are left, and operators that aren't ONNX's own, which
TensorRT would refuse.

    pip install onnxslim
    python benchmarks/onnx_optimizers.py
"""

import pathlib
import tempfile
from unittest import mock

from bottlenet_tf.cli.surroundings import prepare

prepare()

import keras  # noqa: E402 (after the preparation)
import onnx  # noqa: E402
import onnxruntime  # noqa: E402
import onnxslim  # noqa: E402

from bottlenet_tf import backbones  # noqa: E402
from bottlenet_tf.config.run import UnitConfig  # noqa: E402
from bottlenet_tf.export import (  # noqa: E402
    frozen,
    onnx_flatten,
    onnx_graphs,
    onnx_transposes,
)
from bottlenet_tf.models.bottlenet import build_bottlenet  # noqa: E402

UNIT = UnitConfig(channels=3, quality=60)


def networks():
    """Yields `(name, split network)`."""
    caffe = backbones.create(
        "cifar_resnet20", image_size=32, num_classes=10, preprocessing="caffe"
    )
    yield "ResNet-20, BGR, RB1", build_bottlenet(caffe, "RB1", UNIT)
    for name, split in (
        ("mobilenet_v2", "block_2_add"),
        ("mobilenet_v3_small", "expanded_conv_2_add"),
        ("efficientnet_b0", "block2b_add"),
    ):
        network = backbones.create(name, image_size=64, num_classes=10)
        yield f"{name}, {split}", build_bottlenet(network, split, UNIT)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "flat.keras"
        flat_network().save(path)
        network = backbones.create(str(path), image_size=32, num_classes=10)
    yield "Flatten, Dense", build_bottlenet(network, "cut", UNIT)


def flat_network():
    """Returns a Keras network with a Flatten behind its convolutions."""
    image = keras.Input((32, 32, 3))
    x = keras.layers.Conv2D(8, 3, 2, padding="same", name="cut")(image)
    x = keras.layers.Conv2D(8, 3, 2, padding="same", activation="relu")(x)
    x = keras.layers.Flatten()(x)
    return keras.Model(image, keras.layers.Dense(10, name="logits")(x))


def translated(part):
    """Returns a part as tf2onnx translates it, without our passes."""
    with (
        mock.patch.object(onnx_transposes, "cancel_transposes"),
        mock.patch.object(onnx_flatten, "flatten_as_laid_out"),
    ):
        return onnx_graphs.convert(part)


def slimmed(model):
    """Returns a model optimised by onnxslim."""
    return onnxslim.slim(onnx.ModelProto.FromString(model.SerializeToString()))


def by_runtime(model, level):
    """Returns a model optimised by ONNX Runtime at a level."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "model.onnx"
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.graph_optimization_level = level
        options.optimized_model_filepath = str(path)
        onnxruntime.InferenceSession(
            model.SerializeToString(), options, ["CPUExecutionProvider"]
        )
        return onnx.load(path)


def counts(model):
    """Returns "nodes / Transposes", and "*" for operators of others."""
    nodes = model.graph.node
    transposes = sum(node.op_type == "Transpose" for node in nodes)
    is_foreign = any(node.domain not in ("", "ai.onnx") for node in nodes)
    return f"{len(nodes)} / {transposes}{'*' if is_foreign else ''}"


def main():
    """Prints a line for each part."""
    levels = onnxruntime.GraphOptimizationLevel
    print(
        "| part | tf2onnx | ours | onnxslim | ONNX Runtime, basic | extended |"
    )
    print("|:--|--:|--:|--:|--:|--:|")
    for name, model in networks():
        for kind in ("head", "tail"):
            part = getattr(frozen, kind)(model)
            plain = translated(part)
            row = [
                plain,
                onnx_graphs.convert(part),
                slimmed(plain),
                by_runtime(plain, levels.ORT_ENABLE_BASIC),
                by_runtime(plain, levels.ORT_ENABLE_EXTENDED),
            ]
            print("|", " | ".join([f"{name}, {kind}", *map(counts, row)]), "|")


if __name__ == "__main__":
    main()

"""A training step of a learned unit in bfloat16 against one in float32.

CIFAR ResNet-20 cut after a block, unit and tail of
flags/cifar10_resnet20_rb3_learned.flags, features computed beforehand, batch
128, both steps in turns in one process; the ratio counts. bfloat16 pays only on
a processor with instructions for it (AVX512-BF16, AMX). Expects
weights/cifar_resnet20.npz.

    taskset -c 0 python benchmarks/learned_step.py [--split=RB6]
"""

import argparse
import os

from timing import in_turns

from bottlenet_tf.cli.surroundings import prepare

prepare()

import tensorflow as tf  # noqa: E402 (after the preparation)

from bottlenet_tf.config.run import (  # noqa: E402
    DataConfig,
    LearnedUnitConfig,
    TrainConfig,
)
from bottlenet_tf.models.precision import dtype_policy  # noqa: E402
from bottlenet_tf.training import optimizers  # noqa: E402
from bottlenet_tf.training.distribution import build_strategy  # noqa: E402
from bottlenet_tf.training.learned_step import LearnedStepper  # noqa: E402
from bottlenet_tf.training.network import build_network  # noqa: E402

BATCH, CLASSES, STEPS, REPEATS = 128, 10, 1000, 15


def training_step(split, precision):
    """Returns a function that trains for a step."""
    config = TrainConfig(
        workdir="unused",
        backbone="cifar_resnet20",
        data=DataConfig("digits", image_size=32),
        backbone_weights="weights/cifar_resnet20.npz",
        mode="tail",
        split=split,
        unit=LearnedUnitConfig(),
        batch_size=BATCH,
        precision=precision,
    )
    with dtype_policy(precision):
        network = build_network(config, 32, CLASSES)
    optimizer = optimizers.for_learned_unit(config, network.model, 1, STEPS)
    stepper = LearnedStepper(
        config, network.model, None, optimizer, build_strategy("none", BATCH),
        STEPS,
    )  # fmt: skip
    shape = network.model.prefix.output_shape[1:]
    feature = tf.random.normal((BATCH, *shape))
    answers = tf.random.normal((BATCH, CLASSES))
    targets = tf.one_hot(tf.range(BATCH) % CLASSES, CLASSES)
    return lambda: stepper.with_features(
        feature, answers, targets, tf.constant(1)
    ).numpy()


def main():
    """Prints milliseconds of both steps and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--split", default="RB3")
    split = parser.parse_args().split
    names = "float32", "mixed_bfloat16"
    whole, half = in_turns([training_step(split, n) for n in names], REPEATS)
    print(
        f"{split}, batch {BATCH}: float32 {whole:.0f} ms, bfloat16 "
        f"{half:.0f} ms, ratio {half / whole:.2f} (n={REPEATS} each, medians; "
        f"{len(os.sched_getaffinity(0))} cores)"
    )


if __name__ == "__main__":
    main()

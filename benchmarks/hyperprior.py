r"""How much a hyperprior would save a learned unit: an experiment.

    python benchmarks/hyperprior.py --workdir=runs/cifar10/resnet20_rb3_learned

Takes the codes that a finished run makes of its data set's images at some
operating points, and prints the mean bytes of a validation image

1. as they are sent, by the range coder with the run's static tables;
2. by a learned prior of each coefficient (mixtures of logistics), fitted to
   the codes of the training images at this point alone;
3. by the same prior with a hyperprior: a small network sees all codes of the
   image, `--latents` integers of it are sent first (their bits count), and
   another network turns these into a scale for each coefficient.

The hyperprior's networks see whole images' codes and are trained for the bits
alone, on fixed codes: the gain is what is left between codes, not what a unit
might make of it if it learned along.

Reference: Balle et al., 2018, arXiv:1802.01436.
"""

import argparse
import pathlib

from bottlenet_tf.cli.surroundings import prepare

prepare()

import keras  # noqa: E402 (after the preparation)
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

from bottlenet_tf.common.run_folders import CONFIG_FILE  # noqa: E402
from bottlenet_tf.config.run import TrainConfig  # noqa: E402
from bottlenet_tf.layers.learned.prior import LogisticMixture  # noqa: E402
from bottlenet_tf.training import load_model  # noqa: E402
from bottlenet_tf.training.runner import load_data  # noqa: E402

BATCH = 200


def parse_args():
    """Returns the parsed command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workdir", required=True, help="a finished run")
    parser.add_argument("--points", default="2,8,14", help="their indices")
    parser.add_argument("--latents", type=int, default=8)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--images", type=int, default=20000)
    parser.add_argument("--epochs", type=int, default=20)
    return parser.parse_args()


def codes_of(model, part, points):
    """Returns int16 codes `(images, n)` for each point."""

    @tf.function
    def encode(images):
        made = model.unit.codes_at_points(model.features(images))
        return [tf.cast(made[point], tf.int16) for point in points]

    batches = part.guard(part.batches(BATCH))
    found = [[c.numpy() for c in encode(images)] for images, _ in batches]
    return [np.concatenate(each) for each in zip(*found)]


class Hyperprior(keras.Model):
    """Bits of codes, `(batch,)`, by a prior that may know the image.

    Args:
        coefficients: n.
        latents: Integers that are sent first; 0 for none.
        width: Of the hidden layers.
    """

    def __init__(self, coefficients, latents, width):
        super().__init__()
        self.prior = LogisticMixture(coefficients)
        self.prior.build()
        self.analysis = None
        if latents:
            self.analysis = keras.Sequential(
                [
                    keras.Input((coefficients,)),
                    keras.layers.Dense(width, activation="relu"),
                    keras.layers.Dense(latents),
                ]
            )
            self.synthesis = keras.Sequential(
                [
                    keras.Input((latents,)),
                    keras.layers.Dense(width, activation="relu"),
                    keras.layers.Dense(
                        coefficients, kernel_initializer="zeros"
                    ),
                ]
            )
            self.outer = LogisticMixture(latents)
            self.outer.build()

    def call(self, codes, training=False):
        gain = tf.ones_like(codes)
        zeros = tf.zeros_like(codes[:, 0])
        if self.analysis is None:
            return self.prior(codes, gain, zeros)
        h = self.analysis(tf.math.log1p(tf.abs(codes)))
        rounded = h + tf.stop_gradient(tf.round(h) - h)
        seen = rounded
        if training:
            seen = h + tf.random.uniform(tf.shape(h), -0.5, 0.5)
        side = self.outer(seen, tf.ones_like(h), zeros)
        gain = tf.exp(self.synthesis(rounded))
        return side + self.prior(codes, gain, zeros)


def fit(model, codes, epochs, start):
    """Trains on the bits; from another model's prior if there is one."""
    if start is None:
        model.prior.start_from(np.maximum(codes.std(0), 0.05))
    else:
        model.prior.set_weights(start.prior.get_weights())
    steps = epochs * (len(codes) // BATCH)
    schedule = keras.optimizers.schedules.CosineDecay(3e-3, steps)
    optimizer = keras.optimizers.Adam(schedule)
    optimizer.build(model.trainable_variables)

    @tf.function
    def step(batch):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(model(batch, training=True))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply(gradients, model.trainable_variables)

    generator = np.random.default_rng(0)
    for _ in range(epochs):
        order = generator.permutation(len(codes))
        for i in range(len(codes) // BATCH):
            rows = order[i * BATCH : (i + 1) * BATCH]
            step(tf.constant(codes[rows], tf.float32))


def mean_bytes(model, codes):
    """Returns the mean bytes of an image by a model's bits."""
    bits = [
        model(tf.constant(codes[i : i + BATCH], tf.float32))
        for i in range(0, len(codes), BATCH)
    ]
    return float(np.mean(np.concatenate(bits))) / 8


def main():
    """Prints a row for each point."""
    args = parse_args()
    keras.utils.set_random_seed(0)
    text = (pathlib.Path(args.workdir) / CONFIG_FILE).read_text()
    dataset = load_data(TrainConfig.from_json(text))
    network = load_model(args.workdir)
    points = [int(point) for point in args.points.split(",")]
    parts = dataset.train.limit(args.images), dataset.validation
    train, held_out = (codes_of(network, part, points) for part in parts)
    print("point  sent B  learned prior B  with hyperprior B  saved")
    for point, ours, theirs in zip(points, train, held_out, strict=True):
        codec = network.unit.byte_codec
        sent = float(np.mean(codec.sizes(theirs, point)))
        models = []
        for latents in (0, args.latents):
            model = Hyperprior(theirs.shape[1], latents, args.width)
            # The hyperprior begins with the plain one: as many steps in all.
            if latents:
                fit(model, ours, args.epochs, models[0])
            else:
                fit(model, ours, 2 * args.epochs, None)
            models.append(model)
        plain, hyper = (mean_bytes(model, theirs) for model in models)
        print(
            f"{point:5d}  {sent:6.1f}  {plain:15.1f}  {hyper:17.1f}  "
            f"{100 * (1 - hyper / plain):4.1f} %",
            flush=True,
        )


if __name__ == "__main__":
    main()

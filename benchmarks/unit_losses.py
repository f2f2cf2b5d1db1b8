r"""What a learned unit loses, and where: rounding, mixing, dropping, patches.

    python benchmarks/unit_losses.py runs/some_learned_run --images=400

Restores the features of validation images from ever more of the unit's inside:
from its codes, from coefficients that aren't rounded, from the kept values of
the grid before they are mixed, from all patches. Prints for each the divergence
of the answers from the unsplit network's, how many agree, and the squared error
of the feature over its variance. No label is read.

What the third row hasn't and the second has is lost to a mixing that reduces
(--mixed_to), between third and fourth to --coefficients, in the fourth to
--patch_channels.
"""

import argparse

import numpy as np
import tensorflow as tf

from bottlenet_tf.common.markdown import aligned
from bottlenet_tf.export.finished_run import load_run

BATCH = 25


def restorations(unit, feature, point):
    """Yields `(name, restored feature)` of a batch at t `(batch,)`."""
    gained = unit.coefficients(feature) * unit.gain(point)
    yield "codes", unit.decode({"codes": tf.round(gained)}, point)
    yield "not rounded", unit.decode({"codes": gained}, point)
    halves = unit.analysis, unit.synthesis
    mixings = [half.mixing for half in halves]
    for half in halves:
        half.mixing = None
    kept = unit.synthesis.patches(unit.coefficients(feature))
    for half, mixing in zip(halves, mixings, strict=True):
        half.mixing = mixing
    yield "nor mixed", unit.restore(kept, point)
    yield "nor dropped", unit.restore(unit.patches(feature), point)


def measure(model, batches, t):
    """Returns `{name: (divergence, agreement, error)}` of all images."""
    rows = {}
    for images in batches:
        feature = tf.cast(model.features(images), tf.float32)
        wanted = model.answer(feature)
        likely = tf.nn.log_softmax(tf.cast(wanted, tf.float32))
        point = tf.fill((len(feature),), t)
        for name, restored in restorations(model.unit, feature, point):
            given = tf.cast(model.answer(restored, point), tf.float32)
            apart = tf.exp(likely) * (likely - tf.nn.log_softmax(given))
            same = tf.argmax(wanted, -1) == tf.argmax(given, -1)
            error = tf.square(tf.cast(restored, tf.float32) - feature)
            figures = (
                tf.reduce_sum(apart, -1),
                tf.cast(same, tf.float32),
                tf.reduce_mean(error, (1, 2, 3))
                / tf.math.reduce_variance(feature),
            )
            rows.setdefault(name, []).append([f.numpy() for f in figures])
    return {
        name: [np.mean(np.concatenate(column)) for column in zip(*found)]
        for name, found in rows.items()
    }


def main():
    """Prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("run")
    parser.add_argument("--images", type=int, default=400)
    parser.add_argument("--all_points", action="store_true")
    args = parser.parse_args()
    run = load_run(args.run)
    part = run.dataset.validation.limit(args.images)
    batches = [images for images, _ in part.batches(BATCH)]
    points = run.model.unit.points
    header = ["t", "restored from", "divergence", "agree %", "error"]
    table = []
    for t in points if args.all_points else points[:1]:
        for name, figures in measure(run.model, batches, t).items():
            divergence, agree, error = figures
            table.append(
                [f"{t:.2f}", name, f"{divergence:.4f}"]
                + [f"{100 * agree:.2f}", f"{error:.4f}"]
            )
    print(f"{len(part)} validation images, {args.run}")
    print("\n".join(aligned(header, table, 2)))


if __name__ == "__main__":
    main()

r"""A limit of bytes: what keeping it costs, and what images it is for.

On one thread of a deployed head, medians of calls in turns, with the range
coder in C where it was built, and in plain Python as most devices have it:

1. an image at the default point, against limits that the finest point keeps,
   that the middle one keeps, and that none keeps; the network runs once in
   each;
2. bytes at the finest and the coarsest point, and the largest payload under a
   limit: of ordinary images, of noise, checkerboards and saturated ones, and
   of ordinary ones that were changed by at most 8 of 255 levels to take more
   bytes at the finest point.

    taskset -c 0 python benchmarks/byte_limit.py --deploy=deploy --images=photos
    ... --run=runs/unit  # the run that deploy was exported from
"""

import argparse
import pathlib

import numpy as np
from timing import cores_and_load, in_turns

from bottlenet_tf.codec import range_coder
from bottlenet_tf.runtime.edge import Head

IMAGES = 24
LEVELS = 8  # Of 255, by which an adversary may change a pixel.


def read(head, folder):
    """Returns a folder's first images as the head prepares them."""
    paths = sorted(pathlib.Path(folder).iterdir())[:IMAGES]
    return np.stack([head.prepare(path) for path in paths])


def sizes(head, image, points=None):
    """Returns the bytes of an image's payload at points, by default all."""
    values, code_range = head.run(image)
    points = range(len(head.unit.points)) if points is None else points
    codes = [head._packer.codes(values, i) for i in points]
    return [len(head.pack(c, code_range, i)) for c, i in zip(codes, points)]


def costs(head, image, repeats):
    """Prints the milliseconds of each way to encode, and their ratios."""
    at_points = sizes(head, image)
    beyond = (head.least_bytes + at_points[-1]) // 2
    limits = {
        "limit kept at once": at_points[0],
        "limit kept by the middle point": at_points[len(at_points) // 2],
        "limit below the coarsest": beyond,
    }
    ways = {
        "network alone": lambda: head.run(image),
        "default point": lambda: head.encode(image),
    }
    for name, limit in limits.items():
        ways[name] = lambda limit=limit: head.encode(image, max_bytes=limit)
    times = dict(zip(ways, in_turns(list(ways.values()), repeats)))
    for name, taken in times.items():
        line = f"  {name:<32}{taken:8.3f} ms"
        line += f"{taken / times['default point']:8.3f} x the default point"
        if name in limits:
            fitted = head.fit(*head.run(image), limits[name])
            line += f", {fitted.tries} tries, {limits[name]} B"
        print(line, flush=True)


def odd_images(rng, images):
    """Yields `(name, images)` of kinds that no unit is made for."""
    shape = images.shape
    yield "noise", rng.integers(0, 256, shape, np.uint8)
    yield "saturated noise", 255 * rng.integers(0, 2, shape, np.uint8)
    y, x = np.indices(shape[1:3])
    boards = [(x // p + y // p) % 2 for p in (1, 2, 4, 8)]
    boards = np.stack(boards)[..., None].repeat(3, axis=-1)
    yield "checkerboards", (255 * boards).astype(np.uint8)
    plain = [np.broadcast_to(c, shape[1:]) for c in np.eye(4, 3) * 255]
    yield "one colour", np.stack(plain).astype(np.uint8)


def adversarial(head, image, tries, rng):
    """Returns an image near this one that takes more bytes.

    Squares of random colours are added, and kept where bytes at the finest
    point do not fall: no gradient is known to whoever can only ask the head.
    """
    side = image.shape[0]
    low = np.maximum(image.astype(int) - LEVELS, 0)
    high = np.minimum(image.astype(int) + LEVELS, 255)
    best, (most,) = image, sizes(head, image, [0])
    for i in range(tries):
        width = max(1, int(side * 0.5 * (1 - i / tries)))
        y, x = rng.integers(0, side - width + 1, 2)
        changed = best.astype(int)
        square = changed[y : y + width, x : x + width]
        square += rng.choice((-2 * LEVELS, 2 * LEVELS), (1, 1, 3))
        changed = np.clip(changed, low, high).astype(np.uint8)
        (size,) = sizes(head, changed, [0])
        if size >= most:
            best, most = changed, size
    return best


def by_gradient(run, images, steps=60):
    """Returns images near these whose bits at the finest point are most.

    Projected gradient ascent on the prior's bits, a level a step.
    """
    from bottlenet_tf.cli.surroundings import prepare

    prepare()
    import tensorflow as tf

    from bottlenet_tf.training.network import load_model

    model = load_model(run)
    start = tf.cast(images, tf.float32)
    low = tf.maximum(start - LEVELS, 0.0)
    high = tf.minimum(start + LEVELS, 255.0)
    point = tf.fill((len(images),), model.unit.points[0])

    @tf.function
    def climb(changed):
        with tf.GradientTape() as tape:
            tape.watch(changed)
            feature = model.features(changed)
            *_, bits = model.unit.transmit(feature, point)
        step = tf.sign(tape.gradient(bits, changed))
        return tf.clip_by_value(changed + step, low, high)

    changed = start
    for _ in range(steps):
        changed = climb(changed)
    return tf.cast(tf.round(changed), tf.uint8).numpy()


def inflation(head, images, tries, run):
    """Prints bytes of each kind of image, and that the limit is kept."""
    rng = np.random.default_rng(0)
    kinds = {"ordinary": images, **dict(odd_images(rng, images))}
    changed = [adversarial(head, image, tries, rng) for image in images[:8]]
    kinds["the first 8 of them"] = images[:8]
    kinds["those, adversarial"] = np.stack(changed)
    if run is not None:
        kinds["those, by gradient"] = by_gradient(run, images[:8])
    found = {
        name: np.array([sizes(head, image) for image in kind])
        for name, kind in kinds.items()
    }
    limit = int(found["ordinary"][:, head.unit.default_point].max())
    print(
        f"bytes of {len(images)} ordinary images and others (mean, max), and "
        f"the most under a limit of {limit} B, the ordinary ones' at the "
        "default point"
    )
    for name, kind in kinds.items():
        fine, coarse = found[name][:, 0], found[name][:, -1]
        kept = [len(head.encode(each, max_bytes=limit)) for each in kind]
        print(
            f"  {name:<24}finest {fine.mean():7.1f} {fine.max():6d}   coarsest "
            f"{coarse.mean():7.1f} {coarse.max():6d}   limit {max(kept):6d}",
            flush=True,
        )


def main():
    """Prints both measurements of one deployment."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--deploy", required=True)
    parser.add_argument("--images", required=True)
    parser.add_argument("--run", help="for adversaries that know the network")
    parser.add_argument("--repeats", type=int, default=100)
    parser.add_argument("--tries", type=int, default=300, help="of adversaries")
    args = parser.parse_args()
    head = Head.load(args.deploy, threads=1)
    images = read(head, args.images)
    print(
        f"\n{cores_and_load()}, medians of {args.repeats} in turns, "
        f"{head.runtime}, {head.unit.format.shape} codes, "
        f"{len(head.unit.points)} points"
    )
    native = range_coder._native
    for name, form in (("C", native), ("plain Python", None)):
        if name == "C" and native is None:
            continue
        range_coder._native = form
        print(f"range coder in {name}:")
        costs(head, images[0], args.repeats)
    range_coder._native = native
    inflation(head, images, args.tries, args.run)


if __name__ == "__main__":
    main()

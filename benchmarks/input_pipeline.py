"""Measures how fast training batches come out of a data set.

    python benchmarks/input_pipeline.py --dataset=mini_imagenet \\
        --manual_dir=/data/mini

prints images per second for batches of 64, resized, cropped and flipped as in
training: n batches after the warm-up, from one epoch, without a network. On a
shared machine look at images per second of processor time instead: times the
cores, that is what an idle machine would give.
"""

import argparse
import os
import statistics
import sys
import time


def parse_args(argv=None):
    """Returns the parsed command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", required=True, help="as for training")
    parser.add_argument("--data_dir", help="TFDS's root")
    parser.add_argument("--manual_dir", help="folder of mini_imagenet")
    parser.add_argument("--image_size", type=int, default=224)
    parser.add_argument("--batch_size", type=int, default=64)
    parser.add_argument("--warmup", type=int, default=10, help="batches")
    parser.add_argument("--batches", type=int, default=100)
    return parser.parse_args(argv)


def measure(dataset, batch_size, warmup, batches):
    """Returns `(first_s, seconds, cpu_s)` of consecutive batches.

    Time to the first batch, of each measured one, and the processor time of
    all measured ones.
    """
    start = time.perf_counter()
    stream = iter(dataset.train_batches(batch_size, epoch=0))
    next(stream)
    first_s = time.perf_counter() - start
    for _ in range(warmup - 1):
        next(stream)
    seconds = []
    cpu_start = time.process_time()
    for _ in range(batches):
        start = time.perf_counter()
        next(stream)
        seconds.append(time.perf_counter() - start)
    return first_s, seconds, time.process_time() - cpu_start


def main(argv=None):
    """Loads, measures and prints one line."""
    args = parse_args(argv)
    from bottlenet_tf import data

    dataset = data.load(
        args.dataset,
        image_size=args.image_size,
        data_dir=args.data_dir,
        manual_dir=args.manual_dir,
    )
    batches = dataset.steps_per_epoch(args.batch_size) - args.warmup
    batches = min(args.batches, batches)
    if args.warmup < 1 or batches < 1:
        sys.exit("the warm-up must leave batches of the epoch to measure")
    load_before = os.getloadavg()[0]
    first_s, seconds, cpu_s = measure(
        dataset, args.batch_size, args.warmup, batches
    )
    images = args.batch_size * batches
    print(
        f"{dataset.name}: {images / sum(seconds):.0f} images/s, "
        f"{images / cpu_s:.0f} per core-second "
        f"({dataset.augmentation}, {dataset.preprocessing.resize} -> "
        f"{dataset.image_size} px, batch {args.batch_size}, n={batches} "
        f"batches after {args.warmup}, median "
        f"{statistics.median(seconds) * 1e3:.1f} ms, first batch "
        f"{first_s:.1f} s, {len(os.sched_getaffinity(0))} cores, load average "
        f"before {load_before:.1f})"
    )


if __name__ == "__main__":
    main()

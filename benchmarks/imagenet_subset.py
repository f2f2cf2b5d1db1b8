"""A 1,000-class ImageNet network with the classes of one data set left.

Keeps the classifier's columns of the classes that a folder of ImageNet's
class folders (n01532829, ...) holds, and saves the network as a `.keras` file
that takes raw RGB, for `train.py --backbone=FILE`. Nothing is trained.

    python benchmarks/imagenet_subset.py --dataset=data/mini_imagenet \
        --synsets=synsets.txt --backbone=mobilenet_v2 --image_size=96 \
        --weights=weights/mobilenet_v2_imagenet.weights.h5 \
        --out=runs/mini_imagenet/mobilenet_v2.keras

`synsets.txt` names the 1,000 classes of ILSVRC 2012, one folder name a line.
"""

import argparse
import pathlib

from bottlenet_tf.cli.surroundings import prepare

prepare()

from bottlenet_tf import backbones, data  # noqa: E402 (after the preparation)


def keep_columns(source, target, columns):
    """Copies all weights; of the classifier's, the given columns only.

    Args:
        source: Model with the larger classifier.
        target: The same with `len(columns)` classes.
        columns: Class numbers in `source`, in the order of `target`'s.
    """
    for given, wanted in zip(source.weights, target.weights, strict=True):
        value = given.numpy()
        if value.shape != tuple(wanted.shape):
            value = value[..., columns]
        wanted.assign(value)


def main():
    """Writes the network that the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    for name in ("dataset", "synsets", "backbone", "weights", "out"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--image_size", type=int, required=True)
    args = parser.parse_args()
    synsets = sorted(pathlib.Path(args.synsets).read_text().split())
    classes = data.load(args.dataset, image_size=args.image_size).class_names
    unknown = sorted(set(classes) - set(synsets))
    if unknown:
        parser.error(f"not among the synsets: {', '.join(unknown[:5])}")
    source, target = (
        backbones.create(
            args.backbone,
            image_size=args.image_size,
            num_classes=count,
            weights=weights,
        ).model
        for count, weights in (
            (len(synsets), args.weights),
            (len(classes), None),
        )
    )
    keep_columns(source, target, [synsets.index(name) for name in classes])
    out = pathlib.Path(args.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = out.with_suffix(".tmp.keras")
    target.save(temporary)
    temporary.replace(out)
    print(f"{out}: {args.backbone}, {len(classes)} of {len(synsets)} classes")


if __name__ == "__main__":
    main()

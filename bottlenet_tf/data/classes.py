"""Classes as outputs of a larger network, and classes that stay unseen."""

import dataclasses

import numpy as np

PARTS = ("train", "validation", "test")


def numbered(source, indices, num_outputs):
    """Returns a source whose labels are outputs of a network of more classes.

    Args:
        source: `Source`; label i is its class i.
        indices: Output of each class, in their order.
        num_outputs: Outputs of the network. Those that aren't a class here
            are named "output 3".
    """
    _check_one_label(source, "class_indices")
    if len(indices) != len(source.class_names):
        raise ValueError(
            "--class_indices must name one output of the network for each "
            "class, in the order of the classes' names. "
            f"Received: {len(indices)} class_indices, "
            f"{len(source.class_names)} classes in {source.name!r}"
        )
    names = [f"output {output}" for output in range(num_outputs)]
    for index, name in zip(indices, source.class_names):
        names[index] = name
    parts = {part: getattr(source, part).relabelled(indices) for part in PARTS}
    return dataclasses.replace(source, class_names=tuple(names), **parts)


def check_names(source):
    """Refuses names that an export's labels.txt, one a line, can't hold."""
    for name in source.class_names:
        if f"{name}\n".splitlines() != [name]:
            raise ValueError(
                "A class name must not hold a line break, because labels.txt "
                "has one name a line; rename the class. "
                f"Received: class={name!r}, dataset={source.name!r}"
            )


def check_unseen(source, unseen):
    """Refuses names of unseen classes that are unknown, or all classes."""
    if unseen:
        _check_one_label(source, "unseen_classes")
    known = source.class_names
    unknown = sorted(set(unseen) - set(known))
    if unknown:
        raise ValueError(
            "--unseen_classes must be classes of the data set: "
            f"{', '.join(known)}. Received: unseen_classes={unknown}"
        )
    if set(unseen) == set(known):
        raise ValueError(
            "--unseen_classes must leave a class to learn from. "
            f"Received: unseen_classes={list(unseen)}"
        )


def _check_one_label(source, flag):
    if source.train.output == "sigmoid":
        raise ValueError(
            f"--{flag} takes images of one class each; where labels.csv names "
            "several, its columns are the network's outputs. "
            f"Received: {flag} with {source.name!r}"
        )


def divide(examples, labels):
    """Returns the examples of other labels, and those of these labels."""
    if not labels:  # The labels of records require reading all of them.
        return examples, examples.only(examples.keys[:0])
    mine = np.isin(examples.labels, labels)
    keys = examples.keys
    return examples.only(keys[~mine]), examples.only(keys[mine])

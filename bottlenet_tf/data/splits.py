"""Seeded choices of training, validation and test images, all disjoint."""

import hashlib

import numpy as np


def held_out(names, fraction, seed):
    """Returns a set: a fixed share of one class's names.

    Names are ranked by sha256("{seed}:{name}") and the lowest
    round(fraction * n) are held out, at least one and never all. The choice
    depends on the names alone: not on their order, nor on their folder.
    """
    check_fraction("test_fraction", fraction)
    if len(names) < 2:
        raise ValueError(
            "a class needs at least 2 images to be split, one to train and "
            f"one to test. Received: names={list(names)}"
        )
    count = min(max(round(fraction * len(names)), 1), len(names) - 1)
    return set(sorted(names, key=lambda name: _digest(seed, name))[:count])


def validation(names, fraction, seed):
    """As `held_out`, but a fraction of 0 and a class of one choose none."""
    if fraction == 0:
        return set()
    check_fraction("validation_fraction", fraction)
    return held_out(names, fraction, seed) if len(names) > 1 else set()


def check_fraction(name, fraction):
    """Raises ValueError unless 0 < fraction < 1."""
    if not 0 < fraction < 1:
        raise ValueError(
            f"`{name}` must be between 0 and 1, because both sides need "
            f"images. Received: {name}={fraction}"
        )


def balanced_subset(labels, count, seed):
    """Returns `count` positions, the same number per class within one.

    Sorted int64 array; all positions if there are fewer labels.
    """
    labels = np.asarray(labels)
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    taken = {}
    rounds = []
    for position in shuffled:
        label = int(labels[position])
        rounds.append(taken.get(label, 0))
        taken[label] = rounds[-1] + 1
    # Stable: the first of every class, then the second of every class, ...
    order = np.argsort(rounds, kind="stable")
    return np.sort(shuffled[order][:count]).astype(np.int64)


def epoch_seed(seed, epoch):
    """Mixes the two into one non-negative int63, for shuffles and draws."""
    words = np.random.SeedSequence((seed, epoch)).generate_state(1, np.uint64)
    return int(words[0] >> np.uint64(1))


def _digest(seed, name):
    return hashlib.sha256(f"{seed}:{name}".encode()).digest()

"""Finds the images that cannot be decoded, with the decoder that trains."""

import logging

import tensorflow as tf
from tqdm import tqdm

from bottlenet_tf.common import graphs

_LOG = logging.getLogger(__name__)

# Raised by reading and decoding an example.
DECODE_ERRORS = (
    tf.errors.InvalidArgumentError,
    tf.errors.NotFoundError,
    tf.errors.FailedPreconditionError,
    tf.errors.PermissionDeniedError,
)

_SCAN_BAR_AFTER_S = 2.0


class CorruptImageError(ValueError):
    """An image cannot be decoded; the message names it."""


def corrupt_keys(examples, first_only=False):
    """Decodes every example once; returns the keys of those that fail.

    In stored order; with `first_only` it stops at the first.
    """

    @graphs.untranslated
    def probe(key, item, label):
        del label
        # The size is carried along so that the decoding is not optimised
        # away as unused.
        return key, tf.size(examples.image(item))

    decoded = examples.stream().map(probe, tf.data.AUTOTUNE)
    survivors = iter(decoded.ignore_errors().prefetch(64))
    bad = []
    bar = tqdm(
        total=len(examples),
        desc="checking images",
        delay=_SCAN_BAR_AFTER_S,
        leave=False,
    )
    with bar:
        survivor = next(survivors, None)
        for key in examples.keys:
            bar.update()
            if survivor is not None and int(survivor[0]) == key:
                survivor = next(survivors, None)
                continue
            bad.append(int(key))
            if first_only:
                break
    return bad


def reason(examples, key):
    """Returns why an example does not decode; None if it does."""
    for _, item, _ in examples.only([key]).stream():
        try:
            examples.image(item)
        except (ValueError, *DECODE_ERRORS) as error:
            return str(error)
    return None


def without_corrupt(examples):
    """Returns the examples that decode, and the names of the others."""
    bad = corrupt_keys(examples) if len(examples) else []
    if not bad:
        return examples, []
    skipped = [examples.describe(key) for key in bad]
    kept = sorted(set(examples.keys.tolist()) - set(bad))
    if not kept:
        raise ValueError(
            "a part needs at least one image that decodes. "
            f"Received: corrupt={skipped[:5]}"
        )
    _LOG.warning(
        "left out %d corrupt images: %s", len(skipped), ", ".join(skipped)
    )
    return examples.only(kept), skipped

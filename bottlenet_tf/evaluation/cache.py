"""Baselines on disk: each is measured once for a network and its data."""

import hashlib
import json
import logging
import pathlib

import keras
import PIL
import tensorflow as tf

from bottlenet_tf.common.json_file import write_json
from bottlenet_tf.evaluation.identity import model_digest
from bottlenet_tf.evaluation.image_codecs import IMAGE_CODECS

_LOG = logging.getLogger(__name__)
# Increase when the meaning of a measurement changes: old files are then
# ignored.
_VERSION = 5


def baseline_key(classifier, part, qualities, codecs):
    """Returns the SHA-256 (hex) of everything that decides the sweep's result.

    Images enter by `part.fingerprint`, codecs by the versions of their
    libraries.
    """
    return _key(
        part,
        stored_size=part.stored_size,
        classifier=model_digest(classifier),
        qualities=sorted({int(quality) for quality in qualities}),
        codecs=[(name, IMAGE_CODECS.get(name).version()) for name in codecs],
        pillow=PIL.__version__,
    )


def raw_features_key(prefix, suffix, part, deflate_images):
    """Returns the same for raw features."""
    return _key(
        part,
        prefix=model_digest(prefix),
        suffix=model_digest(suffix),
        deflate_images=deflate_images,
    )


def _key(part, **parts):
    parts = {
        "version": _VERSION,
        "images": part.fingerprint,
        **parts,
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
    }
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def load_or_measure(cache_dir, key, measure):
    """Returns `measure()`'s value, from the cache if it has one for the key.

    If a file can't be read or has another key, it is measured again and
    replaced.

    Args:
        key: Function that returns the key, hex.
        measure: Function that returns the value, for JSON.

    Returns:
        The value as it comes back from JSON, with lists for tuples.
    """
    if cache_dir is None:
        return json.loads(json.dumps(measure()))
    key = key()
    path = pathlib.Path(cache_dir) / f"baselines-{key[:16]}.json"
    cached = _read(path, key)
    if cached is None:
        cached = json.loads(json.dumps({"key": key, "value": measure()}))
        write_json(path, cached)
    return cached["value"]


def _read(path, key):
    try:
        cached = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        _LOG.warning("Measuring again: cannot read %s: %s", path, error)
        return None
    if not isinstance(cached, dict) or cached.get("key") != key:
        _LOG.warning("Measuring again: %s is not of key %s", path, key)
        return None
    return cached if "value" in cached else None

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
# Raise when the meaning of a measurement changes: old files are then ignored.
_VERSION = 5


def baseline_key(classifier, part, qualities, codecs):
    """Returns the SHA-256 (hex) of all that decides the sweep's result.

    That is the images (`part.fingerprint`), the network's layers and
    weights, codecs and qualities, and the versions of Pillow, the codecs'
    libraries, TensorFlow and Keras.

    Args:
        classifier: Built Keras model.
        part: `data.Part`.
        qualities: Integers from 1 to 100.
        codecs: Names of image codecs.
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
    """Returns the SHA-256 (hex) of what decides raw features' result.

    Args:
        prefix, suffix: Halves of the untouched network.
        part: `data.Part`.
        deflate_images: How many images are deflated.
    """
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


def load_or_measure_baselines(cache_dir, key, measure):
    """Returns `measure()`'s value, from the cache if it holds one for `key`.

    A file that can't be read as this key's is measured anew and replaced.

    Args:
        cache_dir: Folder of the cache; created when needed.
        key: Hex string, see `baseline_key` and `raw_features_key`.
        measure: Function without arguments that returns what JSON can hold.

    Returns:
        The value, as it looks after having gone through JSON.
    """
    path = pathlib.Path(cache_dir) / f"baselines-{key[:16]}.json"
    cached = _read(path, key)
    if cached is None:
        cached = {"key": key, "value": measure()}
        write_json(path, cached)
        # What the next caller will get: tuples are lists, keys are strings.
        cached = json.loads(json.dumps(cached))
    return cached["value"]


def _read(path, key):
    try:
        cached = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        _LOG.warning("Measuring anew: cannot read %s: %s", path, error)
        return None
    if not isinstance(cached, dict) or cached.get("key") != key:
        _LOG.warning("Measuring anew: %s is not of key %s", path, key)
        return None
    return cached if "value" in cached else None

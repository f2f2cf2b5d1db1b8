"""Tests of raw features, the label and the cached sweep."""

import json

import keras
import numpy as np
import pytest

from bottlenet_tf import evaluation
from bottlenet_tf.codec import create_codec
from bottlenet_tf.evaluation import baselines, cache, image_codecs


@pytest.mark.parametrize(
    ("classes", "bits", "size"),
    # 2**3 < 10 <= 2**4; 2**6 < 100 <= 2**7; 2**9 < 1000 <= 2**10.
    [(2, 1, 1), (10, 4, 1), (100, 7, 1), (256, 8, 1), (257, 9, 2),
     (1000, 10, 2)],
)  # fmt: skip
def test_a_label_takes_the_bits_that_name_it(classes, bits, size):
    found = baselines.label_only(classes, 91.5)
    assert found == {"bits": bits, "bytes": size, "accuracy": 91.5}


def test_label_needs_a_choice():
    with pytest.raises(ValueError, match="Received: num_classes=1"):
        baselines.label_only(1, 100.0)


def _halves(classifier):
    """The identity as prefix: its feature is the image itself."""
    image = keras.Input((16, 16, 3))
    return keras.Model(image, keras.layers.Identity()(image)), classifier


def test_raw_features_are_quantized_and_deflated_per_image(
    red_classifier, dataset
):
    raw = evaluation.raw_features(
        *_halves(red_classifier), dataset, batch_size=7, progress=False
    )
    assert raw.shape == (16, 16, 3)
    assert raw.bytes == 16 * 16 * 3 + 8
    x = dataset.images.astype(np.float64)
    low = x.min(axis=(1, 2, 3), keepdims=True)
    span = x.max(axis=(1, 2, 3), keepdims=True) - low
    codes = np.rint((x - low) / span * 255).astype(np.uint8)
    sizes = [len(create_codec("raw").encode(c)) + 8 for c in codes]
    # Ties at .5 may fall the other way in float32 and move a byte or two.
    assert raw.deflated_bytes_mean == pytest.approx(np.mean(sizes), abs=2)


def test_raw_features_keep_the_accuracy_of_the_network(
    red_classifier, make_dataset
):
    flat = np.zeros((4, 16, 16, 3), np.uint8)
    flat[..., 0] = np.array([32, 96, 160, 224])[:, None, None]
    data = make_dataset(flat, np.array([0, 1, 2, 0], np.int32))
    raw = evaluation.raw_features(
        *_halves(red_classifier), data, progress=False
    )
    assert raw.accuracy == 75.0


def test_deflating_a_share_of_the_images_spreads_over_batches(
    red_classifier, make_images, make_dataset
):
    # Images 0, 5, 10 and 15 are deflated of 20 when 4 are asked for: they
    # alone are black, so nearly nothing remains.
    images = make_images(20)
    images[::5] = 0
    data = make_dataset(images, np.zeros(20, np.int32))
    raw = evaluation.raw_features(
        *_halves(red_classifier), data, 7, progress=False, deflate_images=4
    )
    black = len(create_codec("raw").encode(images[0]))
    assert raw.deflated_bytes_mean == black + 8


def test_a_second_measurement_comes_from_the_cache_and_is_equal(
    red_classifier, dataset, tmp_path, monkeypatch
):
    def measure(folder=tmp_path):
        return evaluation.measure_baselines(
            red_classifier, dataset, [20, 60], cache_dir=folder, progress=False
        )

    fresh, first = measure(None), measure()
    assert len(first.cloud_only) == 2 * len(image_codecs.usable_codecs())
    # Only the fingerprint speaks for the images, so these must not be read.
    monkeypatch.setattr(dataset, "images", None)
    assert measure() == first == fresh


def test_key_changes_with_what_decides_the_result(
    red_classifier, dataset, make_dataset
):
    def key(data=dataset, qualities=(20, 60), codecs=("jpeg",)):
        return cache.baseline_key(red_classifier, data, qualities, codecs)

    other = make_dataset(dataset.images, dataset.labels)
    other.fingerprint = "f" * 16
    keys = [key(), key(other), key(qualities=(20,)), key(codecs=("webp",))]
    kernel, bias = red_classifier.get_weights()
    red_classifier.set_weights([kernel * 2, bias])
    keys.append(key())
    assert len(set(keys)) == 5
    assert key(qualities=[60, 20, 20]) == keys[-1]


@pytest.mark.parametrize("codec", image_codecs.usable_codecs())
def test_key_changes_with_the_version_of_a_codec(
    red_classifier, dataset, monkeypatch, codec
):
    def key(*codecs):
        return cache.baseline_key(red_classifier, dataset, [20], codecs)

    old = key(codec), key("webp" if codec == "jpeg" else "jpeg")
    monkeypatch.setattr(
        image_codecs.IMAGE_CODECS.get(codec), "version", lambda: "99"
    )
    new = key(codec), key("webp" if codec == "jpeg" else "jpeg")
    assert new[0] != old[0] and new[1] == old[1]


def test_unreadable_cache_is_measured_anew(tmp_path):
    calls = []

    def measure():
        calls.append(1)
        return {"points": (1, 2)}

    arguments = (tmp_path / "cache", lambda: "abc", measure)
    assert cache.load_or_measure(*arguments) == {"points": [1, 2]}
    (file,) = (tmp_path / "cache").iterdir()
    file.write_text('{"key": "abc", "val')
    cache.load_or_measure(*arguments)
    file.write_text(json.dumps({"key": "another", "value": 1}))
    cache.load_or_measure(*arguments)
    cache.load_or_measure(*arguments)
    assert len(calls) == 3

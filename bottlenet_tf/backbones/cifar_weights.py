"""CIFAR ResNets' weights from PyTorch's names and axis order.

An `.npz` with `conv1.weight`, `bn1.*`, `layer{s}.{b}.conv{i}.weight`,
`layer{s}.{b}.bn{i}.*` and `linear.*`, as
https://github.com/akamaster/pytorch_resnet_cifar10 names them; convolutions
are OIHW, the dense kernel is (classes, features).
"""

import numpy as np

from bottlenet_tf.backbones import weights as pretrained
from bottlenet_tf.common.validation import first_of

# In the order of a Keras BatchNormalization's weights.
_NORM = ("weight", "bias", "running_mean", "running_var")


def load_npz(model, path, blocks_per_stage):
    """Fills a CIFAR ResNet from an `.npz` file of PyTorch's form.

    If only the number of classes differs, the classifier stays fresh and a
    message is logged.
    """
    arrays = _read(pretrained.existing_file(path, (".npz",)))
    sources = _sources(model, blocks_per_stage)
    names = {name for group in sources.values() for name in group}
    _check_names(arrays, names, path)
    classes = _stored_classes(arrays, model)
    fresh_classifier = classes != model.output_shape[-1]
    if fresh_classifier:
        del sources["predictions"]
    values = {
        layer: [_keras_order(arrays[name]) for name in group]
        for layer, group in sources.items()
    }
    _check_shapes(model, sources, values, path)
    for layer, group in values.items():
        model.get_layer(layer).set_weights(group)
    if fresh_classifier:
        pretrained.log_fresh_classifier(path, classes, model)


def _read(path):
    try:
        file = np.load(path, allow_pickle=False)
        if isinstance(file, np.ndarray):
            raise ValueError("it is an .npy, one array without a name")
        with file:
            return {name: file[name] for name in file.files}
    except (*pretrained.DAMAGE, AttributeError) as error:
        raise ValueError(
            f"The file must be an .npz of plain arrays: {error}. "
            f"Received: weights={str(path)!r}"
        ) from error


def _sources(model, blocks_per_stage):
    """Returns `{Keras layer: names of its arrays, in its weights' order}`."""
    pairs = [("stem", "conv1", "bn1")]
    for stage in (1, 2, 3):
        for block in range(blocks_per_stage):
            theirs = f"layer{stage}.{block}"
            ours = f"stage{stage}_block{block + 1}"
            for i in (1, 2):
                pair = f"{theirs}.conv{i}", f"{theirs}.bn{i}"
                pairs.append((f"{ours}_{i}", *pair))
    sources = {}
    for ours, conv, norm in pairs:
        sources[f"{ours}_conv"] = [f"{conv}.weight"]
        sources[f"{ours}_bn"] = [f"{norm}.{part}" for part in _NORM]
    sources["predictions"] = ["linear.weight", "linear.bias"]
    return sources


def _keras_order(array):
    if array.ndim == 4:
        return array.transpose(2, 3, 1, 0)  # OIHW -> HWIO
    return array.T  # dense: (out, in) -> (in, out); vectors stay


def _stored_classes(arrays, model):
    weight, bias = arrays["linear.weight"], arrays["linear.bias"]
    features = model.get_layer("predictions").kernel.shape[0]
    if weight.shape == (len(np.atleast_1d(bias)), features):
        return weight.shape[0]
    return model.output_shape[-1]  # let the shape check complain


def _check_names(arrays, names, path):
    missing, extra = sorted(names - set(arrays)), sorted(set(arrays) - names)
    if missing or extra:
        shapes = [f"{name} {arrays[name].shape}" for name in extra]
        raise ValueError(
            "The file must contain exactly this network's arrays. Missing: "
            f"{first_of(missing, 6)}; superfluous: {first_of(shapes, 6)}. "
            f"Received: weights={str(path)!r}"
        )


def _check_shapes(model, sources, values, path):
    for layer, group in values.items():
        expected = model.get_layer(layer).weights
        names = sources[layer]
        for name, value, weight in zip(names, group, expected, strict=True):
            if value.shape != tuple(weight.shape):
                raise ValueError(
                    "Each array must fit its layer; shapes in Keras' order. "
                    f"Received: array={name!r}, shape={value.shape}, "
                    f"expected={tuple(weight.shape)}, layer={layer!r}, "
                    f"weights={str(path)!r}"
                )

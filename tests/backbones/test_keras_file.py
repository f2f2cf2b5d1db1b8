"""Tests of backbones from `.keras` files."""

import pathlib
import queue
import sys
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from bottlenet_tf import backbones
from bottlenet_tf.backbones import custom_layers, graph
from bottlenet_tf.backbones.macs import count_macs
from bottlenet_tf.backbones.split_points import split_backbone
from bottlenet_tf.models.precision import dtype_policy

X = np.random.default_rng(0).uniform(0, 255, (3, 8, 8, 3)).astype("float32")


def load(model, folder, image_size=8, num_classes=4, **kwargs):
    path = folder / "m.keras"
    model.save(path)
    return backbones.create(
        str(path), image_size=image_size, num_classes=num_classes, **kwargs
    )


def functional(finish, shape=(8, 8, 3)):
    image = keras.Input(shape)
    x = layers.Rescaling(1 / 255)(image)
    x = layers.Conv2D(6, 3, name="conv")(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(image, finish(x))


ENDINGS = {
    "dense": lambda x: layers.Dense(4, activation="softmax")(x),
    "layer": lambda x: layers.Softmax()(layers.Dense(4)(x)),
    "activation": lambda x: layers.Activation("softmax")(layers.Dense(4)(x)),
    "op": lambda x: ops.softmax(layers.Dense(4)(x)),
    "reshaped": lambda x: layers.Flatten()(
        layers.Dense(4, activation="softmax")(layers.Reshape((1, 6))(x))
    ),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_final_softmax_becomes_logits_of_the_same_probabilities(
    ending, tmp_path
):
    model = functional(ENDINGS[ending])
    logits = load(model, tmp_path).model(X)
    # softmax(logits) must be the file's output; 1e-6 is float32 rounding.
    np.testing.assert_allclose(ops.softmax(logits), model(X), atol=1e-6)


def test_a_model_without_softmax_is_taken_as_it_is(tmp_path):
    model = functional(lambda x: layers.Dense(4)(x))
    np.testing.assert_array_equal(load(model, tmp_path).model(X), model(X))


def sequential():
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(6, 3, name="conv"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(4, activation="softmax"),
        ]
    )


def test_a_sequential_model_works_and_can_be_cut(tmp_path):
    model = sequential()
    backbone = load(model, tmp_path)
    np.testing.assert_array_equal(
        np.argmax(backbone.model(X), -1), np.argmax(model(X), -1)
    )
    assert backbone.split_point("conv").shape == (6, 6, 6)
    assert backbone.name == str(tmp_path / "m.keras")


def nested(**call):
    image = keras.Input((8, 8, 3), name="inner_image")
    x = layers.Conv2D(6, 3, name="inner_conv")(image)
    base = keras.Model(image, layers.BatchNormalization(name="bn")(x))
    image = keras.Input((8, 8, 3))
    x = layers.GlobalAveragePooling2D()(base(image, **call))
    model = keras.Model(image, layers.Dense(4)(x))
    base.get_layer("bn").moving_mean.assign(np.arange(6.0))
    return model


def test_nested_models_are_opened_for_cutting(tmp_path):
    model = nested()
    backbone = load(model, tmp_path)
    assert backbone.split_point("inner_conv").shape == (6, 6, 6)
    np.testing.assert_allclose(backbone.model(X), model(X), rtol=1e-6)


@pytest.mark.parametrize("depth", [1, 2])
def test_the_network_of_transfer_learning_is_opened(tmp_path, depth):
    """It is called with training=False, and isn't trainable."""
    model = nested(training=False)
    model.layers[1].trainable = False
    if depth == 2:
        image = keras.Input((8, 8, 3))
        model = keras.Model(image, model(image))
    opened = load(model, tmp_path)
    assert opened.split_point("inner_conv").shape == (6, 6, 6)
    # In training, too, batch norms use what they had learned.
    for training in (False, True):
        np.testing.assert_allclose(
            opened.model(X, training=training),
            model(X, training=training),
            atol=1e-6,
        )
    norm = opened.model.get_layer("bn")
    np.testing.assert_array_equal(norm.moving_mean, np.arange(6.0))


def test_equal_names_in_nested_models_are_told_apart(tmp_path):
    """As of a network that was saved, loaded and built upon later."""
    image = keras.Input((8, 8, 3))
    x = nested_base("one")(nested_base("two")(image), training=False)
    x = layers.Conv2D(3, 3, padding="same", name="same")(x)
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(image, layers.Dense(4)(x))
    backbone = load(model, tmp_path)
    cuts = [point.name for point in backbone.split_points]
    assert cuts == ["two_same", "one_same", "same"]
    np.testing.assert_allclose(backbone.model(X), model(X), rtol=1e-6)


def test_a_nested_model_of_two_outputs_stays_closed(tmp_path):
    image = keras.Input((8, 8, 3))
    x = layers.Conv2D(3, 3, name="inside")(image)
    pair = keras.Model(image, [x, layers.ReLU()(x)], name="pair")
    image = keras.Input((8, 8, 3))
    x = layers.GlobalAveragePooling2D()(layers.Add(name="sum")(pair(image)))
    model = keras.Model(image, layers.Dense(4)(x))
    backbone = load(model, tmp_path)
    np.testing.assert_allclose(backbone.model(X), model(X), rtol=1e-6)
    assert [point.name for point in backbone.split_points] == ["sum"]
    with pytest.raises(ValueError, match="closed.*outputs: pair.*'inside'"):
        backbone.split_point("inside")


def nested_base(name):
    image = keras.Input((8, 8, 3))
    x = layers.Conv2D(3, 3, padding="same", name="same")(image)
    return keras.Model(image, x, name=name)


@keras.saving.register_keras_serializable(package="tests")
class Scaled(layers.Layer):
    """Has a `Normalization` inside."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.norm = layers.Normalization()

    def build(self, input_shape):
        self.norm.build(input_shape)

    def call(self, x):
        return self.norm(x)


def adapted(place):
    """A classifier whose first layer, at some depth, normalises by data."""
    norm = Scaled() if place == "in a layer" else layers.Normalization()
    image = keras.Input((8, 8, 3))
    if place in ("top level", "in a layer"):
        x = norm(image)
    else:
        entry = keras.Input((8, 8, 3))
        training = False if place == "nested, inference" else None
        x = keras.Model(entry, norm(entry))(image, training=training)
    x = layers.Conv2D(6, 3, name="conv")(x)
    x = layers.Conv2D(6, 3, name="conv2")(x)
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(image, layers.Dense(4)(x))
    getattr(norm, "norm", norm).adapt(X)
    return model


@pytest.mark.parametrize(
    "place", ["top level", "nested", "nested, inference", "in a layer"]
)
def test_an_adapted_normalisation_keeps_its_statistics(place, tmp_path):
    model = adapted(place)
    backbone = load(model, tmp_path)
    np.testing.assert_array_equal(backbone.model(X), model(X))
    backbone.model.save(tmp_path / "again.keras")
    again = keras.saving.load_model(tmp_path / "again.keras")
    np.testing.assert_array_equal(again(X), model(X))
    prefix, suffix = split_backbone(backbone, "conv")
    np.testing.assert_array_equal(suffix(prefix(X)), model(X))


def test_layers_without_a_mac_count_are_warned_about_once(tmp_path, caplog):
    entry = keras.Input((8, 8, 3))
    odd = layers.TimeDistributed(layers.Dense(3), name="odd")
    inner = keras.Model(entry, odd(entry))
    image = keras.Input((8, 8, 3))
    x = layers.Conv2D(6, 3, name="conv")(inner(image, training=False))
    x = layers.GlobalAveragePooling2D()(x)
    backbone = load(keras.Model(image, layers.Dense(4)(x)), tmp_path)
    for half in split_backbone(backbone, "conv"):
        count_macs(half)
    warnings = [r for r in caplog.records if "layers: odd." in r.message]
    assert len(warnings) == 1


def test_a_softmax_at_the_end_of_a_nested_model_is_found(tmp_path):
    model = keras.Sequential([keras.Input((8, 8, 3)), sequential()])
    logits = load(model, tmp_path).model(X)
    np.testing.assert_allclose(ops.softmax(logits), model(X), atol=1e-6)


def test_a_softmax_that_cannot_be_removed_is_refused(tmp_path):
    shared = layers.Activation("softmax", name="shared")
    model = functional(lambda x: shared(layers.Dense(4)(shared(x))))
    with pytest.raises(ValueError, match="layer='shared'"):
        load(model, tmp_path)


def test_a_flexible_image_size_is_fixed(tmp_path):
    model = functional(lambda x: layers.Dense(4)(x), (None, None, 3))
    backbone = load(model, tmp_path, image_size=8)
    assert backbone.split_point("conv").shape == (6, 6, 6)


def test_a_sequential_model_without_input_layer_works(tmp_path):
    model = keras.Sequential(
        [
            layers.Conv2D(6, 3, name="conv"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(4),
        ]
    )
    model.build((None, 8, 8, 3))
    assert load(model, tmp_path).model(X).shape == (3, 4)


def test_preprocessing_can_be_added(tmp_path):
    model = functional(lambda x: layers.Dense(4)(x))
    backbone = load(model, tmp_path, preprocessing="tf")
    np.testing.assert_allclose(
        backbone.model(X), model(X / 127.5 - 1), rtol=1e-5, atol=1e-6
    )


def test_a_backbone_survives_saving_and_loading_as_a_file(tmp_path):
    first = backbones.create("cifar_resnet20", image_size=8, num_classes=4)
    again = load(first.model, tmp_path)
    np.testing.assert_array_equal(again.model(X), first.model(X))


def test_weights_from_another_file_replace_its_own(tmp_path):
    other = sequential()
    other.save_weights(tmp_path / "w.weights.h5")
    loaded = load(sequential(), tmp_path, weights=tmp_path / "w.weights.h5")
    np.testing.assert_array_equal(
        loaded.model.get_layer("conv").kernel, other.get_layer("conv").kernel
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"image_size": 16}, "image_size=16"),
        ({"num_classes": 7}, "num_classes=7"),
        ({"weights": "imagenet"}, "has its own weights"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(given, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        load(sequential(), tmp_path, **given)


def without(member, path):
    """Writes a model's file without one of its members."""
    sequential().save(path.with_name("whole.keras"))
    with (
        zipfile.ZipFile(path.with_name("whole.keras")) as whole,
        zipfile.ZipFile(path, "w") as part,
    ):
        for name in set(whole.namelist()) - {member}:
            part.writestr(name, whole.read(name))


def truncated(path):
    sequential().save(path)
    path.write_bytes(path.read_bytes()[:-100])


def flipped(path):
    sequential().save(path)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 50] = bytes(50 * [255])
    path.write_bytes(content)


DAMAGED = {
    "text": lambda path: path.write_text("no model"),
    "empty": lambda path: path.write_bytes(b""),
    "truncated": truncated,
    "flipped": flipped,
    "no weights": lambda path: without("model.weights.h5", path),
}


@pytest.mark.parametrize("damage", [*DAMAGED, "no config"])
def test_a_damaged_model_file_is_refused(damage, tmp_path):
    path = tmp_path / "m.keras"
    DAMAGED.get(damage, lambda path: without("config.json", path))(path)
    with pytest.raises(ValueError, match="complete .keras model.*m.keras'"):
        backbones.create(str(path), image_size=8, num_classes=4)


@pytest.mark.parametrize("damage", DAMAGED)
def test_damaged_weights_in_a_model_file_are_refused(damage, tmp_path):
    path = tmp_path / "w.keras"
    DAMAGED[damage](path)
    with pytest.raises(ValueError, match="complete weights file.*w.keras'"):
        load(sequential(), tmp_path, weights=path)


@pytest.mark.parametrize("suffix", [".h5", ".weights.h5"])
def test_a_text_file_is_no_weights_file(suffix, tmp_path):
    path = tmp_path / f"w{suffix}"
    path.write_text("no weights")
    with pytest.raises(ValueError, match=f"complete weights file.*w{suffix}'"):
        load(sequential(), tmp_path, weights=path)


def test_weights_that_are_not_finite_are_refused(tmp_path):
    model = functional(layers.Dense(4))
    model.get_layer("conv").bias.assign([np.nan] * 6)
    with pytest.raises(ValueError, match="finite.*m.keras.*conv/bias"):
        load(model, tmp_path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="none.keras"):
        backbones.create(
            str(tmp_path / "none.keras"), image_size=8, num_classes=4
        )


@pytest.mark.parametrize("saved", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_every_layer_has_the_precision_that_is_asked_for(
    saved, policy, tmp_path
):
    with dtype_policy(saved):
        model = nested(training=False)
    with dtype_policy(policy):
        loaded = load(model, tmp_path).model
    for name in ("inner_conv", "bn", "dense"):
        layer = next(x for x in loaded.layers if x.name.startswith(name))
        assert layer.dtype_policy.name == policy
    assert loaded.output.dtype == "float32"
    wanted = np.asarray(ops.cast(model(X), "float32"))
    np.testing.assert_allclose(loaded(X), wanted, atol=0.03 * abs(wanted).max())


def test_operations_compute_in_the_precision_of_what_they_are_given(tmp_path):
    image = keras.Input((8, 8, 3))
    x = layers.Conv2D(6, 3, padding="same")(image / 255.0)
    x = ops.relu(x + layers.Conv2D(6, 1)(x))
    model = keras.Model(image, layers.Dense(4)(ops.mean(x, axis=(1, 2))))
    with dtype_policy("mixed_bfloat16"):
        loaded = load(model, tmp_path).model
    found = loaded(X)
    assert found.dtype == "float32"
    # bfloat16 has 8 bits.
    np.testing.assert_allclose(found, model(X), rtol=0.05, atol=0.02)


def test_weights_that_the_file_freezes_are_reported(tmp_path):
    model = nested(training=False)
    model.layers[1].trainable = False
    loaded = load(model, tmp_path).model
    learned, frozen = graph.learned_weights(loaded)
    # A convolution's and a norm's; the classifier's aren't frozen.
    assert (len(learned), len(frozen)) == (6, 4)
    assert len(loaded.trainable_weights) == 2
    graph.unfreeze(loaded)
    assert len(loaded.trainable_weights) == 6
    assert len(loaded.non_trainable_weights) == 2  # The norm's statistics.


@pytest.mark.parametrize("ending", ["dense", "layer", "activation", "op"])
def test_a_new_head_takes_the_classifiers_place(ending, tmp_path):
    model = functional(ENDINGS[ending])
    loaded = load(model, tmp_path, num_classes=7, new_head=0.5).model
    assert loaded.output_shape == (None, 7)
    kernels = [w.shape for w in loaded.get_layer("new_head").weights]
    assert kernels == [(6, 7), (7,)]
    features = keras.Model(loaded.inputs, loaded.get_layer("new_head").input)
    before = keras.Model(model.inputs, model.layers[3].output)
    np.testing.assert_allclose(features(X), before(X), rtol=1e-6)


@pytest.mark.parametrize("ending", ["none", "pooled", "1x1", "gate"])
def test_a_new_head_is_put_on_features(ending, tmp_path):
    """Whatever the classifier was; a gate's dense layer is none."""
    image = keras.Input((8, 8, 3))
    x = layers.Conv2D(6, 3, name="conv")(image)
    pooled = layers.GlobalAveragePooling2D()(x)
    x = {
        "none": lambda: x,
        "pooled": lambda: pooled,
        "1x1": lambda: layers.GlobalAveragePooling2D()(layers.Conv2D(4, 1)(x)),
        "gate": lambda: pooled * layers.Dense(6)(pooled),
    }[ending]()
    model = keras.Model(image, x)
    path = tmp_path / "again.keras"
    first = load(model, tmp_path, num_classes=7, new_head=0.5).model
    first.save(path)
    second = backbones.create(
        str(path), image_size=8, num_classes=7, new_head=0.5
    ).model
    for network in (first, second):
        assert network.get_layer("new_head").kernel.shape == (6, 7)
        kinds = [type(operation).__name__ for operation in network.operations]
        assert ("Multiply" in kinds) == (ending == "gate")


def test_a_new_head_needs_features_of_an_image(tmp_path):
    image = keras.Input((8, 8, 3))
    x = layers.Reshape((64, 4))(layers.Conv2D(4, 3, padding="same")(image))
    with pytest.raises(ValueError, match="needs features.*64, 4"):
        load(keras.Model(image, x), tmp_path, num_classes=7, new_head=0.5)


LAYERS = """
import keras


class Doubled(keras.layers.Layer):
    def call(self, x):
        return 2 * x


def cubed(x):
    return x**3
"""


@pytest.fixture
def of_own_layers(tmp_path):
    """A file whose layers are defined in another, and that other."""
    module = tmp_path / f"own_layers_{tmp_path.name}.py"
    module.write_text(LAYERS)
    own = {}
    exec(LAYERS, own)
    image = keras.Input((8, 8, 3))
    x = own["Doubled"](name="doubled")(layers.Conv2D(4, 3)(image))
    x = layers.Activation(own["cubed"], name="cubed")(x)
    x = layers.Dense(4)(layers.GlobalAveragePooling2D()(x))
    model = keras.Model(image, x)
    return model, module


@pytest.fixture
def nothing_known():
    """What Keras knows of the user's own is as before, afterwards."""
    known, path = keras.saving.get_custom_objects(), list(sys.path)
    before = dict(known)
    yield
    known.clear()
    known.update(before)
    sys.path[:] = path


@pytest.mark.parametrize("place", ["file", "taken name", "beside", "package"])
def test_layers_of_ones_own_need_their_file(
    place, of_own_layers, tmp_path, nothing_known, monkeypatch
):
    model, module = of_own_layers
    with pytest.raises(ValueError, match="'(Doubled|cubed)' isn't.*--import"):
        load(model, tmp_path)
    source = str(module)
    if place == "taken name":  # Of the standard library's module.
        source = str(module.rename(tmp_path / "queue.py"))
    elif place == "beside":
        source = str(tmp_path / "all_of_them.py")
        pathlib.Path(source).write_text(f"from {module.stem} import *\n")
    elif place == "package":
        source = f"package_{module.stem}"
        (tmp_path / source).mkdir()
        module.rename(tmp_path / source / "inner.py")
        (tmp_path / source / "__init__.py").write_text(
            "from .inner import Doubled, cubed\n"
        )
        monkeypatch.chdir(tmp_path)
    custom_layers.import_all([source])
    custom_layers.import_all([source])
    backbone = load(model, tmp_path)
    assert backbone.split_point("doubled").shape == (6, 6, 4)
    np.testing.assert_allclose(backbone.model(X), model(X), rtol=1e-5)
    assert queue.Queue


@pytest.mark.parametrize(
    "source, reason",
    [
        ("nowhere.py", "FileNotFoundError"),
        ("no_such_module_anywhere", "ModuleNotFoundError"),
        ("broken.py", "ZeroDivisionError"),
    ],
)
def test_what_cannot_be_imported_is_named(
    source, reason, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.py").write_text("1 / 0")
    with pytest.raises(ValueError, match=f"{reason}.*import='{source}'"):
        custom_layers.import_all([source])


def test_a_lambda_layer_is_refused_in_one_sentence(tmp_path):
    image = keras.Input((8, 8, 3))
    x = layers.Lambda(lambda x: x / 2)(layers.Conv2D(4, 3)(image))
    x = layers.Dense(4)(layers.GlobalAveragePooling2D()(x))
    with pytest.raises(ValueError, match="Lambda layer.*--import") as caught:
        load(keras.Model(image, x), tmp_path)
    assert len(str(caught.value)) < 400


def of_keras_2(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", '{"keras_version": "2.15.0"}')


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (of_keras_2, "Keras 2 wrote it.*set_weights"),
        (lambda p: p.write_bytes(b"\x89HDF\r\n"), "an .h5 file; load it by"),
    ],
)
def test_a_file_of_another_form_is_recognised(write, message, tmp_path):
    path = tmp_path / "m.keras"
    write(path)
    with pytest.raises(ValueError, match=message):
        backbones.create(str(path), image_size=8, num_classes=4)


def test_a_quantized_network_is_refused_with_the_remedy(tmp_path):
    model = functional(lambda x: layers.Dense(4)(x))
    model.quantize("int8")
    with pytest.raises(ValueError, match="before model.quantize"):
        load(model, tmp_path)


def test_layers_within_layers_have_the_precision_too(tmp_path):
    with dtype_policy("mixed_bfloat16"):
        image = keras.Input((8, 8, 3))
        x = layers.TimeDistributed(layers.Conv1D(4, 3))(image)
        x = layers.Dense(4)(layers.GlobalAveragePooling2D()(x))
        model = keras.Model(image, x)
    loaded = load(model, tmp_path).model
    found = {layer.dtype_policy.name for layer in graph.all_layers(loaded)}
    assert found == {"float32"}


@pytest.mark.parametrize("name", ["a.h5", "a.HDF5", "a.pt", "saved"])
def test_files_of_other_kinds_are_refused_with_the_remedy(name, tmp_path):
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "saved_model.pb").write_bytes(b"")
    with pytest.raises(ValueError, match="must be a .keras file.*as .keras"):
        backbones.create(str(tmp_path / name), image_size=8, num_classes=4)


def takes(shape):
    """A network of images of this shape."""
    image = keras.Input(shape)
    x = layers.Conv2D(6, 3, name="conv")(image)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(image, layers.Dense(4)(x))


@pytest.mark.parametrize(
    ("preprocessing", "scaled"),
    [("none", X), ("unit", X / 255), ("signed", X / 127.5 - 1)],
)
def test_a_grey_network_sees_the_luma(preprocessing, scaled, tmp_path):
    model = takes((8, 8, 1))
    backbone = load(model, tmp_path, preprocessing=preprocessing)
    luma = scaled @ np.float32([[0.299], [0.587], [0.114]])
    # 1e-4 on sums of values up to 255.
    np.testing.assert_allclose(backbone.model(X), model(luma), atol=1e-4)
    # A grey image stays as it is.
    grey, one = np.repeat(X[..., :1], 3, -1), scaled[..., :1]
    np.testing.assert_allclose(
        backbone.model(grey), model(one), rtol=1e-4, atol=1e-5
    )


def test_a_grey_network_survives_saving_and_a_cut(tmp_path):
    backbone = load(takes((8, 8, 1)), tmp_path, preprocessing="unit")
    prefix, suffix = split_backbone(backbone, "conv")
    prefix.save(tmp_path / "prefix.keras")
    revived = keras.saving.load_model(tmp_path / "prefix.keras")
    np.testing.assert_allclose(suffix(revived(X)), backbone.model(X), rtol=1e-5)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((8, 12, 3), "square images.*height=8, width=12"),
        ((None, 12, 1), "square images"),
        ((8, 8, 4), "RGB or grey"),
        ((3, 8, 8), "channels last"),
        ((10, 10, 1), "--image_size=10"),
    ],
)
def test_an_image_that_is_not_taken_is_refused_by_name(
    shape, message, tmp_path
):
    with pytest.raises(ValueError, match=message):
        load(takes(shape), tmp_path)


@pytest.mark.parametrize("name", ["logits", "preprocess", "grey"])
@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_layers_may_have_the_names_of_those_put_beside_them(
    name, policy, tmp_path
):
    image = keras.Input((8, 8, 1))
    x = layers.Conv2D(6, 3, name=name)(image)
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(image, layers.Dense(1)(x))
    with dtype_policy(policy):
        backbone = load(model, tmp_path, num_classes=2, preprocessing="unit")
    names = [layer.name for layer in backbone.model.layers]
    assert name in [cut.layer for cut in backbone.split_points]
    assert len(set(names)) == len(names)


def test_names_that_tensorflow_does_not_take_are_made_so(tmp_path):
    image = keras.Input((8, 8, 3))
    x = layers.Conv2D(6, 3, name="Block 1: größer")(image)
    x = layers.ReLU(name="Block_1_ gr__er")(x)
    x = layers.GlobalAveragePooling2D(name="Block 1  gr  er")(x)
    model = keras.Model(image, layers.Dense(4, name="a-b.c")(x))
    loaded = load(model, tmp_path).model
    names = [layer.name for layer in loaded.layers][1:]
    assert names == [
        "Block_1__gr__er", "Block_1__gr__er_", "Block_1__gr__er__", "a-b.c",
    ]  # fmt: skip
    # In eager mode any name goes.
    compute = tf.function(lambda images: loaded(images))
    np.testing.assert_allclose(compute(X), model(X), rtol=1e-5)


def test_two_classes_may_be_a_layers_name(tmp_path):
    model = functional(lambda x: layers.Dense(1, name="two_classes")(x))
    assert load(model, tmp_path, num_classes=2).output == "binary"


def test_means_of_three_channels_are_not_for_grey(tmp_path):
    with pytest.raises(ValueError, match="unit or signed.*torch"):
        load(takes((8, 8, 1)), tmp_path, preprocessing="torch")

"""Tests of the run's configuration."""

import dataclasses
import json

import pytest

from bottlenet_tf.config.run import (
    DataConfig,
    DattaUnitConfig,
    LearnedUnitConfig,
    TrainConfig,
    UnitConfig,
)

LEARNED = {"unit": LearnedUnitConfig(), "backbone_weights": "weights.npz"}
DATTA = {"unit": DattaUnitConfig(), "backbone_weights": "weights.npz"}
REFUSED = {
    DattaUnitConfig: {
        "channels": [0],
        "stride": [0],
        "latent_step": [0.0, float("nan")],
        "task_weight": [-1.0, float("inf")],
        "tables": ["huffman"],
        "kind": ["learned"],
    },
    LearnedUnitConfig: {
        "patch": [0],
        "patch_channels": [0],
        "coefficients": [0],
        "mixed": [-1],
        "mixed_to": [-1],
        "encoder": ["deep"],
        "synthesis_width": [-1],
        "synthesis_blocks": [0],
        "num_points": [1, 65],
        "fine_rate_weight": [0.0, -1e-5, 1e-2],
        "coarse_rate_weight": [1e-5],
        "statistics_images": [0],
        "kind": ["bottlenet"],
    },
    UnitConfig: {
        "kind": ["learned"],
        "channels": [0],
        "stride": [0, 3],  # 3 with the default kernel of 3.
        "order": ["last"],
        "hidden_channels": [0],
        "restoration_channels": [0],
        "channel_kernel": [0],
        "spatial_kernel": [0, 2],  # 2 with the default stride of 2.
        "activation": ["gelu"],
        "bits": [0, 9],
        "quantizer": ["log"],
        "codec": [""],
        "quality": [0, 101],
    },
    DataConfig: {
        "dataset": [""],
        "image_size": [0],
        "resize": [0],
        "augmentation": ["mixup"],
        "test_fraction": [0.0, 1.0],
        "max_train": [0],
        "max_test": [0],
        "num_outputs": [1],
        "class_indices": [(-1,), (3, 1000), (2, 2)],
        "unseen_classes": [("cat", "cat")],
    },
    TrainConfig: {
        "workdir": [""],
        "mode": ["magic"],
        "backbone": [""],
        "preprocessing": [""],
        "split": [""],
        "epochs": [-1],
        "max_steps": [0],
        "batch_size": [0],
        "optimizer": ["lion"],
        "learning_rate": [0.0, float("nan"), float("inf")],
        "warmup_epochs": [-1.0],
        "weight_decay": [-1e-4],
        "clip_norm": [0.0],
        "label_smoothing": [-0.1, 1.1],
        "distillation": [-0.1, 1.1],
        "temperature": [0.0],
        "codec_warmup": [-0.1, 1.1],
        "quality_start": [0, 101],
        "quality_epochs": [-1.0],
        "rate_weight": [-1.0],
        "byte_budget": [0.0],
        "precision": ["float8"],
        "strategy": ["horovod"],
        "seed": [-1],
        "evaluate_every": [-1],
        "checkpoint_minutes": [-1.0],
        "sweep_qualities": [(0, 20), (20, 101)],
    },
}
CASES = [
    (cls, name, value)
    for cls, fields in REFUSED.items()
    for name, values in fields.items()
    for value in values
]


@pytest.mark.parametrize("cls, name, value", CASES)
def test_a_value_out_of_range_is_named_in_the_error(cls, name, value):
    told = "unit" if name == "kind" else name
    with pytest.raises(ValueError, match=f"Received: .*{told}="):
        cls(**{name: value})


FIELDS = [
    (cls, field.name) for cls in REFUSED for field in dataclasses.fields(cls)
]


@pytest.mark.parametrize("cls, name", FIELDS)
def test_a_value_of_another_type_is_named_in_the_error(cls, name):
    with pytest.raises(TypeError, match=rf"--{name} must.*Received: {name}="):
        cls(**{name: object()})


@pytest.mark.parametrize(
    "cls, name, value",
    [
        (UnitConfig, "quality", True),
        (UnitConfig, "channels", 2.0),
        (UnitConfig, "channels", "2"),
        (DataConfig, "skip_corrupt", 1),
        (TrainConfig, "sweep_qualities", (20.0,)),
        (TrainConfig, "unit", {}),
        (LearnedUnitConfig, "patch", 4.0),
        (LearnedUnitConfig, "shared_frequencies", 0),
    ],
)
def test_look_alikes_of_another_type_are_refused(cls, name, value):
    with pytest.raises(TypeError, match=f"Received: {name}="):
        cls(**{name: value})


def test_a_whole_number_is_good_for_a_float():
    assert TrainConfig(learning_rate=1).learning_rate == 1


def test_a_rule_s_error_shows_the_flags_that_it_names():
    with pytest.raises(ValueError, match="Received: resize=32, image_size=64$"):
        DataConfig(resize=32, image_size=64)


def test_a_kernel_of_the_stride_s_size_is_fine_at_stride_one():
    assert UnitConfig(stride=1, spatial_kernel=1).spatial_kernel == 1


@pytest.mark.parametrize(
    "fields, flag",
    [
        ({"mode": "baseline", "distillation": 0.5}, "--distillation"),
        ({"teacher_backbone": "teacher.keras"}, "--teacher_backbone"),
        (
            {
                "teacher_backbone": "cifar_resnet56",
                "backbone_weights": "weights.npz",
                "distillation": 0.5,
            },
            "--teacher_weights",
        ),
        ({"teacher_weights": "weights.npz"}, "--teacher_weights"),
        ({"mode": "naive", "byte_budget": 100.0}, "--byte_budget"),
        (
            {"unit": UnitConfig(codec="png"), "quality_start": 90},
            "--quality_start",
        ),
        ({"quality_epochs": 1.0}, "--quality_start"),
        ({"epochs": 1, "warmup_epochs": 2.0}, "warmup_epochs=2.0, epochs=1"),
        ({"keep": "best", "evaluate_every": 0}, "evaluate_every=0"),
        ({"image_codec": "webp"}, "image_codec='webp', image_quality=None"),
        ({"data": DataConfig(class_indices=(1, 3))}, "--class_indices"),
        ({"data": DataConfig(unseen_classes=("a",))}, "--unseen_classes"),
    ],
)
def test_fields_that_contradict_each_other_are_refused(fields, flag):
    with pytest.raises(ValueError, match=flag):
        TrainConfig(**fields)


@pytest.mark.parametrize(
    "unit, field, value",
    [
        (LEARNED, "mode", "aware"),
        (LEARNED, "mode", "naive"),
        (LEARNED, "optimizer", "sgd"),
        (LEARNED, "precision", "mixed_float16"),
        (LEARNED, "weight_decay", 1e-4),
        (LEARNED, "norm_batches", 1),
        (LEARNED, "codec_warmup", 0.1),
        (LEARNED, "rate_weight", 0.1),
        (DATTA, "mode", "naive"),
        (DATTA, "byte_budget", 100.0),
        (DATTA, "rate_weight", 0.1),
        (DATTA, "codec_warmup", 0.1),
    ],
)
def test_what_a_unit_s_training_does_not_do_is_refused(unit, field, value):
    fields = {"mode": "frozen", "init_from": "runs/a", **unit, field: value}
    with pytest.raises(ValueError, match=f"--unit=.*{field}="):
        TrainConfig(**fields)


@pytest.mark.parametrize(
    "changes, wanted",
    [
        ({}, ("sgd", 0.1, 1e-3, 0.0, 0.0)),
        ({"mode": "frozen", **LEARNED}, ("adam", 8e-4, 0.0, 1.0, 0.5)),
        ({"mode": "tail", **LEARNED}, ("adam", 8e-4, 0.0, 1.0, 0.05)),
        ({"mode": "frozen", **DATTA}, ("adam", 1e-2, 0.0, 0.0, 0.0)),
        (
            {
                "mode": "cloud",
                "image_codec": "webp",
                "image_quality": 50,
                **DATTA,
            },
            ("sgd", 0.01, 1e-3, 0.0, 0.0),
        ),
        # Without a unit, its kind decides nothing.
        ({"mode": "baseline", **LEARNED}, ("sgd", 0.01, 1e-3, 0.0, 0.0)),
        # What comes trained would be ruined by the rate for what is new.
        (
            {"mode": "baseline", "backbone": "a.keras", "new_head": True},
            ("sgd", 0.1, 1e-3, 0.0, 0.0),
        ),
    ],
)
def test_what_is_not_asked_for_is_what_suits_the_unit(changes, wanted):
    config = TrainConfig(**changes)
    assert wanted == (
        config.optimizer,
        config.learning_rate,
        config.weight_decay,
        config.distillation,
        config.feature_weight,
    )


def test_what_is_asked_for_stays():
    config = TrainConfig(
        mode="frozen", **LEARNED, learning_rate=1e-3, distillation=0.5,
        feature_weight=0.0,
    )  # fmt: skip
    assert config.learning_rate == 1e-3
    assert (config.distillation, config.feature_weight) == (0.5, 0.0)


def test_a_frozen_run_needs_a_trained_backbone_or_another_run():
    with pytest.raises(ValueError, match="--backbone_weights or --init_from"):
        TrainConfig(mode="frozen")
    assert TrainConfig(mode="frozen", init_from="runs/a").mode == "frozen"


def test_a_configuration_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        TrainConfig().epochs = 3


def test_a_list_of_qualities_becomes_a_tuple():
    assert TrainConfig(sweep_qualities=[5, 9]).sweep_qualities == (5, 9)


@pytest.mark.parametrize(
    "config",
    [
        TrainConfig(),
        TrainConfig(
            unit=UnitConfig(channels=5, hidden_channels=7, codec="raw"),
            data=DataConfig(dataset="folder", flip=False, image_size=64),
            sweep_qualities=(),
            clip_norm=1.5,
        ),
        TrainConfig(
            mode="tail",
            unit=LearnedUnitConfig(patch=2, mixed=600),
            init_from="runs/a",
            distillation=0.0,
        ),
    ],
)
def test_json_gives_the_same_configuration_back(config):
    assert TrainConfig.from_json(config.to_json()) == config


def test_json_may_leave_fields_at_their_defaults():
    config = TrainConfig.from_json('{"unit": {"channels": 3}}')
    assert config == TrainConfig(unit=UnitConfig(channels=3))


def test_json_of_before_units_had_kinds_is_of_the_bottleneck_unit():
    values = json.loads(TrainConfig().to_json())
    del values["unit"]["kind"]
    assert TrainConfig.from_json(json.dumps(values)) == TrainConfig()


def test_json_of_earlier_versions_may_have_fields_that_are_gone():
    values = {**json.loads(TrainConfig().to_json()), "init_partly": False}
    assert TrainConfig.from_json(json.dumps(values)) == TrainConfig()


def test_an_unknown_unit_lists_the_kinds():
    with pytest.raises(ValueError, match="bottlenet, learned.*unit='best'"):
        TrainConfig.from_json('{"unit": {"kind": "best"}}')


@pytest.mark.parametrize(
    "values, name",
    [
        ({"epoch": 1}, "TrainConfig"),
        ({"unit": {"width": 1}}, "UnitConfig"),
        ({"unit": {"kind": "learned", "bits": 8}}, "LearnedUnitConfig"),
    ],
)
def test_an_unknown_json_field_is_refused(values, name):
    with pytest.raises(ValueError, match=f"Unknown fields for {name}"):
        TrainConfig.from_json(json.dumps(values))


@pytest.mark.parametrize("text", ["[]", "3", '{"unit": 3}', "{", ""])
def test_text_that_is_no_json_object_is_refused(text):
    with pytest.raises(ValueError):
        TrainConfig.from_json(text)


def test_json_values_are_checked_like_any_other():
    with pytest.raises(TypeError, match="Received: epochs='ten'"):
        TrainConfig.from_json('{"epochs": "ten"}')


def test_the_codec_gets_the_quality_only_if_it_has_one():
    assert UnitConfig(quality=30).codec_config() == {"quality": 30}
    assert UnitConfig(codec="png", quality=30).codec_config() == {}

"""How a network is trained: lengths, rates, losses and schedules."""

import dataclasses

from bottlenet_tf.common.settings import Settings, setting


@dataclasses.dataclass(frozen=True)
class LearningSettings(Settings):
    """The training of a `TrainConfig`."""

    epochs: int = setting(10, "Passes over the training images.", least=0)
    batch_size: int = setting(
        128, "Images per step, over all devices together.", least=1
    )
    learning_rate: float | None = setting(
        None,
        "Peak rate; a cosine takes it to 0. Unset: 0.1, or 0.01 for a trained "
        "network; --unit=learned 0.0008, datta 0.01.",
        above=0,
    )
    optimizer: str | None = setting(
        None,
        "sgd (Nesterov momentum 0.9), adam or adamw; unset: sgd, or adam for "
        "--unit=learned and datta.",
        choices=("sgd", "adam", "adamw"),
    )
    byte_budget: float | None = setting(
        None,
        "Mean wire bytes to train for: the weight of the bytes is steered "
        "until the budget is met.",
        above=0,
    )
    distillation: float | None = setting(
        None,
        "Weight, 0 to 1, of imitating the unsplit network "
        "(--backbone_weights), or the teacher; the labels keep the rest.",
        least=0,
        most=1,
    )
    temperature: float = setting(
        2.0, "Softens both networks' outputs in distillation.", above=0
    )
    teacher_backbone: str | None = setting(
        None,
        "A larger network to imitate in place of the unsplit one, named as "
        "--backbone is. Only for training; it is not deployed.",
    )
    teacher_weights: str | None = setting(
        None, "Its weights, as --backbone_weights."
    )
    feature_weight: float | None = setting(
        None,
        "Weight of the restored feature's squared error, in units of each "
        "channel's variance. Helps where the network after the unit isn't "
        "trained: --mode=frozen.",
        least=0,
    )
    weight_decay: float | None = setting(
        None,
        "Decoupled, times the learning rate; not for biases, norms and ranges. "
        "With sgd, 10 times the usual L2 coefficient.",
        least=0,
    )
    clip_norm: float | None = setting(
        None,
        "Clip gradients to this global norm. Unset: none, or 2 for a learned "
        "unit.",
        above=0,
    )
    label_smoothing: float = setting(
        0.0, "Share of each label spread over all classes.", least=0, most=1
    )
    mixup: float = setting(
        0.0,
        "Blend images and their labels in pairs, with shares from Beta(mixup, "
        "mixup). Off in the last fifth. Short runs learn more slowly.",
        least=0,
    )
    warmup_epochs: float = setting(
        0.5, "Epochs of linear warm-up to the peak.", least=0
    )
    max_steps: int | None = setting(
        None, "Stop after this many steps (the schedule is shortened).", least=1
    )
    first_epoch: int = setting(
        0,
        "Number of the first epoch, for order and crops: a run that continues "
        "by --init_from should see other ones.",
        least=0,
    )
    norm_batches: int = setting(
        0,
        "After training, re-estimate batch norms' statistics from this many "
        "batches: for runs too short for moving averages.",
        least=0,
    )
    codec_warmup: float = setting(
        0.0,
        "Share of all steps, from the first, that train without the codec.",
        least=0,
        most=1,
    )
    clean_finish: float = setting(
        0.0,
        "Share of the epochs, the last ones, that see the images without "
        "augmentation.",
        least=0,
        most=1,
    )
    feature_cache_gb: float = setting(
        4.0,
        "Learned unit: disk space, in 10^9 bytes, for the features of the "
        "frozen blocks, computed once for several augmented versions of every "
        "image and removed at the end. 0, or too little for four versions: "
        "recomputed in every epoch.",
        least=0,
    )
    quality_start: int | None = setting(
        None,
        "JPEG quality the codec starts with, annealed to --quality.",
        least=1,
        most=100,
    )
    quality_epochs: float = setting(
        0.0, "Epochs that the annealing takes.", least=0
    )
    rate_weight: float = setting(
        0.0,
        "Weight of the bytes (per 100 B) in the loss. 0, as in the paper, "
        "leaves the rate to the codec.",
        least=0,
    )
    precision: str = setting(
        "float32",
        "Precision of training; measured and deployed in float32.",
        choices=("float32", "mixed_bfloat16", "mixed_float16"),
    )
    strategy: str = setting(
        "none",
        "none, mirrored (all GPUs of this machine) or multiworker (TF_CONFIG "
        "names the workers).",
        choices=("none", "mirrored", "multiworker"),
    )
    seed: int = setting(0, "Decides initial weights, order and crops.", least=0)
    keep: str = setting(
        "last",
        "last: the last epoch; best: the epoch that is most accurate on the "
        "validation images, within --byte_budget if there is one.",
        choices=("last", "best"),
    )
    early_stopping: int | None = setting(
        None,
        "Stop after this many validations without a better accuracy. The best "
        "epoch is kept.",
        least=1,
    )

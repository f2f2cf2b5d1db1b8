"""Schedules of a run: learning rate, codec on or off, JPEG quality."""

import dataclasses

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="bottlenet_tf")
class WarmupCosine(keras.optimizers.schedules.LearningRateSchedule):
    """Linear warm-up from 0 to `peak`, then half a cosine down to 0.

    Args:
        peak: Highest learning rate.
        warmup_steps: Steps of the warm-up, may be 0.
        total_steps: Step at which the rate reaches 0.
        first_step: Step of the run at the optimizer's step 0.

    Reference:
        Loshchilov, Hutter, 2017, arXiv:1608.03983; warm-up: Goyal et al.,
        2017, arXiv:1706.02677.
    """

    def __init__(self, peak, warmup_steps, total_steps, first_step=0):
        self.peak = peak
        self.warmup_steps = warmup_steps
        self.total_steps = total_steps
        self.first_step = first_step

    def __call__(self, step):
        step = ops.cast(step, "float32") + self.first_step
        rising = (step + 1.0) / max(self.warmup_steps, 1)
        falling_steps = max(self.total_steps - self.warmup_steps, 1)
        done = ops.clip((step - self.warmup_steps) / falling_steps, 0.0, 1.0)
        falling = 0.5 * (1.0 + ops.cos(3.141592653589793 * done))
        return self.peak * ops.where(step < self.warmup_steps, rising, falling)

    def get_config(self):
        return {
            "peak": self.peak,
            "warmup_steps": self.warmup_steps,
            "total_steps": self.total_steps,
            "first_step": self.first_step,
        }


@dataclasses.dataclass(frozen=True)
class CodecSchedule:
    """When the codec runs in training, and at what quality.

    From `first_step` on, in mode "naive" never; before, the quantizer alone.
    Quality is annealed linearly from `quality_start`, unless that is None.
    """

    mode: str
    first_step: int
    quality_start: int | None
    quality: int
    quality_steps: int

    def uses_codec(self, step):
        """Returns whether `step` runs the codec."""
        return self.mode != "naive" and step >= self.first_step

    def quality_at(self, step):
        """Returns the integer quality of `step`."""
        if self.quality_start is None or self.quality_steps == 0:
            return self.quality
        done = (step - self.first_step) / self.quality_steps
        done = min(max(done, 0.0), 1.0)
        return round(
            self.quality_start + done * (self.quality - self.quality_start)
        )


def codec_schedule(config, steps_per_epoch, total_steps):
    """Returns the `CodecSchedule` of a `TrainConfig`."""
    return CodecSchedule(
        mode=config.mode,
        first_step=round(config.codec_warmup * total_steps),
        quality_start=config.quality_start,
        quality=config.unit.quality,
        quality_steps=round(config.quality_epochs * steps_per_epoch),
    )


def augmented_epochs(config):
    """Returns the number of epochs, from the first, with augmented images."""
    return round((1 - config.clean_finish) * config.epochs)

"""Steers the weight of the bytes in the loss towards a byte budget."""

import tensorflow as tf

# A step moves the log of the rate weight by the gain times the log of
# bytes / budget. 0.02 is slower than the batch-to-batch noise of the bytes;
# a short run needs more, or it would end before the weight has moved enough.
MIN_GAIN = 0.02
MAX_GAIN = 0.1  # Beyond, the weight overshoots before bytes react.
GAIN_BY_RUN = 20.0
INITIAL_RATE_WEIGHT = 0.05
# Decay of the exponential mean of the steps' bytes, over about 50 of them.
RECENT_BYTES_KEPT = 0.98
# Bytes in inference over those in training, and its inverse: a larger ratio is
# a transient of the moving statistics.
MAX_INFERENCE_RATIO = 1.25


class ByteBudget:
    """Raises or lowers the rate weight until the mean bytes meet a budget.

    Dual ascent on log(rate weight). Batch statistics and crops make training's
    bytes differ by a few percent from those of inference, which
    `note_inference_bytes` corrects for. Without a budget, the rate weight of
    the `TrainConfig` stays, and bytes count in units of 100.

    `overhead_bytes` are the wire bytes of a payload besides its image data.
    """

    def __init__(self, config, total_steps, overhead_bytes=0):
        gain = GAIN_BY_RUN / max(total_steps, 1)
        self.gain = min(max(gain, MIN_GAIN), MAX_GAIN)
        self.byte_scale, first = 100.0, config.rate_weight
        if config.byte_budget is not None:
            self.byte_scale = config.byte_budget - overhead_bytes
            first = first or INITIAL_RATE_WEIGHT
        self.rate_weight = tf.Variable(
            first, trainable=False, dtype=tf.float32, name="rate_weight"
        )
        self.recent_bytes = tf.Variable(
            0.0, trainable=False, name="recent_bytes"
        )
        self.inference_ratio = tf.Variable(
            1.0, trainable=False, name="inference_ratio"
        )

    @property
    def state(self):
        """Variables that a resumed run needs."""
        return [self.rate_weight, self.recent_bytes, self.inference_ratio]

    def note_inference_bytes(self, mean):
        """Takes the mean image data in inference, with the current weights."""
        recent = float(self.recent_bytes.numpy())
        if recent > 0.0:
            ratio = max(mean / recent, 1.0 / MAX_INFERENCE_RATIO)
            self.inference_ratio.assign(min(ratio, MAX_INFERENCE_RATIO))

    def follow(self, mean):
        """Moves the rate weight after a step of this mean image data."""
        kept = tf.where(self.recent_bytes > 0.0, RECENT_BYTES_KEPT, 0.0)
        self.recent_bytes.assign(kept * self.recent_bytes + (1.0 - kept) * mean)
        sent = tf.maximum(mean * self.inference_ratio, 1.0)
        error = tf.math.log(sent / self.byte_scale)
        factor = tf.exp(self.gain * tf.clip_by_value(error, -1.0, 1.0))
        # Bounds keep the weight from running away while a budget is out of
        # reach, or is met without any pressure.
        self.rate_weight.assign(
            tf.clip_by_value(self.rate_weight * factor, 1e-4, 10.0)
        )

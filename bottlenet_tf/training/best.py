"""The epoch that is kept, by its accuracy on the validation images."""

import pathlib

import tensorflow as tf

from bottlenet_tf.training import checkpoints
from bottlenet_tf.training.distribution import local_copies


class BestEpoch:
    """Remembers the weights of the most accurate epoch, over restarts.

    With a byte budget, only epochs that meet it count; if none does, the
    last one is kept.

    Args:
        workdir: Run directory; weights go to its `best/`.
        variables: Keras variables of the model.
        strategy: `tf.distribute.Strategy`.
        patience: Validations without a better accuracy after which to stop;
            None never stops.
        most_bytes: Mean image data of an epoch that counts; None sets no
            limit.
    """

    def __init__(
        self, workdir, variables, strategy, patience=None, most_bytes=None
    ):
        self.patience = patience
        self.most_bytes = most_bytes
        # Saved with the run's checkpoints: accuracy (percent), epoch, and
        # looks since then. An accuracy below 0 means that there is none.
        self.state = tf.Variable(
            [-1.0, -1.0, 0.0], dtype=tf.float64, trainable=False, name="best"
        )
        self._manager = tf.train.CheckpointManager(
            tf.train.Checkpoint(model=local_copies(variables, strategy)),
            str(pathlib.Path(workdir) / "best"),
            max_to_keep=2,
        )

    @property
    def epoch(self):
        """Number of the best epoch so far, from 0; None if none counts."""
        accuracy, epoch, _ = self.state.numpy()
        return int(epoch) if accuracy >= 0 else None

    @property
    def is_over(self):
        """Whether to stop: there was no better epoch for too long."""
        looks = self.state.numpy()[2]
        return self.patience is not None and looks >= self.patience

    def note(self, epoch, accuracy, mean_bytes):
        """Takes note of an epoch; saves the weights if it is the best.

        Args:
            epoch: Its number, from 0.
            accuracy: On the validation images, in percent.
            mean_bytes: Mean image data of these images.
        """
        best, best_epoch, looks = self.state.numpy()
        counts = self.most_bytes is None or mean_bytes <= self.most_bytes
        if counts and accuracy > best:
            checkpoints.write(self._manager, epoch)
            best, best_epoch, looks = accuracy, epoch, 0
        elif best >= 0:
            looks += 1
        self.state.assign([best, best_epoch, looks])

    def check(self):
        """Raises ValueError if the best epoch's weights are damaged."""
        if self.epoch is None:
            return
        try:
            reader = tf.train.load_checkpoint(self._path())
            for name in reader.get_variable_to_shape_map():
                reader.get_tensor(name)
        except Exception as error:  # Whatever damaged bytes lead to.
            raise ValueError(
                "A run keeps the weights of its best epoch, and these are "
                f"damaged. Remove {self._manager.directory} and the folder "
                "checkpoints beside it to begin the run anew. Received: "
                f"{self._path()} ({checkpoints.brief(error)})"
            ) from error

    def restore(self):
        """Gives the model the weights of the best epoch, if there is one."""
        self.check()
        if self.epoch is not None:
            status = self._manager.checkpoint.restore(self._path())
            status.assert_consumed()

    def _path(self):
        return f"{self._manager.directory}/ckpt-{self.epoch}"

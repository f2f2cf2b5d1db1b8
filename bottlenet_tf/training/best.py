"""Chooses the epoch to keep, by its accuracy on the validation images."""

import pathlib

import tensorflow as tf

from bottlenet_tf.training import checkpoints
from bottlenet_tf.training.distribution import local_copies


class BestEpoch:
    """Keeps the weights of the most accurate epoch, over restarts, in `best/`.

    `patience` is the number of validations allowed without a better accuracy;
    epochs of more mean image data than `most_bytes` don't count.
    """

    def __init__(
        self, workdir, variables, strategy, patience=None, most_bytes=None
    ):
        self.patience = patience
        self.most_bytes = most_bytes
        # Saved with the run's checkpoints: accuracy in percent (below 0: there
        # is no best epoch), epoch, validations since then.
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
        """Number of the best epoch so far, from 0; None without one."""
        accuracy, epoch, _ = self.state.numpy()
        return int(epoch) if accuracy >= 0 else None

    @property
    def is_over(self):
        """Whether `patience` is exhausted."""
        looks = self.state.numpy()[2]
        return self.patience is not None and looks >= self.patience

    def note(self, epoch, accuracy, mean_bytes):
        """Saves the weights of an epoch if it is the best one so far."""
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
        except Exception as error:  # Damaged bytes may raise anything.
            raise ValueError(
                "The weights of the run's best epoch are damaged. Remove "
                f"{self._manager.directory} and the folder checkpoints next to "
                f"it to restart the run. Received: {self._path()} "
                f"({checkpoints.brief(error)})"
            ) from error

    def restore(self):
        """Restores the weights of the best epoch, if there is one."""
        self.check()
        if self.epoch is not None:
            status = self._manager.checkpoint.restore(self._path())
            status.assert_consumed()

    def describe(self, epochs, stopped):
        """Returns a line for the console about the kept epoch."""
        early = f"Stopped early, after {epochs} epochs. " if stopped else ""
        if self.epoch is None:
            why = (
                "met the byte budget"
                if self.most_bytes
                else "could be compared"
            )
            return f"{early}No epoch {why}: the last one is kept."
        return (
            f"{early}Kept: epoch {self.epoch + 1}, "
            f"{self.state.numpy()[0]:.2f} % of the validation images."
        )

    def _path(self):
        return f"{self._manager.directory}/ckpt-{self.epoch}"

"""Logs of training: progress bar, CSV, TensorBoard."""

import csv
import pathlib
import sys

import tensorflow as tf
from tqdm import tqdm

FIELDS = (
    "epoch",
    "step",
    "loss",
    "task_loss",
    "train_accuracy",
    "image_data_bytes",
    "rate_weight",
    "quality",
    "learning_rate",
    "validation_accuracy",
    "validation_image_data_bytes",
    "images_per_second",
    "seconds",
)


def progress_bar(total, initial, description, enabled=True):
    """Returns a tqdm bar, updated once a minute where that is a log file."""
    return tqdm(
        total=total,
        initial=initial,
        desc=description,
        unit="step",
        disable=not enabled,
        mininterval=0.5 if sys.stderr.isatty() else 60.0,
        leave=False,
        dynamic_ncols=True,
        file=sys.stderr,
    )


class EpochLog:
    """One row per epoch in `metrics.csv` and in TensorBoard.

    Rows beyond `step`, with which the run resumes, are dropped. Disabled on
    workers that must not write.
    """

    def __init__(self, workdir, step, enabled=True):
        self.enabled = enabled
        self.rows = []
        self.path = pathlib.Path(workdir) / "metrics.csv"
        self.writer = tf.summary.create_noop_writer()
        if not enabled:
            return
        self.rows = _rows_upto(self.path, step)
        self._write()
        self.writer = tf.summary.create_file_writer(
            str(pathlib.Path(workdir) / "tensorboard")
        )

    def epoch(self, row, pictures=None):
        """Adds an epoch's row, with some of `FIELDS`, and maybe a picture."""
        if not self.enabled:
            return
        self.rows.append({k: row.get(k, "") for k in FIELDS})
        self._write()
        with self.writer.as_default(step=row["step"]):
            for name in FIELDS[2:]:
                if row.get(name) is not None:
                    tf.summary.scalar(_tag(name), row[name])
            if pictures is not None:
                tf.summary.image("image, plane, decoded plane", pictures)
        self.writer.flush()

    def step(self, step, scalars):
        """Adds scalars of a single step to TensorBoard."""
        if self.enabled:
            with self.writer.as_default(step=step):
                for name, value in scalars.items():
                    tf.summary.scalar(f"step/{name}", value)

    def total(self, field):
        """Returns the sum of a field over all epochs."""
        return sum(float(row[field]) for row in self.rows)

    def _write(self):
        temporary = self.path.with_suffix(".csv.tmp")
        with temporary.open("w", newline="") as file:
            writer = csv.DictWriter(file, FIELDS)
            writer.writeheader()
            writer.writerows(self.rows)
        temporary.replace(self.path)


def _tag(name):
    group = "validation" if name.startswith("validation_") else "train"
    return f"{group}/{name.removeprefix(f'{group}_')}"


def summary(row, epochs):
    """Returns a line for the console of an epoch's row."""
    parts = [f"epoch {row['epoch'] + 1}/{epochs}", f"loss {row['loss']:.4f}"]
    parts.append(f"train {row['train_accuracy']:.2f} %")
    if "validation_accuracy" in row:
        parts.append(f"validation {row['validation_accuracy']:.2f} %")
    if "validation_image_data_bytes" in row:
        parts.append(f"{row['validation_image_data_bytes']:.0f} B")
    parts.append(f"{row['images_per_second']:.0f} images/s")
    return "  ".join(parts)


def _rows_upto(path, step):
    if not path.is_file():
        return []
    with path.open(newline="") as file:
        return [r for r in csv.DictReader(file) if int(r["step"]) <= step]

"""Measuring after training, rivals, and files of a run."""

import dataclasses

from bottlenet_tf.common.settings import Settings, setting


@dataclasses.dataclass(frozen=True)
class MeasuringSettings(Settings):
    """Figures, rivals and files of a `TrainConfig`."""

    measure_on: str = setting(
        "test",
        "Images of the final figures; use validation to compare settings, so "
        "that test images stay unseen.",
        choices=("test", "validation"),
    )
    evaluate_every: int = setting(
        1, "Epochs between validations; 0: only the finished network.", least=0
    )
    sweep_qualities: tuple[int, ...] = setting(
        (
            1, 2, 4, 7, 10, 15, 20, 30, 40, 50, 60, 70, 75, 80, 83, 86, 88, 90,
            92, 95,
        ),
        "Qualities at which cloud-only image codecs are measured for "
        "comparison.",
        least=1,
        most=100,
    )  # fmt: skip

    tuned_rivals: tuple[str, ...] = setting(
        (),
        "Image codecs, separated by commas, whose cloud-only rival is tuned as "
        "well (--mode=cloud) with this run's recipe and at most as many "
        "training images, and reported next to the untouched one. Costs one "
        "training per codec and loss; runs in one folder share them. May be "
        "added to a finished run.",
    )
    tuned_losses: tuple[float, ...] = setting(
        (3.0, 8.0),
        "Each codec's rival is tuned at the qualities at which the untouched "
        "network loses this many points on the validation images.",
        above=0,
    )
    tuned_epochs: int | None = setting(
        None,
        "Passes of a rival's training, at most this run's images; unset: as "
        "many.",
        least=1,
    )
    tuned_learning_rate: float | None = setting(
        None, "Peak rate of a rival's training; unset: this run's.", above=0
    )
    image_codec: str | None = setting(
        None, "For --mode=cloud: jpeg, webp, avif or jxl."
    )
    image_quality: int | None = setting(
        None,
        "For --mode=cloud: the encoder's quality, 1 to 100.",
        least=1,
        most=100,
    )
    image_side: int | None = setting(
        None,
        "For --mode=cloud: side in pixels of the images sent; unset: the "
        "network's input.",
        least=1,
    )
    checkpoint_minutes: float = setting(
        10.0, "Minutes between checkpoints within an epoch.", least=0
    )
    keep_checkpoints: bool = setting(
        False,
        "Keep the checkpoints of a finished run, most of its disk space. "
        "--epochs can be raised without them, too; with them, optimizer and "
        "best epoch are continued exactly.",
    )

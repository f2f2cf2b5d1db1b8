"""What a search is: a frozen dataclass that checks itself."""

import dataclasses

from bottlenet_tf.config import TrainConfig
from bottlenet_tf.search.planning import Cheap, Exhaustive
from bottlenet_tf.search.trials import Space
from bottlenet_tf.validation import check, check_at_least, check_types


@dataclasses.dataclass(frozen=True)
class SearchConfig:
    """One search. `bottlenet-search --help` explains every field.

    `base` holds what all trials share; its split, unit channels, stride and
    quality, and its length, are the trials' own. Its workdir is the search's
    folder.
    """

    base: TrainConfig
    splits: tuple[str, ...] = ()
    channels: tuple[int, ...] = Space.channels
    strides: tuple[int, ...] = Space.strides
    qualities: tuple[int, ...] = Space.qualities
    trial_examples: int = Space.examples
    max_accuracy_loss: float = 2.0
    exhaustive: bool = False
    reduction: int = Cheap.reduction
    rungs: int = Cheap.rungs
    max_finals: int = Cheap.max_finals
    search_images: int | None = 2000
    workers: int = 1
    ray_address: str | None = None
    trial_cpus: int = 1
    trial_gpus: float = 0.0
    retry_failed: bool = False

    def __post_init__(self):
        check_types(self)
        check_at_least(0.0, max_accuracy_loss=self.max_accuracy_loss)
        check(
            self.search_images is None or self.search_images >= 1,
            "--search_images must be positive, or unset for all.",
            search_images=self.search_images,
        )
        check_at_least(1, workers=self.workers, trial_cpus=self.trial_cpus)
        check_at_least(0.0, trial_gpus=self.trial_gpus)
        check(
            self.base.mode in ("aware", "frozen"),
            "--mode must be aware or frozen: a search trains units with their "
            "codec.",
            mode=self.base.mode,
        )
        check(
            self.base.starts_trained,
            "--backbone_weights must name a trained network: every candidate "
            "starts from it, and losses are counted from its accuracy.",
            backbone_weights=self.base.backbone_weights,
        )
        check(
            self.base.data.validation_fraction > 0,
            "--validation_fraction must be above 0: a search chooses, and the "
            "test images must not.",
            validation_fraction=self.base.data.validation_fraction,
        )
        check(
            self.base.keep == "last",
            "--keep=best is not for a search: trials are compared after "
            "equally many images.",
            keep=self.base.keep,
        )
        for name in (
            "byte_budget", "init_from", "max_steps", "quality_start",
            "early_stopping",
        ):  # fmt: skip
            check(
                getattr(self.base, name) is None,
                f"--{name} is not for a search: the grid and the trials "
                "decide it.",
                **{name: getattr(self.base, name)},
            )
        check(
            self.base.unit.codec == "jpeg" or len(self.qualities) == 1,
            "--quality_grid is JPEG's; another codec has none, so give one.",
            codec=self.base.unit.codec,
            qualities=self.qualities,
        )
        self.plan(100.0, self.splits or ("any",), num_classes=2)

    def plan(self, accuracy, splits, num_classes):
        """Returns the `Cheap` or `Exhaustive` plan.

        Args:
            accuracy: Of the unsplit network, in percent.
            splits: Names of split points.
            num_classes: Of the data set.

        Raises:
            ValueError: for a grid that makes no sense.
        """
        space = Space(
            splits,
            self.channels,
            self.strides,
            self.qualities,
            self.trial_examples,
            self.base.batch_size,
        )
        least = accuracy - self.max_accuracy_loss
        if self.exhaustive:
            return Exhaustive(space, least)
        return Cheap(
            space,
            accuracy,
            least,
            100.0 / num_classes,
            self.reduction,
            self.rungs,
            self.max_finals,
        )

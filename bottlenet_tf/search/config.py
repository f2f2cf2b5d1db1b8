"""What a search is: a frozen dataclass that checks itself."""

import dataclasses

from bottlenet_tf.config import TrainConfig
from bottlenet_tf.search.planning import Cheap, Exhaustive
from bottlenet_tf.search.trials import Space
from bottlenet_tf.validation import check, check_at_least, check_types


@dataclasses.dataclass(frozen=True)
class _Search:
    """What every search is told.

    `base` holds what all its runs share; its workdir is the search's folder.
    """

    base: TrainConfig
    splits: tuple[str, ...] = ()
    max_accuracy_loss: float = 2.0
    search_images: int | None = 2000
    workers: int = 1
    ray_address: str | None = None
    trial_cpus: int = 1
    trial_gpus: float = 0.0

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
        self._refuse("init_from", "max_steps")

    def _refuse(self, *names):
        for name in names:
            check(
                getattr(self.base, name) is None,
                f"--{name} is not for a search, which decides it.",
                **{name: getattr(self.base, name)},
            )


@dataclasses.dataclass(frozen=True)
class CurveConfig(_Search):
    """A search over the curves of a learned unit at every split.

    `base` is how a split that can win is trained. `bottlenet-search --help`
    explains every field.
    """

    curve_steps: int = 0
    optimism: float = 0.25
    max_trained: int | None = None

    def __post_init__(self):
        super().__post_init__()
        check(
            self.base.unit.kind == "learned",
            "--unit must be learned: no other has a curve before training.",
            unit=self.base.unit.kind,
        )
        check_at_least(0, curve_steps=self.curve_steps)
        check(
            0 < self.optimism <= 1,
            "--optimism must be a share of the bytes, above 0 and at most 1.",
            optimism=self.optimism,
        )
        check(
            self.max_trained is None or self.max_trained >= 1,
            "--max_trained must be positive, or unset for all that can win.",
            max_trained=self.max_trained,
        )


@dataclasses.dataclass(frozen=True)
class SearchConfig(_Search):
    """One search over a grid of the JPEG unit's channels, strides, qualities.

    The split of `base`, its unit's channels, stride and quality, and its
    length, are the trials' own. `bottlenet-search --help` explains every
    field.
    """

    channels: tuple[int, ...] = Space.channels
    strides: tuple[int, ...] = Space.strides
    qualities: tuple[int, ...] = Space.qualities
    trial_examples: int = Space.examples
    exhaustive: bool = False
    reduction: int = Cheap.reduction
    rungs: int = Cheap.rungs
    max_finals: int = Cheap.max_finals
    retry_failed: bool = False

    def __post_init__(self):
        super().__post_init__()
        check(
            self.base.mode in ("aware", "frozen"),
            "--mode must be aware or frozen: a search trains units with their "
            "codec.",
            mode=self.base.mode,
        )
        check(
            self.base.keep == "last",
            "--keep=best is not for a search: trials are compared after "
            "equally many images.",
            keep=self.base.keep,
        )
        self._refuse("byte_budget", "quality_start", "early_stopping")
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

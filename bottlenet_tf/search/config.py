"""What a search is: a frozen dataclass that checks itself."""

import dataclasses

from bottlenet_tf.config import TrainConfig
from bottlenet_tf.search.planning import Cheap, Exhaustive
from bottlenet_tf.search.trials import Space
from bottlenet_tf.settings import Settings, setting
from bottlenet_tf.validation import check


@dataclasses.dataclass(frozen=True)
class _Search(Settings):
    """What every search is told.

    `base` holds what all its runs share; its workdir is the search's folder.
    """

    base: TrainConfig
    splits: tuple[str, ...] = setting(
        (), "Split points to search; unset: all of the network."
    )
    max_accuracy_loss: float = setting(
        2.0,
        "Points below the unsplit network that are accepted.",
        least=0,
    )
    search_images: int | None = setting(
        2000,
        "Validation images that trials are measured on; what is kept is "
        "measured on all of them, and on the test images. 0: all.",
        least=1,
    )
    workers: int = setting(1, "Trials at a time.", least=1)
    ray_address: str | None = setting(
        None,
        "Ray cluster to run trials on ('auto', 'local', or host:port); unset: "
        "processes on this machine.",
    )
    trial_cpus: int = setting(
        1, "CPUs that a trial asks a Ray cluster for: its threads.", least=1
    )
    trial_gpus: float = setting(
        0.0, "GPUs, or a share of one, that it asks for.", least=0
    )

    def check_together(self):
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

    curve_steps: int = setting(
        0, "Training steps before a curve is measured; 0: none.", least=0
    )
    optimism: float = setting(
        0.25,
        "Share of its bytes that training may leave of a split that isn't "
        "trained yet; smaller trains more splits.",
        above=0,
        most=1,
    )
    max_trained: int | None = setting(
        None, "Most splits to train; unset: all that can win.", least=1
    )

    def check_together(self):
        super().check_together()
        check(
            self.base.unit.kind == "learned",
            "--unit must be learned: no other has a curve before training.",
            unit=self.base.unit.kind,
        )


@dataclasses.dataclass(frozen=True)
class SearchConfig(_Search):
    """One search over a grid of the JPEG unit's channels, strides, qualities.

    The split of `base`, its unit's channels, stride and quality, and its
    length, are the trials' own. `bottlenet-search --help` explains every
    field.
    """

    channels: tuple[int, ...] = setting(
        Space.channels,
        "c': channels of the units to try.",
        flag="channel_grid",
    )
    strides: tuple[int, ...] = setting(
        Space.strides, "s: spatial reductions to try.", flag="stride_grid"
    )
    qualities: tuple[int, ...] = setting(
        Space.qualities, "Codec qualities to try.", flag="quality_grid"
    )
    trial_examples: int = setting(
        Space.examples, "Training images that a candidate sees in full."
    )
    exhaustive: bool = setting(
        False,
        "Train every candidate in full, from the pretrained network.",
    )
    reduction: int = setting(
        Cheap.reduction,
        "The widest unit of each stride is trained on "
        "trial_examples/reduction^rungs; all are cut out of it and see a share "
        "of 1/reduction of that. The best 1/reduction of them go on, with "
        "reduction times as many images; the last is trained in full, from the "
        "pretrained network.",
    )
    rungs: int = setting(Cheap.rungs, "How often units are dropped.")
    max_finals: int = setting(
        Cheap.max_finals,
        "Units trained in full for one split, while none is acceptable.",
    )
    retry_failed: bool = setting(False, "Repeat trials that failed before.")

    def check_together(self):
        super().check_together()
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

"""Settings of a search: over curves, or over a grid."""

import dataclasses

from bottlenet_tf.common.settings import Settings, setting
from bottlenet_tf.config.run import TrainConfig
from bottlenet_tf.search.planning import Grid


@dataclasses.dataclass(frozen=True)
class SearchSettings(Settings):
    """Settings of either kind of search.

    `base` is shared by all its runs; its workdir is the search's folder.
    """

    base: TrainConfig
    splits: tuple[str, ...] = setting(
        (),
        "Split points to search; unset: the network's blocks or, where each "
        "layer is a cut, one for each 2.5 % of its multiply-accumulates.",
    )
    max_accuracy_loss: float = setting(
        2.0, "Accepted accuracy loss, in percentage points.", least=0
    )
    search_images: int | None = setting(
        2000,
        "Validation images for measuring trials; candidates are measured on "
        "all of them, and on the test images. 0: all.",
        least=1,
    )
    workers: int = setting(1, "Concurrent trials.", least=1)
    ray_address: str | None = setting(
        None,
        "Ray cluster to run trials on ('auto', 'local', or host:port); unset: "
        "processes on this machine.",
    )
    trial_cpus: int = setting(
        1, "CPUs that a trial requests of a Ray cluster: its threads.", least=1
    )
    trial_gpus: float = setting(
        0.0, "GPUs, or a share of one, that it requests.", least=0
    )

    def rules(self):
        yield (
            self.base.starts_trained,
            "--backbone_weights must name a trained network: every candidate "
            "starts from it, and losses are counted from its accuracy.",
        )
        yield (
            self.base.data.validation_fraction > 0,
            "--validation_fraction must be above 0: a search chooses, which "
            "test images must not.",
        )
        yield from self._unset("init_from")

    def _unset(self, *names):
        for name in names:
            yield (
                getattr(self.base, name) is None,
                f"--{name} can't be set for a search, which decides it.",
            )


@dataclasses.dataclass(frozen=True)
class CurveConfig(SearchSettings):
    """A search over the curves of a learned unit at every split.

    `base` is the training of a split that can win. `bottlenet-search --help`
    explains every field.
    """

    optimism: float = setting(
        0.25,
        "Share of its bytes that a split may need after training; smaller "
        "trains more splits.",
        above=0,
        most=1,
    )
    max_trained: int | None = setting(
        None, "Most splits to train; unset: all that can win.", least=1
    )

    def rules(self):
        yield from super().rules()
        yield (
            self.base.unit.kind == "learned",
            "--unit must be learned: no other has a curve before training.",
        )
        yield from self._unset("max_steps")


@dataclasses.dataclass(frozen=True)
class SearchConfig(SearchSettings):
    """One search over a grid of the JPEG unit's channels, strides, qualities.

    The split of `base`, its unit's channels, stride and quality, and its
    length, are set by the trials. `bottlenet-search --help` explains every
    field.
    """

    channels: tuple[int, ...] = setting(
        (1, 2, 4, 8),
        "c': channels of the units to try.",
        flag="channel_grid",
        least=1,
        distinct=True,
    )
    strides: tuple[int, ...] = setting(
        (1, 2),
        "s: spatial reductions to try.",
        flag="stride_grid",
        least=1,
        distinct=True,
    )
    qualities: tuple[int, ...] = setting(
        (20, 50, 75, 90),
        "Codec qualities to try.",
        flag="quality_grid",
        least=1,
        most=100,
        distinct=True,
    )
    exhaustive: bool = setting(
        False,
        "Train every candidate, as the paper does, not only those along the "
        "edge of acceptable ones.",
    )
    retry_failed: bool = setting(False, "Repeat trials that failed before.")

    def rules(self):
        yield from super().rules()
        if self.base.unit.kind != "bottlenet":
            yield (
                False,
                "--unit must be bottlenet or learned: a Datta unit has one "
                "rate; bottlenet-pareto samples it.",
            )
            return
        yield (
            self.base.mode in ("aware", "frozen"),
            "--mode must be aware or frozen: a search trains units with their "
            "codec.",
        )
        yield (
            self.base.keep == "last",
            "--keep=best is not for a search: trials are compared after the "
            "same number of images.",
        )
        yield from self._unset("byte_budget", "quality_start", "early_stopping")
        yield bool(self.channels), "--channel_grid must name a value."
        yield bool(self.strides), "--stride_grid must name a value."
        yield bool(self.qualities), "--quality_grid must name a value."
        yield (
            self.base.unit.codec == "jpeg" or len(self.qualities) == 1,
            "--quality_grid is for --codec=jpeg; another codec has no quality, "
            "so give one.",
        )

    def grid(self, accuracy):
        """Returns the `Grid` of every split point."""
        units = [(c, s) for c in self.channels for s in self.strides]
        return Grid(
            tuple(sorted(units, key=lambda u: (u[0] / u[1] ** 2, u[0]))),
            tuple(sorted(self.qualities, reverse=True)),
            accuracy - self.max_accuracy_loss,
            self.exhaustive,
        )

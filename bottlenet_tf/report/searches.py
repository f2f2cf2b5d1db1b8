"""A search on disk: its configuration, its trials, what it kept."""

import dataclasses
import math
import pathlib

import msgspec

from bottlenet_tf.report import reading, runs
from bottlenet_tf.report.origins import Origin, together
from bottlenet_tf.report.reading import Count, NotNegative, Percent, Whole
from bottlenet_tf.search import ground, runner
from bottlenet_tf.search.candidates import CANDIDATES

_PROGRAM = "bottlenet-search, with the same flags,"


class _Base(msgspec.Struct):
    backbone: str


class _Config(msgspec.Struct):
    base: _Base
    splits: tuple[str, ...]
    search_images: Count | None


class _Stated(msgspec.Struct):
    """search.json."""

    config: _Config
    splits: tuple[str, ...]
    accuracy: Percent


class _Measured(msgspec.Struct):
    wire_bytes: NotNegative


class Candidate(msgspec.Struct):
    """The unit that a split point is represented by."""

    channels: Count
    stride: Count
    quality: Whole
    measured: _Measured | None

    @property
    def unit(self):
        """Channels, stride and quality, for people."""
        return f"c'={self.channels}, s={self.stride}, q={self.quality}"


class Point(msgspec.Struct):
    """What a trial reached on the search's images."""

    quality: Whole
    wire_bytes: NotNegative
    accuracy: Percent


class Trial(msgspec.Struct):
    """A unit that was tried at a split; it has points, or an error."""

    name: str
    split: str
    points: tuple[Point, ...]
    error: str | None


class _Results(msgspec.Struct):
    """results.json."""

    command: tuple[str, ...]
    max_accuracy_loss: NotNegative
    examples: Whole
    examples_exhaustive: Whole
    trials: tuple[Trial, ...]
    candidates: dict[str, Candidate | None]


@dataclasses.dataclass(frozen=True)
class Search:
    """A finished search.

    Attributes:
        backbone: The network's name; of a file without its folders.
        splits: All split points searched, in the network's order.
        is_partial: Whether they were picked out of the network's.
        accuracy: Of the unsplit network on the search's images, in percent.
        max_loss: Points below it that were accepted.
        search_images: How many images trials were measured on; None if all.
        examples: Training images that all trials saw.
        examples_exhaustive: Those of the paper's exhaustive search.
        candidates: `{split: Candidate}` of those with an acceptable unit.
        runs: `{split: Run}` of the candidates that could be measured.
        trials: Tuple of `Trial`.
        origin: What made it.
    """

    backbone: str
    splits: tuple
    is_partial: bool
    accuracy: float
    max_loss: float
    search_images: int | None
    examples: int
    examples_exhaustive: int
    candidates: dict
    runs: dict
    trials: tuple
    origin: Origin


def read(root):
    """Returns the `Search` in a folder.

    Raises:
        FileNotFoundError: if search or results aren't there.
        ValueError: naming file and field, for what is damaged, of another
            version, or of another search.
    """
    root = pathlib.Path(root)
    files = root / ground.SEARCH, root / runner.RESULTS
    search, results = (
        reading.read(file, kind, _PROGRAM, ground.FORMAT)
        for file, kind in zip(files, (_Stated, _Results))
    )
    found = results.candidates
    for name in found:
        if name not in search.splits:
            rule = f"of a split of {files[0]}"
            reading.refuse(files[1], f"candidates.{name}", rule, name)
    for name in search.splits:
        if name not in found:
            raise ValueError(
                f"{files[1]}: field 'candidates.{name}' is missing; there must "
                f"be one of each split of {files[0]}. Received: {sorted(found)}"
            )
    candidates = {s: found[s] for s in search.splits if found[s]}
    kept = {
        split: _run(root, split, candidate.measured.wire_bytes)
        for split, candidate in candidates.items()
        if candidate.measured
    }
    base = search.config.base.backbone
    runs.check_same_network(list(kept.values()))
    for run in list(kept.values())[:1]:
        if run.backbone != base:
            raise ValueError(
                f"{run.file}: field 'backbone' must be that of {files[0]}. "
                f"Received: {run.backbone!r} against {base!r}"
            )
    return Search(
        pathlib.PurePath(base).name,
        search.splits,
        bool(search.config.splits),  # Empty: all of them.
        search.accuracy,
        results.max_accuracy_loss,
        search.config.search_images,
        results.examples,
        results.examples_exhaustive,
        candidates,
        kept,
        results.trials,
        together(
            "the search; machine and versions of the runs it kept",
            results.command,
            [run.origin for run in kept.values()],
        ),
    )


def _run(root, split, num_bytes):
    run = runs.read(root / CANDIDATES / split, "bottlenet-search")
    if run.split != split:
        reading.refuse(run.file, "split", repr(split), run.split)
    if not math.isclose(num_bytes, run.wire_bytes, rel_tol=1e-6):
        raise ValueError(
            f"{run.file}: field 'wire_bytes_mean' must be that of "
            f"{root / runner.RESULTS}, because it is its candidate; {_PROGRAM} "
            f"measures it again. Received: {run.wire_bytes!r} against "
            f"{num_bytes!r}"
        )
    return run

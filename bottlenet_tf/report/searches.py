"""A search on disk: its configuration, trials and candidates."""

import dataclasses
import math
import pathlib

import msgspec

from bottlenet_tf.common import reading
from bottlenet_tf.common.ranges import Count, NotNegative, Percent, Whole
from bottlenet_tf.report import runs
from bottlenet_tf.report.origins import together
from bottlenet_tf.search import baseline, runner
from bottlenet_tf.search.candidates import CANDIDATES

_PROGRAM = "bottlenet-search, with the same flags,"


class _Base(msgspec.Struct):
    backbone: str


class _Config(msgspec.Struct):
    base: _Base
    splits: tuple[str, ...]
    search_images: Count | None


class Stated(msgspec.Struct):
    """search.json; `accuracy` is the unsplit network's."""

    config: _Config
    splits: tuple[str, ...]
    accuracy: Percent


class _Measured(msgspec.Struct):
    wire_bytes: NotNegative


class Candidate(msgspec.Struct):
    """The unit that represents a split point."""

    channels: Count
    stride: Count
    quality: Whole
    measured: _Measured | None

    @property
    def unit(self):
        """Channels, stride and quality, for display."""
        return f"c'={self.channels}, s={self.stride}, q={self.quality}"


class Point(msgspec.Struct):
    """Size and accuracy of a trial on the search's images."""

    quality: Whole
    wire_bytes: NotNegative
    accuracy: Percent


class Trial(msgspec.Struct):
    """A unit tried at a split, with points or an error."""

    name: str
    split: str
    points: tuple[Point, ...]
    error: str | None


class Results(msgspec.Struct):
    """results.json: the search's cost and its candidates."""

    command: tuple[str, ...]
    max_accuracy_loss: NotNegative
    examples: Whole
    examples_exhaustive: Whole
    trials: tuple[Trial, ...]
    candidates: dict[str, Candidate | None]


@dataclasses.dataclass(frozen=True)
class Search:
    """A finished search; `runs` is `{split: Run}` of measured candidates."""

    stated: Stated
    results: Results
    runs: dict

    @property
    def backbone(self):
        """The network's name; of a file without its folders."""
        return pathlib.PurePath(self.stated.config.base.backbone).name

    @property
    def splits(self):
        """All split points searched, in the network's order."""
        return self.stated.splits

    @property
    def candidates(self):
        """`{split: Candidate}` of those with an acceptable unit."""
        found = self.results.candidates
        return {s: found[s] for s in self.splits if found.get(s)}

    @property
    def origin(self):
        """Its `Origin`."""
        return together(
            "the search; machine and versions of the runs it kept",
            self.results.command,
            [run.origin for run in self.runs.values()],
        )


def read(root):
    """Returns the `Search` in a folder."""
    root = pathlib.Path(root)
    files = root / baseline.SEARCH, root / runner.RESULTS
    stated = reading.read(files[0], Stated, _PROGRAM, baseline.FORMAT)
    results = reading.read(files[1], Results, _PROGRAM, baseline.FORMAT)
    for name in results.candidates:
        if name not in stated.splits:
            rule = f"of a split of {files[0]}"
            reading.refuse(files[1], f"candidates.{name}", rule, name)
    for name in stated.splits:
        if name not in results.candidates:
            raise ValueError(
                f"{files[1]}: field 'candidates.{name}' is missing; there must "
                f"be one of each split of {files[0]}. "
                f"Received: {sorted(results.candidates)}"
            )
    kept = {
        split: _run(root, split, results.candidates[split].measured.wire_bytes)
        for split in stated.splits
        if results.candidates[split] and results.candidates[split].measured
    }
    runs.check_same_network(list(kept.values()))
    base = stated.config.base.backbone
    for run in list(kept.values())[:1]:
        if run.backbone != base:
            rule = f"that of {files[0]}, {base!r}"
            reading.refuse(run.file, "backbone", rule, run.backbone)
    return Search(stated, results, kept)


def _run(root, split, num_bytes):
    run = runs.read(root / CANDIDATES / split, "bottlenet-search")
    if run.split != split:
        reading.refuse(run.file, "split", repr(split), run.split)
    if not math.isclose(num_bytes, run.wire_bytes, rel_tol=1e-6):
        reading.refuse(
            run.file,
            "wire_bytes_mean",
            f"that of {root / runner.RESULTS}, {num_bytes!r}, because it is "
            f"its candidate; {_PROGRAM} measures it again",
            run.wire_bytes,
        )
    return run

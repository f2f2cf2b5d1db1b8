"""A search on disk: its configuration, its trials, what it kept."""

import dataclasses
import math
import pathlib

from bottlenet_tf.report import fields, origins, run_file
from bottlenet_tf.search import ground, runner, trial_folder
from bottlenet_tf.search.candidates import CANDIDATES

_PROGRAM = "bottlenet-search, with the same flags,"


@dataclasses.dataclass(frozen=True)
class Candidate:
    """The unit that a split point is represented by.

    Attributes:
        split: Name of the split point.
        unit: Channels, stride and quality, for people.
        run: `run_file.Run` on all test images; None if that failed.
    """

    split: str
    unit: str
    run: object


@dataclasses.dataclass(frozen=True)
class Tried:
    """A trial: its split, its unit, and what it reached.

    Attributes:
        name: Of the trial.
        split: Of the split point.
        points: `search.trials.Point`s, on the search's images.
        error: Why it failed; None if it didn't.
    """

    name: str
    split: str
    points: tuple
    error: str | None


@dataclasses.dataclass(frozen=True)
class Search:
    """A finished search.

    Attributes:
        root: Its folder.
        backbone: The network's name; of a file without its folders.
        splits: All split points searched, in the network's order.
        is_partial: Whether they were picked out of the network's.
        accuracy: Of the unsplit network on the search's images, in percent.
        max_loss: Points below it that were accepted.
        search_images: How many images trials were measured on; None if all.
        examples: Training images that all trials saw.
        examples_exhaustive: Those of the paper's exhaustive search.
        candidates: `{split: Candidate}` of those with an acceptable unit.
        trials: Tuple of `Tried`.
        origin: `origins.Origin`.
    """

    root: pathlib.Path
    backbone: str
    splits: tuple
    is_partial: bool
    accuracy: float
    max_loss: float
    search_images: int | None
    examples: int
    examples_exhaustive: int
    candidates: dict
    trials: tuple
    origin: object

    @property
    def runs(self):
        """`{split: Run}` of the candidates that could be measured."""
        return {s: c.run for s, c in self.candidates.items() if c.run}


def read(root):
    """Returns the `Search` in a folder.

    Raises:
        FileNotFoundError: if search or results aren't there.
        ValueError: naming file and field, for what is damaged, half-written,
            of another version, or of another search.
    """
    root = pathlib.Path(root)
    search = fields.read(root / ground.SEARCH, ground.FORMAT, _PROGRAM)
    splits = search.texts("splits")
    results = fields.read(root / runner.RESULTS, ground.FORMAT, _PROGRAM)
    config = search.object("config")
    found = results.object("candidates")
    for name in splits:
        found.check(
            name,
            "an object or null, one for each of search.json's splits",
            lambda value: value is None or isinstance(value, dict),
        )
    for name in found.content:
        if name not in splits:
            found.refuse(name, f"of a split of {search.file}", name)
    candidates = {
        name: _candidate(root, found.object(name), name)
        for name in splits
        if not found.is_null(name)
    }
    trials = tuple(_tried(root, trial) for trial in results.objects("trials"))
    runs = [found.run for found in candidates.values() if found.run]
    backbone = config.object("base").text("backbone")
    loaded = Search(
        root=root,
        backbone=pathlib.PurePath(backbone).name,
        splits=splits,
        is_partial=bool(config.texts("splits")),  # Empty: all of them.
        accuracy=search.percent("accuracy"),
        max_loss=results.number("max_accuracy_loss"),
        search_images=config.number_or_none("search_images", 1),
        examples=results.whole("examples"),
        examples_exhaustive=results.whole("examples_exhaustive"),
        candidates=candidates,
        trials=trials,
        origin=origins.together(
            "the search; machine and versions of the runs it kept",
            results.texts("command"),
            [run.origin for run in runs],
        ),
    )
    run_file.check_same_network(runs)
    for run in runs[:1]:
        if run.backbone != backbone:
            raise ValueError(
                f"{run.file}: field 'backbone' must be that of {search.file}. "
                f"Received: {run.backbone!r} against {backbone!r}"
            )
    return loaded


def _candidate(root, found, split):
    unit = (
        f"c'={found.whole('channels', 1)}, s={found.whole('stride', 1)}, "
        f"q={found.whole('quality')}"
    )
    run = None
    if not found.is_null("measured"):
        run = run_file.read(root / CANDIDATES / split, split)
        size = found.object("measured").number("wire_bytes")
        if not math.isclose(size, run.wire_bytes, rel_tol=1e-6):
            raise ValueError(
                f"{run.file}: field 'wire_bytes_mean' must be that of "
                f"{found.file}, because it is its candidate; {_PROGRAM} "
                "measures it again. Received: "
                f"{run.wire_bytes!r} against {size!r}"
            )
    return Candidate(split, unit, run)


def _tried(root, trial):
    name = trial.text("name")
    folder = root / ground.TRIALS / name
    outcome = trial_folder.read_outcome(folder)
    if outcome is None:
        raise ValueError(
            f"{folder / trial_folder.OUTCOME} must be there: {trial.file} "
            f"names the trial, which is only half-written. {_PROGRAM} repeats "
            f"it. Received: field '{trial.place}name'={name!r}"
        )
    for i, point in enumerate(outcome.points):
        point = fields.Fields(
            dataclasses.asdict(point),
            str(folder / trial_folder.OUTCOME),
            f"points[{i}].",
        )
        point.number("wire_bytes")
        point.percent("accuracy")
    return Tried(name, trial.text("split"), outcome.points, outcome.error)

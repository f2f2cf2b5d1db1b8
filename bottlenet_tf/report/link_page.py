"""A driven link on one page: what was answered, and what else there was."""

import dataclasses
import pathlib
import shlex
import statistics

from bottlenet_tf.common import whole_file
from bottlenet_tf.emulation import phases, recording
from bottlenet_tf.report import link_drawing, writing

PAGE = "link.html"


@dataclasses.dataclass(frozen=True)
class Row:
    """One way to answer the images, in the table.

    Attributes:
        name: Of it.
        kind: "measured" or "replayed".
        images: Answered until the end.
        mean_ms, p95_ms, max_ms: Of the latency.
        accuracy: Percent; measured, or by the plan.
        phase_ms: Mean latency of the images begun in each phase; None if
            there are none.
        to_oracle: Mean latency as a multiple of the oracle's.
    """

    name: str
    kind: str
    images: int
    mean_ms: float
    p95_ms: float
    max_ms: float
    accuracy: float
    phase_ms: tuple
    to_oracle: float


@dataclasses.dataclass(frozen=True)
class Event:
    """A phase, as the page tells it.

    Attributes:
        begin_s: When it began.
        phase: `Phase`.
        images: Begun in it.
        mostly: What was tried first most often.
        here: Share that the device answered.
        sent_bytes: Mean of what was sent an image.
        first_remote_s: From its begin to the server's first answer; None if
            there was none.
        model_error: Median of measured by replayed latency, of the server's
            answers by the choice that was really taken; None without any.
    """

    begin_s: float
    phase: object
    images: int
    mostly: str
    here: float
    sent_bytes: float
    first_remote_s: float | None
    model_error: float | None


def write(folder, out=None):
    """Writes the page of a folder's `link.json`; returns its path.

    Args:
        folder: Where `link.json` is.
        out: Folder to write to; the same if None.

    Raises:
        OSError, ValueError: if there is none, or it is damaged.
    """
    folder = pathlib.Path(folder)
    text = html(recording.read(folder / recording.NAME))
    path = pathlib.Path(out or folder) / PAGE
    return whole_file.write(path, text.encode("utf-8"))


def html(found):
    """Returns the page of a `Recording`."""
    replayed = phases.rivals(found.world())
    rows = table(found, replayed)
    fixed = min((r for r in rows[2:]), key=lambda row: row.mean_ms).name
    environment = writing.templates()
    environment.filters["number"] = _number
    return environment.get_template(PAGE).render(
        about=found.about,
        command=shlex.join(map(str, found.about.command)),
        drawing=link_drawing.svg(found, replayed, fixed),
        best_fixed=fixed,
        events=events(found),
        phases=found.phases,
        plan=found.plan,
        rows=rows,
        seconds=phases.starts_s(found.phases)[-1],
        lost=sum(a.where is None for a in found.answers),
        total=len(found.answers),
    )


def table(found, replayed):
    """Returns `Row`s: as driven, the oracle, then each fixed choice.

    Args:
        found: `Recording`.
        replayed: What `phases.rivals` returned.
    """
    oracle_ms = statistics.fmean(r.latency_ms for r in replayed["oracle"])
    answered = [a for a in found.answers if a.latency_ms is not None]
    rows = [
        _row(
            "the controller", "measured",
            [(a.begun_s, a.latency_ms) for a in answered],
            100 * statistics.fmean(a.right for a in found.answers),
            found.phases, oracle_ms,
        )
    ]  # fmt: skip
    for name, records in replayed.items():
        rows.append(
            _row(
                name, "replayed",
                [(r.arrived_s, r.latency_ms) for r in records],
                statistics.fmean(r.choice.accuracy for r in records),
                found.phases, oracle_ms,
            )
        )  # fmt: skip
    return rows


def _row(name, kind, times, accuracy, of_phases, oracle_ms):
    latencies = sorted(ms for _, ms in times)
    groups = [[] for _ in of_phases]
    for begun_s, ms in times:
        groups[phases.phase_at(of_phases, max(0.0, begun_s))].append(ms)
    mean_ms = statistics.fmean(latencies)
    return Row(
        name, kind, len(latencies), mean_ms,
        latencies[(95 * len(latencies) - 1) // 100], latencies[-1], accuracy,
        tuple(statistics.fmean(g) if g else None for g in groups),
        mean_ms / oracle_ms,
    )  # fmt: skip


def events(found):
    """Returns an `Event` for each phase."""
    starts, world = phases.starts_s(found.phases), found.world()
    told = []
    for phase, begin_s, group in zip(found.phases, starts, found.by_phase()):
        names = [answer.choice or "–" for answer in group]
        remote = [a for a in group if a.where in ("split", "cloud")]
        told.append(
            Event(
                begin_s,
                phase,
                len(group),
                statistics.mode(names) if names else "–",
                sum(a.where == "device" for a in group) / max(1, len(group)),
                statistics.fmean(a.payload_bytes for a in group)
                if group
                else 0.0,
                remote[0].time_s - begin_s if remote else None,
                _model_error(world, remote),
            )
        )
    return told


def _model_error(world, remote):
    ratios = []
    for i, answer in enumerate(remote):
        choice = world.plan.named(answer.choice)
        begun_s = max(0.0, answer.begun_s)
        replayed_s = world.answered_s(choice, i, begun_s) - begun_s
        ratios.append(1e-3 * answer.latency_ms / replayed_s)
    return statistics.median(ratios) if ratios else None


def _number(value, digits=1):
    return "–" if value is None else f"{value:,.{digits}f}"

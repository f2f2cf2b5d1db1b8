"""A driven link on one page: answers, their latencies, and rivals."""

import dataclasses
import pathlib
import shlex
import statistics

from bottlenet_tf.common import diagrams, whole_file
from bottlenet_tf.emulation import phases, recording
from bottlenet_tf.report import link_drawing, page

PAGE = "link.html"


@dataclasses.dataclass(frozen=True)
class Row:
    """One way to answer the images, "measured" or "replayed".

    `accuracy` is in percent, measured or by the plan; `phase_ms` the mean
    latency of the images started in each phase, None without any; `to_oracle`
    the mean latency as a multiple of the oracle's.
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
    """A `Phase` and the images started in it.

    `mostly` is the choice tried first most often, `here` the share that the
    device answered, `sent_bytes` a mean. From the server's answers, None
    without any: `first_remote_s`, seconds from the phase's beginning to the
    first, and `model_error`, median ratio of measured to replayed latency for
    the choice actually taken.
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
    """Writes the page of a folder's `link.json` to `out`; returns its path."""
    folder = pathlib.Path(folder)
    text = html(recording.read(folder / recording.NAME))
    path = pathlib.Path(out or folder) / PAGE
    return whole_file.write(path, text.encode("utf-8"))


def html(found):
    """Returns the page of a `Recording`."""
    replayed = phases.rivals(found.world())
    rows = table(found, replayed)
    fixed = min(rows[2:], key=lambda row: row.mean_ms)
    environment = page.templates()
    environment.filters["number"] = _number
    drawn = diagrams.svg(lambda: link_drawing.draw(found, replayed, fixed.name))
    return environment.get_template(PAGE).render(
        found=found, rows=rows, best_fixed=fixed, events=events(found),
        drawing=drawn.decode(), seconds=phases.starts_s(found.phases)[-1],
        command=shlex.join(map(str, found.about.command)),
    )  # fmt: skip


def table(found, replayed):
    """Returns `Row`s: as driven, the oracle, then each fixed choice.

    `replayed` are the `phases.rivals` of the `Recording`'s world.
    """
    oracle_ms = statistics.fmean(r.latency_ms for r in replayed["oracle"])
    times = [
        (a.begun_s, a.latency_ms)
        for a in found.answers
        if a.latency_ms is not None
    ]
    right = 100 * statistics.fmean(a.right for a in found.answers)
    ways = [("the controller", "measured", right, times)]
    for name, records in replayed.items():
        accuracy = statistics.fmean(r.choice.accuracy for r in records)
        times = [(r.arrived_s, r.latency_ms) for r in records]
        ways.append((name, "replayed", accuracy, times))
    return [_row(*way, found.phases, oracle_ms) for way in ways]


def _row(name, kind, accuracy, times, of_phases, oracle_ms):
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
    happened = []
    for phase, begin_s, group in zip(found.phases, starts, found.by_phase()):
        names = [answer.choice or "–" for answer in group]
        remote = [a for a in group if a.where in ("split", "cloud")]
        happened.append(
            Event(
                begin_s,
                phase,
                len(group),
                statistics.mode(names) if names else "–",
                sum(a.where == "device" for a in group) / max(1, len(group)),
                sum(a.payload_bytes for a in group) / max(1, len(group)),
                remote[0].time_s - begin_s if remote else None,
                _model_error(world, remote),
            )
        )
    return happened


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

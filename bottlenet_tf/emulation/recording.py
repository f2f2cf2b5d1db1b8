"""The recording of a driven link: `link.json`."""

import dataclasses

from bottlenet_tf.common import formats, json_file
from bottlenet_tf.common.validation import check
from bottlenet_tf.emulation import phases
from bottlenet_tf.emulation.drive import Answered
from bottlenet_tf.emulation.phases import Phase
from bottlenet_tf.link import plan_file

NAME = "link.json"
_REMEDY = "`make demo-link` writes it."


@dataclasses.dataclass(frozen=True)
class About:
    """The conditions of a drive.

    Attributes:
        slowdown: How many times slower than this machine the device was.
        overhead_bytes: Bytes of a message besides its payload.
        crowd: The other devices' measurements; None without.
    """

    command: list
    machine: str
    engine: str
    form: str
    check: str
    slowdown: float
    images: int
    overhead_bytes: float
    crowd: dict | None


@dataclasses.dataclass(frozen=True)
class Recording:
    """One drive.

    Attributes:
        plan_values: Content of the device's plan.json.
    """

    about: About
    phases: list
    answers: list
    plan_values: dict

    def __post_init__(self):
        check(self.phases, "A drive must have a phase.", phases=self.phases)
        check(
            self.answers, "A drive must have an answer.", answers=self.answers
        )

    @property
    def plan(self):
        """The `link.plan.Plan`."""
        return plan_file.parse(self.plan_values)

    def world(self):
        """Returns the `Phased` world to replay it in."""
        return phases.world(self.plan, self.phases, self.about.overhead_bytes)

    def by_phase(self):
        """Returns the answers of each phase, by their start."""
        found = [[] for _ in self.phases]
        for answer in self.answers:
            begun_s = max(0.0, answer.begun_s)
            found[phases.phase_at(self.phases, begun_s)].append(answer)
        return found


def write(path, recording):
    """Writes `link.json`, atomically; returns its path."""
    return json_file.write_json(
        path,
        {
            "format": formats.LINK_RUN,
            "about": dataclasses.asdict(recording.about),
            "phases": [dataclasses.asdict(p) for p in recording.phases],
            "answers": [dataclasses.asdict(a) for a in recording.answers],
            "plan": recording.plan_values,
        },
    )


def read(path):
    """Returns the `Recording` in a file."""
    fields = "about", "phases", "answers", "plan"
    content = json_file.read_json(path, formats.LINK_RUN, fields, _REMEDY)
    try:
        return Recording(
            About(**content["about"]),
            [Phase(**each) for each in content["phases"]],
            [Answered(**each) for each in content["answers"]],
            content["plan"],
        )
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{path} must be a recorded drive: {error} {_REMEDY}"
        ) from error

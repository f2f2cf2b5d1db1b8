"""`bottlenet-replay`: a plan over recorded links, in simulated time."""

import dataclasses
import pathlib
import sys

from bottlenet_tf.cli import config_flags, link_flags, program
from bottlenet_tf.common import drawing
from bottlenet_tf.common.json_file import write_json
from bottlenet_tf.common.settings import Settings, setting
from bottlenet_tf.link import goals

USAGE = """Replays a plan over recorded up-links, in simulated time.

  bottlenet-replay PLAN TRACE...

PLAN is the plan.json of bottlenet-select, TRACE a recorded link: mahimahi's
*.up or sabre's JSON. Compares the controller that devices run with every fixed
choice, with one based on the harmonic mean of the last five rates, and with an
oracle that knows the trace. Deterministic.

Writes replay.json, replay.md and replay.png, the timeline of the first trace,
to --out.

Examples:
  bottlenet-replay plan.json traces/*.up
  bottlenet-replay plan.json traces/ATT-LTE-driving.up --deadline_ms=200 \\
      --goal=accuracy --outage=10:13,40:55"""


@dataclasses.dataclass(frozen=True)
class _ReplayConfig(Settings):
    """One replay; `bottlenet-replay --help` explains every field."""

    out: str = setting("runs/replay", "Folder to write to.")
    goal: str = setting(
        "latency", "Goal of each choice.", choices=sorted(goals.GOALS)
    )
    deadline_ms: float | None = setting(
        None,
        "From an image's arrival to its answer; mobile-only starts ahead of "
        "it.",
        above=0,
    )
    rate: float | None = setting(
        None,
        "Images per second; unset: back to back or, with a deadline, one per "
        "deadline.",
        above=0,
    )
    min_accuracy: float | None = setting(
        None, "Least accuracy in percent; unset: the plan's."
    )
    switch_gain: float = setting(0.02, "Least gain to change the choice for.")
    rtt_ms: float = setting(20.0, "Round trip of the link.")
    message_overhead: float = setting(
        154.0, "Bytes of a message in addition to its payload."
    )
    outage: tuple[str, ...] = setting(
        (), "Outages, FROM:TO in seconds, separated by commas."
    )
    seconds: float | None = setting(
        None, "Seconds of each trace; unset: all.", above=0
    )
    link: str | None = setting(
        None, "Link of the plan whose radio's power counts."
    )
    seed: int = setting(0, "Seed of the payloads' sizes.")
    set_aside: bool = setting(
        False,
        "Controller and oracle defer images that can't be in time to the end.",
    )

    def rules(self):
        yield (
            self.goal != "accuracy" or self.deadline_ms is not None,
            "--goal=accuracy needs a --deadline_ms: accuracy in time.",
        )


@program.entry(USAGE, (_ReplayConfig,), arguments="PLAN TRACE...")
def main(values, plan_path, *trace_paths):
    """Entry point of `bottlenet-replay`."""
    config = config_flags.read(_ReplayConfig, values)
    # Matplotlib takes a second to import; --help shouldn't.
    from bottlenet_tf import emulation
    from bottlenet_tf.emulation import (
        replay,
        replay_picture,
        replay_table,
    )

    out, rate = pathlib.Path(config.out), config.rate
    if rate is None and config.deadline_ms is not None:
        rate = 1e3 / config.deadline_ms
    found = []
    for path in trace_paths:
        world = _world(plan_path, emulation.load(path), config)
        trace, records = replay.replay_trace(
            world,
            config.seconds,
            rate,
            config.deadline_ms,
            goal=config.goal,
            min_accuracy=config.min_accuracy,
            switch_gain=config.switch_gain,
            link=config.link,
            set_aside=config.set_aside,
        )
        if not found:
            first = world, records
        found.append(trace)
        print(f"{trace['trace']}: {len(records)} images", flush=True)
    content = replay.values(
        found, world, config.goal, rate, config.deadline_ms, sys.argv
    )
    write_json(out / "replay.json", content)
    (out / "replay.md").write_text(
        replay_table.markdown(content) + "\n", encoding="utf-8"
    )
    with drawing.optional(path := out / "replay.png"):
        replay_picture.write(path, *first)
    print()
    print("\n".join(replay_table.lines(content)))
    print(f"\n{out}")


def _world(plan_path, trace, config):
    from bottlenet_tf.emulation.world import World
    from bottlenet_tf.link import plan_file

    plan = plan_file.read(plan_path)
    return World(
        plan,
        trace,
        rtt_ms=config.rtt_ms,
        overhead_bytes=config.message_overhead,
        outages=tuple(sorted(map(link_flags.outage, config.outage))),
        radio=plan.radio(config.link),
        seed=config.seed,
    )


if __name__ == "__main__":
    main()

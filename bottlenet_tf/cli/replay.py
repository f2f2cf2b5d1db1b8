"""`bottlenet-replay`: a plan over recorded links, in simulated time."""

import pathlib
import sys

from absl import flags

from bottlenet_tf.cli import link_flags, program
from bottlenet_tf.common import drawing
from bottlenet_tf.common.json_file import write_json
from bottlenet_tf.common.validation import check
from bottlenet_tf.link import goals

USAGE = """Replays a plan over recorded up-links, in simulated time.

  bottlenet-replay PLAN TRACE...

PLAN is the plan.json of bottlenet-select, TRACE a recorded link: mahimahi's
*.up or sabre's JSON. Compares the controller that devices run with every fixed
choice, with one that goes by the harmonic mean of the last five rates, and
with an oracle that knows the trace. Deterministic.

Writes replay.json, replay.md and replay.png, the time line of the first trace,
to --out.

Examples:
  bottlenet-replay plan.json traces/*.up
  bottlenet-replay plan.json traces/ATT-LTE-driving.up --deadline_ms=200 \\
      --goal=accuracy --outage=10:13,40:55"""


def _main(values, plan_path, *trace_paths):
    _check(values)
    # Matplotlib takes a second to import; --help shouldn't.
    from bottlenet_tf import emulation
    from bottlenet_tf.emulation import (
        replay_file,
        replay_picture,
        replay_table,
    )

    out = pathlib.Path(values.out)
    rate = _rate(values)
    found = []
    for path in trace_paths:
        world = _world(plan_path, emulation.load(path), values)
        trace, records = replay_file.replay_trace(
            world,
            values.seconds,
            rate,
            values.deadline_ms,
            goal=values.goal,
            min_accuracy=values.min_accuracy,
            switch_gain=values.switch_gain,
            link=values.link,
            set_aside=values.set_aside,
        )
        if not found:
            first = world, records
        found.append(trace)
        print(f"{trace['trace']}: {len(records)} images", flush=True)
    content = replay_file.values(
        found, world, values.goal, rate, values.deadline_ms, sys.argv
    )
    write_json(out / "replay.json", content)
    (out / "replay.md").write_text(
        replay_table.markdown(content) + "\n", encoding="utf-8"
    )
    with drawing.optional(path := out / "replay.png"):
        replay_picture.write(path, *first, values.picture_from)
    print()
    print("\n".join(replay_table.lines(content, values.all_choices)))
    print(f"\n{out}")


def _check(values):
    check(
        values.rate is None or values.rate > 0,
        "--rate must be positive: images a second.",
        rate=values.rate,
    )
    check(
        values.seconds is None or values.seconds > 0,
        "--seconds must be positive.",
        seconds=values.seconds,
    )
    check(
        values.deadline_ms is None or values.deadline_ms > 0,
        "--deadline_ms must be positive.",
        deadline_ms=values.deadline_ms,
    )
    check(
        (values.goal == "accuracy") <= (values.deadline_ms is not None),
        "--goal=accuracy must have a --deadline_ms: accuracy in time.",
        deadline_ms=values.deadline_ms,
    )


def _rate(values):
    if values.rate is None and values.deadline_ms is not None:
        return 1e3 / values.deadline_ms
    return values.rate


def _world(plan_path, trace, values):
    from bottlenet_tf.emulation.world import World
    from bottlenet_tf.link import plan_file

    plan = plan_file.read(plan_path)
    return World(
        plan,
        trace,
        rtt_ms=values.rtt_ms,
        overhead_bytes=values.message_overhead,
        outages=tuple(sorted(map(link_flags.outage, values.outage))),
        radio=plan.radio(values.link),
        seed=values.seed,
    )


def _define(module_name):
    common = {"module_name": module_name}
    flags.DEFINE_string(
        "out", "runs/replay", "Folder for what is written.", **common
    )
    flags.DEFINE_enum(
        "goal", "latency", sorted(goals.GOALS), "What to choose by.", **common
    )
    flags.DEFINE_float(
        "deadline_ms",
        None,
        "From an image's arrival to its answer; mobile-only starts ahead of "
        "it.",
        **common,
    )
    flags.DEFINE_float(
        "rate",
        None,
        "Images a second; without it they are back to back or, with a "
        "deadline, one a deadline.",
        **common,
    )
    flags.DEFINE_float(
        "min_accuracy", None, "Least percent; the plan's if None.", **common
    )
    flags.DEFINE_float(
        "switch_gain", 0.02, "Least gain to change the choice for.", **common
    )
    flags.DEFINE_float("rtt_ms", 20.0, "Round trip of the link.", **common)
    flags.DEFINE_float(
        "message_overhead", 154.0, "Bytes of a message beyond its payload.",
        **common,
    )  # fmt: skip
    flags.DEFINE_list(
        "outage", [], "Cuts, FROM:TO in seconds; several with commas.", **common
    )
    flags.DEFINE_float(
        "seconds", None, "How much of each trace; all if None.", **common
    )
    flags.DEFINE_string(
        "link", None, "Link of the plan whose radio's power counts.", **common
    )
    flags.DEFINE_integer("seed", 0, "Of the payloads' sizes.", **common)
    flags.DEFINE_float(
        "picture_from", 0.0, "Where the time line begins, in s.", **common
    )
    flags.DEFINE_bool(
        "set_aside",
        False,
        "Controller and oracle put off what can't be in time, to the end.",
        **common,
    )
    flags.DEFINE_bool("all_choices", False, "Show all fixed choices.", **common)


def main():
    """Entry point of `bottlenet-replay`."""
    _define(module_name=sys.argv[0])
    program.run(_main, USAGE, arguments="PLAN TRACE...")


if __name__ == "__main__":
    main()

"""A replay over several traces, as `replay.json` holds it."""

from bottlenet_tf.common import formats
from bottlenet_tf.emulation import replay
from bottlenet_tf.emulation.records import summary

ORACLE, CONTROLLER = "oracle", "controller"


def replay_trace(world, seconds=None, rate=None, deadline_ms=None, **options):
    """Replays all policies over one trace.

    Args:
        world: `World`.
        seconds: How much of the trace; all of it if None.
        rate: Images a second; None for back to back.
        deadline_ms: Of each image, or None.
        **options: See `replay.policies`.

    Returns:
        What `replay.json` holds of the trace, and the controller's `Record`s.
    """
    duration_s = world.trace.duration_s
    seconds = duration_s if seconds is None else min(seconds, duration_s)
    found, records = {}, None
    everyone = replay.policies(world, deadline_ms=deadline_ms, **options)
    for name, policy in everyone.items():
        run = replay.run(policy, seconds, rate)
        found[name] = summary(run, deadline_ms)
        if name == CONTROLLER:
            records = run
    figure = "mean_ms" if deadline_ms is None else "accuracy_in_time"
    fixed = [c.name for c in world.plan.choices if c.name in found]
    best = min(
        fixed,
        key=lambda name: (
            found[name][figure] * (1 if deadline_ms is None else -1)
        ),
    )
    for values in found.values():
        values["to_oracle"] = _ratio(values[figure], found[ORACLE][figure])
        values["to_best_fixed"] = _ratio(values[figure], found[best][figure])
    return {
        "trace": world.trace.name,
        "mean_mbps": world.trace.mean_mbps,
        "silent_s": world.trace.silent_s,
        "seconds": seconds,
        "best_fixed": best,
        "policies": found,
    }, records


def _ratio(value, other):
    return value / other if other else None


def values(traces, world, goal, rate, deadline_ms, command):
    """Returns what `replay.json` holds.

    Args:
        traces: List of what `replay_trace` returned.
        world: One of the `World`s.
        goal: The controller's.
        rate: Images a second, or None.
        deadline_ms: Of each image, or None.
        command: List of arguments, the program first.
    """
    return {
        "format": formats.REPLAY,
        "command": list(command),
        "network": world.plan.network,
        "device": world.plan.device,
        "server": world.plan.server,
        "goal": goal,
        "rate": rate,
        "deadline_ms": deadline_ms,
        "rtt_ms": world.rtt_ms,
        "overhead_bytes": world.overhead_bytes,
        "outages": [list(outage) for outage in world.outages],
        "seed": world.seed,
        "traces": traces,
    }

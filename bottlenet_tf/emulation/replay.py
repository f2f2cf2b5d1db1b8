"""Policies over a recorded link, in simulated time, and their figures.

Images are back to back, each started when the previous one is answered, or come
at a rate and wait for the device. All policies see the same images on the same
part of the trace.
"""

import dataclasses
import statistics

from bottlenet_tf.common import formats
from bottlenet_tf.emulation.controlled import Controlled, HarmonicSends
from bottlenet_tf.emulation.policies import Fixed, Oracle
from bottlenet_tf.link.goals import candidates

ORACLE, CONTROLLER, HARMONIC = "oracle", "controller", "harmonic mean"


def run(policy, seconds, rate=None):
    """Returns the `Record`s of a policy.

    Args:
        policy: Object with `answer(image, arrived_s, start_s)`.
        rate: Images per second; None for back to back.
    """
    records, image, free_s = [], 0, 0.0
    while True:
        arrived_s = free_s if rate is None else image / rate
        if arrived_s >= seconds:
            return _caught_up(records, free_s)
        record = policy.answer(image, arrived_s, max(arrived_s, free_s))
        records.append(record)
        free_s = record.busy_until_s
        image += 1


def _caught_up(records, free_s):
    """Answers images set aside on the device, after the last image."""
    found = []
    for record in records:
        if record.answered_s is None:
            free_s += 1e-3 * record.choice.device_ms
            record = dataclasses.replace(
                record, answered_s=free_s, busy_until_s=free_s
            )
        found.append(record)
    return found


def policies(
    world, goal="latency", deadline_ms=None, set_aside=False, **options
):
    """Returns all policies of a replay, by name.

    Args:
        set_aside: Whether oracle and controller set aside images that can't
            be in time.
    """
    min_accuracy = options.get("min_accuracy")
    if min_accuracy is None:
        min_accuracy = world.plan.min_accuracy or 0.0
    choices = candidates(world.plan.choices, min_accuracy, goal)
    return {
        ORACLE: Oracle(world, choices, deadline_ms, set_aside),
        CONTROLLER: Controlled(
            world, deadline_ms, goal=goal, set_aside=set_aside, **options
        ),
        HARMONIC: Controlled(
            world,
            deadline_ms,
            lambda clock: HarmonicSends(world.rtt_ms),
            goal=goal,
            **options,
        ),
        **{choice.name: Fixed(world, choice) for choice in choices},
    }


def summary(records, deadline_ms=None):
    """Returns the figures of a policy over one trace.

    Returns:
        Dictionary of `images`, `mean_ms`, `p95_ms`, `max_ms`, `accuracy`,
        `energy_mj` (None if unknown), `fallbacks` (share answered by another
        choice than the one sent), `choices` (images by name), and with a
        deadline `in_time` (share) and `accuracy_in_time` (percent; late
        answers count as wrong).
    """
    latencies = sorted(record.latency_ms for record in records)
    energies = [record.energy_mj for record in records]
    names = [record.choice.name for record in records]
    found = {
        "images": len(records),
        "mean_ms": statistics.fmean(latencies),
        "p95_ms": latencies[(95 * len(latencies) - 1) // 100],
        "max_ms": latencies[-1],
        "accuracy": statistics.fmean(r.choice.accuracy for r in records),
        "energy_mj": None if None in energies else statistics.fmean(energies),
        "fallbacks": statistics.fmean(r.choice is not r.tried for r in records),
        "choices": {name: names.count(name) for name in sorted(set(names))},
    }
    if deadline_ms is not None:
        # A nanosecond for the rounding of sums of seconds.
        kept = [r for r in records if r.latency_ms <= deadline_ms + 1e-6]
        found["in_time"] = len(kept) / len(records)
        right = sum(record.choice.accuracy for record in kept)
        found["accuracy_in_time"] = right / len(records)
    return found


def replay_trace(world, seconds=None, rate=None, deadline_ms=None, **options):
    """Replays all policies over one trace.

    Args:
        seconds: Length of the part of the trace; all of it if None.

    Returns:
        The trace's part of `replay.json`, and the controller's `Record`s.
    """
    duration_s = world.trace.duration_s
    seconds = duration_s if seconds is None else min(seconds, duration_s)
    found, records = {}, None
    everyone = policies(world, deadline_ms=deadline_ms, **options)
    for name, policy in everyone.items():
        answered = run(policy, seconds, rate)
        found[name] = summary(answered, deadline_ms)
        if name == CONTROLLER:
            records = answered
    fixed = [c.name for c in world.plan.choices if c.name in found]
    if deadline_ms is None:
        figure = "mean_ms"
        best = min(fixed, key=lambda name: found[name][figure])
    else:
        figure = "accuracy_in_time"
        best = max(fixed, key=lambda name: found[name][figure])
    for each in found.values():
        each["to_oracle"] = _ratio(each[figure], found[ORACLE][figure])
        each["to_best_fixed"] = _ratio(each[figure], found[best][figure])
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
    """Returns the content of `replay.json`."""
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

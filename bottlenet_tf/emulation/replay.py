"""Policies over a recorded link, in simulated time.

Images are back to back, the next begun when the one before is answered, or
come at a rate and wait for the device. All policies see the same images on
the same part of the trace.
"""

import dataclasses

from bottlenet_tf.emulation.harmonic import HarmonicSends
from bottlenet_tf.emulation.policies import Controlled, Fixed, Oracle
from bottlenet_tf.link.goals import candidates


def run(policy, seconds, rate=None):
    """Returns the `Record`s of a policy.

    Args:
        policy: Has `answer(image, arrived_s, start_s)`.
        seconds: Images that arrive before that are answered.
        rate: Images a second; None for back to back.
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
    """Answers what was set aside on the device, after the last image."""
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
    """Returns all that a replay compares, by name.

    Args:
        world: `World`.
        goal: See `Controller`.
        deadline_ms: Of each image, or None.
        set_aside: Whether oracle and controller set aside what can't be in
            time.
        **options: Further arguments of `Controller`.
    """
    choices = _choices(world, goal, options.get("min_accuracy"))
    found = {
        "oracle": Oracle(world, choices, deadline_ms, set_aside),
        "controller": Controlled(
            world, deadline_ms, goal=goal, set_aside=set_aside, **options
        ),
        "harmonic mean": Controlled(
            world,
            deadline_ms,
            "harmonic mean",
            lambda clock: HarmonicSends(world.rtt_ms),
            goal=goal,
            **options,
        ),
    }
    return found | {c.name: Fixed(world, c) for c in choices}


def _choices(world, goal, min_accuracy):
    """Returns the choices that a controller with this goal has."""
    if min_accuracy is None:
        min_accuracy = world.plan.min_accuracy or 0.0
    return candidates(world.plan.choices, min_accuracy, goal)

"""plan.json: the choices that a device has while it runs.

Flat JSON; null is unknown, or doesn't apply.

    network, device, cloud                         names, for display
    latency_weight, energy_weight, deadline_ms     the `Goal`
    min_accuracy, max_bytes, max_memory_mb         the `Limits`

`choices`: ways to get an answer, each an object:

    name                         "RB6 at point 9", as in `scenarios`
    way                          "split", "device" (mobile-only) or "cloud"
    split, unit_id, point        run, identity of its unit, operating point
    codec, quality, side         of the image, if way is "cloud"
    wire_bytes_mean, _p95, _p99, _max    0 if nothing is sent
    accuracy                     percent, `Choice.sure_accuracy`
    adapted                      only in a deployment with an adapted unit
                                 (`export.plan_file`): held_out is the number of
                                 photos that bytes are of, unit_id_before is the
                                 unit that the accuracy is of

`device_times` (split, load, device_ms, encode_ms, compute_mj) and
`cloud_times` (split, load, decode_ms, cloud_ms): medians for one image at a
load, at any operating point; split null is the unsplit network. With way
"device" a choice takes only the first, with way "cloud" only the second. On a
link of uplink_mbps (10^6 bit/s), with `bytes` of wire_bytes:

    uplink_ms  = 8e-3 (bytes + message_overhead_bytes) / uplink_mbps
    answer_ms  = rtt_ms + 8e-3 answer_bytes / downlink_mbps
    latency_ms = device_ms + encode_ms + uplink_ms + answer_ms
                 + decode_ms + cloud_ms
    energy_mj  = compute_mj + 1e-3 uplink_mw uplink_ms
                 + 1e-3 waiting_mw (answer_ms + decode_ms + cloud_ms)

where the answer's second term is 0 for downlink_mbps null. A choice that sends
nothing has neither uplink_ms nor answer_ms nor their energies.

A split's point is included if it could be best on any link: if at some pair of
loads no other point is as good in all of computing time, time on the server,
computing energy, bytes and accuracy, and better in one. Latency and energy over
any link, and so any minimum accuracy and any deadline, depend only on these.

`scenarios`: the winners, each with its link as it was counted:

    link, uplink_mbps, downlink_mbps, rtt_ms, answer_bytes, waiting_mw,
    uplink_mw, message_overhead_bytes, device_load, cloud_load
    winner                       name of the best point of a split, or null
    best                         the same, mobile-only and cloud-only included

The best has the least of latency_weight latency_ms + energy_weight energy_mj
or, with a deadline_ms, the most accuracy of those that meet it; in a tie the
more accurate, then fewest bytes, then the first wins. A choice isn't chosen if
a needed figure is unknown.
"""

import dataclasses

from bottlenet_tf.common import formats
from bottlenet_tf.selection.choices import Way
from bottlenet_tf.selection.choosing import choose, front
from bottlenet_tf.selection.costs import PARTS, cost, energy_mj, milliseconds
from bottlenet_tf.selection.goals import refusals

_OF_LINK = (
    "uplink_mbps", "downlink_mbps", "rtt_ms", "answer_bytes", "waiting_mw",
    "uplink_mw", "message_overhead_bytes",
)  # fmt: skip


def plan_values(decisions, machines):
    """Returns the content of `plan.json`.

    The `Decision`s must have one goal and the same limits.
    """
    first = decisions[0]
    rivals = _rivals(decisions, machines)
    points = _within_limits(
        [each.choice for each in first.costs], decisions, machines
    )
    scenarios = [
        (decision, scenario)
        for decision in decisions
        for scenario in decision.scenarios
    ]
    wanted = {s.winner.choice.name for _, s in scenarios if s.winner}
    wanted |= {choice.name for choice in _wanted(points, machines)}
    choices = [*(c for c in points if c.name in wanted), *rivals]
    splits = dict.fromkeys(choice.split for choice in choices)
    return {
        "format": formats.PLAN,
        "network": machines.device.network,
        "device": machines.device.device,
        "cloud": machines.cloud.device,
        **dataclasses.asdict(first.goal),
        **dataclasses.asdict(first.limits),
        "choices": [_choice(choice) for choice in choices],
        "device_times": _rows(_device_times, splits, machines.device),
        "cloud_times": _rows(_cloud_times, splits, machines.cloud),
        "scenarios": [
            _scenario(decision, scenario, rivals, machines)
            for decision, scenario in scenarios
        ],
    }


def _rivals(decisions, machines):
    """Returns mobile-only and cloud-only, if they can be deployed."""
    found = [
        _as_file(each.choice)
        for each in decisions[0].references
        if each.choice.image or not each.choice.sends
    ]
    return _within_limits(found, decisions, machines)


def _as_file(choice):
    """Returns cloud-only with complete files, as the device program sends."""
    if choice.image is None or choice.image.file_bytes is None:
        return choice
    return dataclasses.replace(choice, sent_bytes=choice.image.file_bytes)


def _within_limits(choices, decisions, machines):
    """Returns the choices within the limits on any of the links."""
    return [
        choice
        for choice in choices
        if not all(
            refusals(choice, machines, decision.link, decision.limits)
            for decision in decisions
        )
    ]


def _wanted(points, machines):
    """Returns the points that could be best on some link, at some loads."""
    found = []
    for busy in machines.at_all_loads():
        known = []
        for choice in points:
            try:
                known.append((choice, *_times(choice, busy)))
            except ValueError:  # A load of only some parts.
                continue
        found += [choice for choice, *_ in front(known, _figures)]
    return found


def _times(choice, machines):
    return (
        _device_times(choice.split, machines.device, machines.device_load),
        _cloud_times(choice.split, machines.cloud, machines.cloud_load),
    )


def _figures(known):
    choice, device, cloud = known
    server_ms = cloud["decode_ms"] + cloud["cloud_ms"]
    return (
        device["device_ms"] + device["encode_ms"] + server_ms,
        server_ms,
        device["compute_mj"],
        choice.sent_bytes,
        -choice.sure_accuracy,
    )


def _device_times(split, profile, load):
    """Returns a row of `device_times`; ValueError if it wasn't measured."""
    parts, _ = PARTS[Way.SPLIT if split else Way.DEVICE]
    rows = [profile.row(split or "", part, load) for part in parts]
    return {
        "split": split,
        "load": load,
        "device_ms": milliseconds(rows),
        "encode_ms": milliseconds(rows, of_codec=True),
        "compute_mj": energy_mj(rows),
    }


def _cloud_times(split, profile, load):
    """Returns a row of `cloud_times`; ValueError if it wasn't measured."""
    _, parts = PARTS[Way.SPLIT if split else Way.CLOUD]
    rows = [profile.row(split or "", part, load) for part in parts]
    return {
        "split": split,
        "load": load,
        "decode_ms": milliseconds(rows, of_codec=True),
        "cloud_ms": milliseconds(rows),
    }


def _rows(times, splits, profile):
    rows = []
    for split in splits:
        for load in profile.loads:
            try:
                rows.append(times(split, profile, load))
            except ValueError:  # A load of only some parts.
                continue
    return rows


def _choice(choice):
    spread, image = choice.spread, choice.image
    sizes = (spread.p95, spread.p99, spread.max) if spread else (None,) * 3
    if not choice.sends:
        sizes = (0,) * 3
    return {
        "name": choice.name,
        "way": choice.way.value,
        "split": choice.split,
        "unit_id": choice.unit_id,
        "point": choice.point,
        "codec": image and image.codec,
        "quality": image and image.quality,
        "side": image and image.side,
        "wire_bytes_mean": choice.sent_bytes,
        "wire_bytes_p95": sizes[0],
        "wire_bytes_p99": sizes[1],
        "wire_bytes_max": sizes[2],
        "accuracy": choice.sure_accuracy,
    }


def _scenario(decision, scenario, rivals, machines):
    link = decision.link.scaled(scenario.rate_factor)
    busy = dataclasses.replace(
        machines,
        device_load=scenario.device_load,
        cloud_load=scenario.cloud_load,
    )
    known = [scenario.winner] if scenario.winner else []
    for choice in rivals:
        try:
            found = cost(choice, busy, link)
        except ValueError:  # Not measured at this load.
            continue
        known += [found] if decision.goal.knows(found) else []
    best = choose(known, decision.goal)
    return {
        "link": link.name,
        **{name: getattr(link, name) for name in _OF_LINK},
        "device_load": scenario.device_load,
        "cloud_load": scenario.cloud_load,
        "winner": scenario.winner and scenario.winner.choice.name,
        "best": best and best.choice.name,
    }

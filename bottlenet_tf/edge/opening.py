"""Chooses where to answer: on this deployment's server, or the device alone."""

import os
import socket
import time
from typing import NamedTuple, Optional, Tuple

from bottlenet_tf.edge.answering import OnDevice, OverLink
from bottlenet_tf.edge.transports import Server
from bottlenet_tf.link import plan_file
from bottlenet_tf.link.controller import Controller
from bottlenet_tf.link.plan import CLOUD, DEVICE, SPLIT, Choice, Plan


class Alone(Exception):
    """Every image must be answered on the device; the message says why."""


class Opened(NamedTuple):
    """How images are answered.

    Attributes:
        splits: Names of the units that may be needed.
        alone: Why every image is answered on the device; None if not.
    """

    answerer: object
    splits: Tuple
    alone: Optional[str]


def open_answerer(args, network, plan_path, say):
    """Returns `Opened` for the program's arguments.

    Raises `Alone` if the device can't answer alone, or for `--strict`;
    `ValueError` for a choice, unit, point or limit that there can't be.
    """
    if args.local:
        return _alone(network, plan_path, None)
    try:
        return _over_link(args, network, plan_path, say)
    except Alone as alone:
        if not network.answers:
            reason = "{}; and the device can't answer: {}"
            raise Alone(reason.format(alone, network.without_whole)) from None
        if args.strict and args.server is not None:
            raise
        return _alone(network, plan_path, str(alone))


def _alone(network, plan_path, why):
    whole = None
    try:
        plan = plan_file.read(plan_path) if plan_path else None
        if plan is not None and not _is_foreign(plan, network):
            whole = plan.whole
    except (OSError, ValueError):  # It only adds an accuracy.
        pass
    return Opened(OnDevice(network, whole), (), why)


def _over_link(args, network, plan_path, say):
    if args.server is None:
        raise Alone("no --server was given")
    server = Server(args, network)
    images, probes = server.connect(), server.connect()
    with_images = server.takes_images(say)
    fixed = args.choice
    by_default = plan_path is None and args.choice is None and not args.goal
    if by_default or args.unit is not None or args.point is not None:
        plan = _one_unit(args, network)
        fixed = plan.choices[0].name
        say(
            "{}: every image is sent as {!r} while the link is alive".format(
                "no plan.json" if plan_path is None else "as requested", fixed
            )
        )
    else:
        plan = _plan(args, network, plan_path, with_images, say)
    if args.choice is not None:
        chosen = plan.named(args.choice), plan.whole
        plan, _ = plan.only(lambda choice: choice in chosen)
    deadline_ms = args.deadline_ms
    if deadline_ms is None:
        deadline_ms = plan.deadline_ms
    controller = Controller(
        plan,
        goal=args.goal or "latency",
        deadline_ms=deadline_ms,
        min_accuracy=args.min_accuracy,
        overhead_bytes=images.overhead_bytes,
        fixed=fixed,
        seed=os.getpid(),
    )
    if not server.has_export(say):
        raise Alone(
            "the server {} doesn't have this export: {}".format(
                args.server, server
            )
        )
    answerer = OverLink(
        network, controller, images, probes, deadline_ms, args.max_bytes,
        run="{}-{}-".format(socket.gethostname(), os.getpid()),
    )  # fmt: skip
    splits = [c.split for c in plan.choices if c.split is not None]
    return Opened(answerer, tuple(dict.fromkeys(splits)), None)


def _one_unit(args, network):
    """Returns a `Plan` of one unit's point and the device, without figures.

    Raises `ValueError` if the deployment doesn't have this unit or point, or
    the unit has no payload within the limit.
    """
    units = network.served.units
    unit = next(iter(units)) if args.unit is None else args.unit
    if unit not in units:
        raise ValueError(
            "--unit must be one of the deployment's: {}. Received: {!r}".format(
                ", ".join(units), unit
            )
        )
    count, point = network.points(unit)
    point = point if args.point is None else args.point
    name = "{} at point {}".format(unit, point)
    if args.point is None and args.max_bytes is not None:
        point = 0  # Each image takes the finest one that fits.
        name = "{} within {} bytes".format(unit, args.max_bytes)
    if point >= count:
        raise ValueError(
            "--point must be one of the unit's, 0 to {}. Received: {}".format(
                count - 1, point
            )
        )
    if args.max_bytes is not None:
        network.check_limit(args.max_bytes, unit)
    network.warm_up([unit])
    begun_s = time.monotonic()
    network.warm_up()
    whole_ms = 1e3 * (time.monotonic() - begun_s)
    # Bytes and accuracy are unknown, and not needed for a fixed choice.
    split = Choice(
        name, SPLIT, unit, units[unit], point, None, None, None, 1.0, 1.0,
        None, whole_ms, None, 0.0,
    )  # fmt: skip
    whole = split._replace(
        name="mobile-only", way=DEVICE, split=None, unit_id=None, point=None,
        bytes_mean=0.0, bytes_p95=0.0,
    )  # fmt: skip
    return Plan([split, whole] if network.answers else [split])


def _plan(args, network, plan_path, with_images, say):
    """Returns the plan of the choices that deployment and server offer.

    Raises `Alone` if there is none, it is that of another deployment, or none
    of its choices can be sent; `ValueError` if the limit is below every payload
    and image.
    """
    if plan_path is None:
        raise Alone(
            "the deployment has no plan.json (export.py --plan adds it; --plan "
            "names one)"
        )
    try:
        plan = plan_file.read(plan_path)
    except (OSError, ValueError) as error:
        raise Alone(str(error)) from None
    if _is_foreign(plan, network):
        raise Alone(
            "{} is the plan of another deployment: none of its units is this "
            "one's".format(plan_path)
        )
    if args.max_bytes is not None:
        plan = plan.within(args.max_bytes)
    dropped = {}
    for choice in plan.choices:
        why = network.why_not(choice, with_images, args.max_bytes)
        is_unknown = choice.accuracy is None and choice.name != args.choice
        if why is None and is_unknown:  # It can't be compared with others.
            why = "its accuracy within the limit is unknown"
        if why is not None:
            dropped[choice.name] = why
    kept = [c for c in plan.choices if c.name not in dropped]
    # A choice that the user names need not send anything.
    is_needless = args.choice is None and not any(c.sends for c in kept)
    if is_needless and not any(_fits(c, args.max_bytes) for c in plan.choices):
        network.check_limit(args.max_bytes)
    for why in sorted(set(dropped.values())):
        names = [name for name, reason in dropped.items() if reason == why]
        say("not offered: {} ({})".format(", ".join(names), why))
    if args.choice in dropped:
        raise ValueError(
            "--choice must be offered here. Received: {!r} ({})".format(
                args.choice, dropped[args.choice]
            )
        )
    if is_needless:
        raise Alone(
            "nothing in {} can be sent by this deployment".format(plan_path)
        )
    return plan.only(kept.__contains__)[0]


def _fits(choice, max_bytes):
    """Returns whether a limit, if any, leaves a choice other than a unit."""
    if max_bytes is None:
        return True
    return choice.way == CLOUD and choice.bytes_mean <= max_bytes


def _is_foreign(plan, network):
    """Returns whether a plan has units, and all are of another deployment.

    Then its times and accuracies are those of other networks, too.
    """
    units = network.served.units
    splits = [choice for choice in plan.choices if choice.way == SPLIT]
    return bool(splits) and not any(
        choice.split in units and choice.unit_id in (None, units[choice.split])
        for choice in splits
    )

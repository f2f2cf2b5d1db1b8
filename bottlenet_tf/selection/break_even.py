"""The round trip above which mobile-only costs less."""

import dataclasses
import math

from bottlenet_tf.selection.costs import cost

# Instead of a number: mobile-only costs less at any round trip, or at none.
ALWAYS, NEVER = "always", "never"


def break_even_rtt_ms(choice, mobile_only, machines, link, goal):
    """Returns the round trip above which mobile-only costs less, in ms.

    For each ms of round trip, a choice costs latency_weight + energy_weight
    waiting_mw / 1000 more, mobile-only nothing.

    Args:
        mobile_only: `Cost` of the complete network on the device; None if
            unknown.

    Returns:
        A number from 0 on, `ALWAYS` or `NEVER`. None for a choice that sends
        nothing, and if one of the two costs is unknown.
    """
    if mobile_only is None or not choice.sends:
        return None
    at_once = cost(choice, machines, dataclasses.replace(link, rtt_ms=0.0))
    if not (goal.knows(at_once) and goal.knows(mobile_only)):
        return None
    ahead = goal.of(mobile_only) - goal.of(at_once)
    if ahead < 0:
        return ALWAYS
    slope = goal.latency_weight + 1e-3 * goal.energy_weight * link.waiting_mw
    rtt_ms = ahead / slope if slope else math.inf
    return rtt_ms if math.isfinite(rtt_ms) else NEVER

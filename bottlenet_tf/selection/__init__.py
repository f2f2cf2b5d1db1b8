"""Chooses split and operating point: the cost of each, and the best."""

from bottlenet_tf.selection import published
from bottlenet_tf.selection.break_even import ALWAYS, NEVER, break_even_rtt_ms
from bottlenet_tf.selection.choices import (
    Choice,
    Image,
    Spread,
    Way,
    from_report,
)
from bottlenet_tf.selection.choosing import (
    Scenario,
    choose,
    pareto_front,
    sensitivity,
)
from bottlenet_tf.selection.costs import Cost, Machines, cost
from bottlenet_tf.selection.decision import Decision, decide, decide_runs
from bottlenet_tf.selection.goals import ENERGY, LATENCY, Goal, Limits, refusals
from bottlenet_tf.selection.links import (
    DEFAULT_TRANSPORT,
    NAMED,
    TRANSPORTS,
    Link,
    message_overhead_bytes,
    named,
)
from bottlenet_tf.selection.rivals import references

__all__ = [
    "ALWAYS",
    "DEFAULT_TRANSPORT",
    "ENERGY",
    "LATENCY",
    "NAMED",
    "NEVER",
    "TRANSPORTS",
    "Choice",
    "Cost",
    "Decision",
    "Goal",
    "Image",
    "Limits",
    "Link",
    "Machines",
    "Scenario",
    "Spread",
    "Way",
    "break_even_rtt_ms",
    "choose",
    "cost",
    "decide",
    "decide_runs",
    "from_report",
    "message_overhead_bytes",
    "named",
    "pareto_front",
    "published",
    "references",
    "refusals",
    "sensitivity",
]

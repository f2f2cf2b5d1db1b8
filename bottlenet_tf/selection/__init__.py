"""Which split point: what each costs over a link, and which costs least."""

from bottlenet_tf.selection import published
from bottlenet_tf.selection.break_even import (
    ALWAYS,
    NEVER,
    break_even_rtt_ms,
)
from bottlenet_tf.selection.choices import (
    Choice,
    Way,
    from_report,
    references,
)
from bottlenet_tf.selection.choosing import (
    ENERGY,
    LATENCY,
    Goal,
    Limits,
    Scenario,
    cheapest,
    pareto_front,
    refusals,
    sensitivity,
)
from bottlenet_tf.selection.costs import Cost, Machines, cost
from bottlenet_tf.selection.decision import Decision, decide, decide_runs
from bottlenet_tf.selection.links import (
    DEFAULT_TRANSPORT,
    NAMED,
    TRANSPORTS,
    Link,
    message_overhead_bytes,
    named,
)

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
    "Limits",
    "Link",
    "Machines",
    "Scenario",
    "Way",
    "break_even_rtt_ms",
    "cheapest",
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

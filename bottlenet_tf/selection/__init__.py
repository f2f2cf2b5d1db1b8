"""Which split point: what each costs over a link, and which costs least."""

from bottlenet_tf.selection import published
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
from bottlenet_tf.selection.links import NAMED, Link, named

__all__ = [
    "ENERGY",
    "LATENCY",
    "NAMED",
    "Choice",
    "Cost",
    "Decision",
    "Goal",
    "Limits",
    "Link",
    "Machines",
    "Scenario",
    "Way",
    "cheapest",
    "cost",
    "decide",
    "decide_runs",
    "from_report",
    "named",
    "pareto_front",
    "published",
    "references",
    "refusals",
    "sensitivity",
]

"""`bottlenet-select`: runs, profiles and a link -> which split and point."""

import sys

from bottlenet_tf.cli import config_flags, program
from bottlenet_tf.cli.selecting_flags import CostConfig, SelectConfig
from bottlenet_tf.common.json_file import write_json
from bottlenet_tf.common.run_folders import (
    choosing_figures,
    find_runs,
    load_report,
    model_name,
)
from bottlenet_tf.profiling import profile_file
from bottlenet_tf.profiling.targets import network_name
from bottlenet_tf.selection import published, tables
from bottlenet_tf.selection.decision import decide_runs
from bottlenet_tf.selection.plan import plan_values

USAGE = """Chooses split and operating point: least latency, energy, or a sum.

Or, with --deadline_ms, the most accuracy within a deadline. Adds up, for every
operating point of every run, the profiled cost of device and server and that of
the link (Algorithm 1's selection), and shows each run's best point next to
mobile-only, cloud-only, a split without a unit and the label alone, with the
round trip above which mobile-only costs less; then the choice at half and
double the rate, at every profiled load and with other messages. Only measured
points are chosen; a further column has the bytes that a curve needs between
them for the accepted accuracy, or its accuracy at the deadline.

Writes all of it to --out, for bottlenet-report, and to --plan the choices that
a device may need at any rate and load, while it runs.

Everything that is sent includes a message (--message_overhead). The paper
counts neither messages nor round trips: --message_overhead=0 --rtt_ms=0.

Examples:
  bottlenet-select --runs=SEARCH_DIR/candidates \\
      --device_profile=phone.json --cloud_profile=server.json
  bottlenet-select ... --networks=4g,wifi --energy_weight=1 --latency_weight=0
  bottlenet-select ... --networks= --uplink_mbps=2.5 --rtt_ms=40
  bottlenet-select ... --deadline_ms=50
  bottlenet-select --published=docs/paper_totals.csv

The last one reads printed totals, such as the paper's, which count neither
messages nor round trips, and checks them against its own power model."""

_TARGETS = {"latency_ms": "ms", "energy_mj": "mJ"}


@program.entry(
    USAGE,
    {
        "The choice": (SelectConfig,),
        "Machines, links, and what is minimised": (CostConfig,),
    },
)
def main(values):
    """Entry point of `bottlenet-select`."""
    costs = config_flags.read(CostConfig, values)
    config = config_flags.read(SelectConfig, values, costs=costs)
    if config.published:
        print("\n".join(_published(config.published)))
    else:
        _decide(config)


def _decide(config):
    links, goal = config.costs.links(), config.goal
    machines = config.costs.machines(
        profile_file.read(config.costs.device_profile),
        profile_file.read(config.costs.cloud_profile),
    )
    folders = find_runs(config.runs, flag="runs")
    runs = {model_name(run): run for run in folders}  # As profiles name them.
    reports = {name: load_report(run) for name, run in runs.items()}
    for profile in (machines.device, machines.cloud):
        _check_network(profile, reports)
    first = choosing_figures(next(iter(reports.values())))
    decisions = decide_runs(
        runs, reports, machines, links, goal,
        config.limits(first["baseline_accuracy"]), config.max_loss,
    )  # fmt: skip
    for decision in decisions:
        lines = _described(decision, machines, config.all_points)
        print("\n".join(lines), flush=True)
    print("\n== All networks ==\n")
    print("\n".join(tables.winners_table(decisions)))
    path = write_json(
        config.out,
        tables.selection_values(decisions, machines, command=sys.argv),
    )
    plan = write_json(config.plan_path, plan_values(decisions, machines))
    print(f"\nSelection: {path}\nPlan: {plan}")


def _described(decision, machines, all_points):
    """Yields the lines of one decision."""
    link, device = decision.link, machines.device
    yield (
        f"\n== {link.name}: {link.uplink_mbps:g} Mbit/s up, round trip "
        f"{link.rtt_ms:g} ms, {link.message_overhead_bytes:g} B per message =="
    )
    yield (
        f"Device: {device.device} ({device.meter}); server: "
        f"{machines.cloud.device}\n"
    )
    yield from tables.cost_table(decision, all_points)
    winner, best = decision.winner, decision.best
    if winner:
        yield f"\nChosen: {tables.chosen(decision)}"
        yield tables.sizes(winner.choice)
        if best is not winner:
            yield f"But {best.choice.name} {_beats(decision.goal)}."
    else:
        yield "\nNo split is acceptable."
    yield from tables.unmeasured([decision])
    if not decision.scenarios:
        return
    yield "\nOf the splits, at other rates and loads:\n"
    yield from tables.sensitivity_table(decision)
    yield "\nAnd with other bytes around a payload, as --message_overhead:\n"
    yield from tables.messages_table(decision)


def _beats(goal):
    if goal.deadline_ms is None:
        return "costs less than any split here"
    return f"does better within {goal.deadline_ms:g} ms than any split here"


def _check_network(profile, reports):
    """Raises ValueError unless all reports are of a profile's network."""
    for name, report in reports.items():
        network = network_name(report["backbone"])
        if profile.network != network:
            raise ValueError(
                "Profiles and runs must be of the same network. Received: "
                f"field 'network' is {profile.network!r} in {profile.file}, "
                f"field 'backbone' is {network!r} in the report of {name}"
            )


def _published(path):
    """Yields the conclusions from printed totals, and contradictions."""
    totals = published.read(path)
    networks = dict.fromkeys(total.network for total in totals)
    for network in networks:
        for target, unit in _TARGETS.items():
            best = published.best_split(totals, network, target)
            times = published.improvement(totals, network, target)
            yield (
                f"{network}, {target.split('_')[0]}: {best.name}, "
                f"{getattr(best, target):g} {unit}; cloud-only costs "
                f"{times:.1f} times as much"
            )
        rtt_ms = published.break_even_rtt_ms(totals, network)
        if rtt_ms is not None:
            yield (
                f"{network}: mobile-only is faster at any round trip"
                if rtt_ms < 0
                else f"{network}: mobile-only is faster where a round trip, "
                f"which isn't in these totals, exceeds {rtt_ms:.1f} ms"
            )
    yield "\nAgainst the stated rates and powers of the networks:"
    wrong = [each for each in totals if each.num_bytes and each.contradiction]
    for total in wrong:
        yield f"{total.network}, {total.name}: {total.contradiction}"
    if not wrong:
        yield "no total is less than its up-link alone."
    for figure, unit in (("computing_ms", "ms"), ("computing_mj", "mJ")):
        spread = published.computing_spread(totals, figure)
        for name, (least, most) in spread.items():
            if most - least > 2 * published.ROUNDING:
                yield (
                    f"{name}: by the network, {least:.2f} to {most:.2f} {unit} "
                    "are left for computing, which depends on no network"
                )


if __name__ == "__main__":
    main()

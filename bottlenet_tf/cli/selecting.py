"""`bottlenet-select`: candidates, profiles and a link -> which split."""

import dataclasses
import sys

from absl import flags

from bottlenet_tf import selection
from bottlenet_tf.cli import program, train_flags
from bottlenet_tf.json_file import write_json
from bottlenet_tf.profiling import profile_file
from bottlenet_tf.profiling.targets import network_name
from bottlenet_tf.run_folders import (
    choosing_figures,
    find_runs,
    load_report,
    model_name,
)
from bottlenet_tf.selection import (
    DEFAULT_TRANSPORT,
    NAMED,
    TRANSPORTS,
    Goal,
    Limits,
    Link,
    Machines,
    message_overhead_bytes,
    named,
    published,
    tables,
)

USAGE = """Chooses the split point: least latency, energy, or a weighted sum.

Adds up, for every candidate, what the profiles say of device and server and
what the network takes (Algorithm 1's selection), and shows it beside
mobile-only, cloud-only, a split without a unit and the label alone, with the
round trip above which mobile-only costs less; then what would be chosen at
half and double the rate and at every load that was profiled.

Everything that is sent includes a message (--message_overhead). The paper
counts neither messages nor round trips: --message_overhead=0 --rtt_ms=0.

Examples:
  bottlenet-select --runs=SEARCH_DIR/candidates \\
      --device_profile=phone.json --cloud_profile=server.json
  bottlenet-select ... --networks=4g,wifi --energy_weight=1 --latency_weight=0
  bottlenet-select ... --networks= --uplink_mbps=2.5 --rtt_ms=40
  bottlenet-select --published=docs/paper_totals.csv

The last one reads printed totals, as the paper's, which count neither messages
nor round trips, and checks them against its own power model."""

_TARGETS = {"latency_ms": "ms", "energy_mj": "mJ"}


def _main(argv):
    train_flags.refuse_arguments(argv)
    train_flags.prepare_tensorflow()
    values = flags.FLAGS
    try:
        if values.published:
            print("\n".join(_published(values.published)))
        else:
            _decide(values)
    except train_flags.EXPECTED_ERRORS as error:
        return train_flags.report(error)
    return 0


def _decide(values):
    links = _links(values)
    goal = Goal(values.latency_weight, values.energy_weight)
    for flag in ("runs", "device_profile", "cloud_profile"):
        if not getattr(values, flag):
            raise ValueError(
                f"--{flag} must be given; --help shows an example. "
                f"Received: {flag}={getattr(values, flag)!r}"
            )
    device = profile_file.read(values.device_profile)
    cloud = profile_file.read(values.cloud_profile)
    profile_file.check_same_network(device, cloud)
    if values.device_slowdown != 1.0:
        device = profile_file.slowed(device, values.device_slowdown)
    machines = Machines(device, cloud, values.device_load, values.cloud_load)
    runs = _runs(values.runs)
    reports = {name: load_report(run) for name, run in runs.items()}
    for profile in (device, cloud):
        _check_network(profile, reports)
    loss = values.max_accuracy_loss
    first = choosing_figures(next(iter(reports.values())))
    baseline = first["baseline_accuracy"]
    limits = Limits(
        None if baseline is None else baseline - loss,
        values.max_bytes,
        values.max_memory_mb,
    )
    decisions = selection.decide_runs(
        runs, reports, machines, links, goal, limits, loss
    )
    for decision in decisions:
        print("\n".join(_told(decision, device, cloud)), flush=True)
    print("\n== All networks ==\n")
    print("\n".join(tables.winners_table(decisions)))
    path = write_json(
        values.out,
        tables.selection_values(decisions, machines, command=sys.argv),
    )
    print(f"\nSelection: {path}")


def _told(decision, device, cloud):
    """Yields the lines of one decision."""
    link = decision.link
    yield (
        f"\n== {link.name}: {link.uplink_mbps:g} Mbit/s up, round trip "
        f"{link.rtt_ms:g} ms, {link.message_overhead_bytes:g} B a message =="
    )
    yield f"Device: {device.device} ({device.meter}); server: {cloud.device}\n"
    yield from tables.cost_table(decision)
    yield (
        f"\nChosen: {tables.chosen(decision)}"
        if decision.winner
        else "\nNo split is acceptable."
    )
    best = decision.best
    if decision.winner and best is not decision.winner:
        yield f"But {best.choice.name} costs less than any split here."
    yield from tables.unmeasured([decision])
    if not decision.winner:
        return
    yield "\nOf the splits, at other rates and loads:\n"
    yield from tables.sensitivity_table(decision)


def _links(values):
    overhead = message_overhead_bytes(values.message_overhead)
    links = [named(name) for name in values.networks if name]
    if values.uplink_mbps is not None:
        links.append(
            Link(
                "own",
                values.uplink_mbps,
                values.alpha_mw_per_mbps,
                values.beta_mw,
            )
        )
    if not links:
        raise ValueError(
            "--networks or --uplink_mbps must name a network. "
            f"Received: networks={values.networks}, uplink_mbps=None"
        )
    return [
        dataclasses.replace(
            link,
            rtt_ms=values.rtt_ms,
            downlink_mbps=values.downlink_mbps,
            answer_bytes=values.answer_bytes,
            waiting_mw=values.waiting_mw,
            message_overhead_bytes=overhead,
        )
        for link in links
    ]


def _runs(names):
    """Returns `{name: folder}` of runs, by the names that profiles have."""
    return {model_name(run): run for run in find_runs(names, flag="runs")}


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
    """Yields what follows from printed totals, and what doesn't."""
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
    wrong = [r for r in published.remainders(totals) if r.contradiction]
    for remainder in wrong:
        total = remainder.total
        yield f"{total.network}, {total.name}: {remainder.contradiction}"
    if not wrong:
        yield "no total is less than its up-link alone."
    for figure, unit in (("computing_ms", "ms"), ("computing_mj", "mJ")):
        spread = published.computing_spread(totals, figure)
        for name, (least, most) in spread.items():
            if most - least > 2 * published.ROUNDING:
                yield (
                    f"{name}: by the network, {least:.2f} to {most:.2f} {unit} "
                    "are left for computing, which knows no network"
                )


def _define(module_name):
    common = {"module_name": module_name}
    flags.DEFINE_list(
        "runs", [], "Finished runs, or folders that hold some.", **common
    )
    flags.DEFINE_string(
        "device_profile", None, "Profile of the device (JSON or CSV).", **common
    )
    flags.DEFINE_string(
        "cloud_profile", None, "Profile of the server (JSON or CSV).", **common
    )
    flags.DEFINE_list(
        "networks", list(NAMED), f"Of {', '.join(NAMED)} (table 3).", **common
    )
    for name, default, text in (
        ("uplink_mbps", None, "Up-link of another network, 10^6 bit/s."),
        ("alpha_mw_per_mbps", None, "Its radio's power for each Mbit/s."),
        ("beta_mw", None, "Its radio's power at any rate."),
        ("rtt_ms", 0.0, "Round trip; the paper leaves it out."),
        ("downlink_mbps", None, "Of the answer; the paper leaves it out."),
        ("waiting_mw", 0.0, "Power of the device while it waits."),
        (
            "device_slowdown",
            1.0,
            "Assume a device this many times slower than the profiled "
            "machine, to see whether a split would pay off.",
        ),
        ("latency_weight", 1.0, "Weight of a ms in what is minimised."),
        ("energy_weight", 0.0, "Weight of a mJ in what is minimised."),
        ("max_accuracy_loss", 2.0, "Accepted points below the network."),
        (
            "max_bytes",
            None,
            "Most bytes that an image may take on the air: wire bytes, as "
            "--byte_budget counts them, and --message_overhead.",
        ),
        ("max_memory_mb", None, "Most memory of the head's process."),
    ):
        flags.DEFINE_float(name, default, text, **common)
    for name, default, text in (
        (
            "answer_bytes",
            Link.answer_bytes,
            "Size of the answer with its message, for --downlink_mbps.",
        ),
        ("device_load", 0, "Competing workers on the device."),
        ("cloud_load", 0, "Competing workers on the server."),
    ):
        flags.DEFINE_integer(name, default, text, **common)
    measured = "; ".join(
        f"{name} {transport.num_bytes}, {transport.about}"
        for name, transport in TRANSPORTS.items()
    )
    flags.DEFINE_string(
        "message_overhead",
        DEFAULT_TRANSPORT,
        "Bytes that a message adds to its wire bytes, for everything that is "
        "sent: a number (0 reproduces the paper) or a transport. Measured at "
        f"IP level, on an open connection: {measured}. Further packets of long "
        "payloads aren't counted.",
        **common,
    )
    flags.DEFINE_string(
        "out", "selection.json", "File for the decisions.", **common
    )
    flags.DEFINE_string(
        "published", None, "Printed totals to choose by (CSV).", **common
    )


def main():
    """Entry point of `bottlenet-select`."""
    _define(module_name=sys.argv[0])
    program.start(_main, USAGE)


if __name__ == "__main__":
    main()

"""The demo's choices over 3G, 4G and Wi-Fi, before and after training."""

import functools
import sys
import time

from bottlenet_tf.cli.selecting_flags import CostConfig
from bottlenet_tf.common import graphs

POWER_W = 5.0  # Assumed: a phone's order of magnitude.
_TIMED = 30  # Calls of the unsplit network; the first ones compile it.


def run(root, deploy, runs, demo):
    """Profiles a deployment here, chooses for each network, writes the page.

    This machine, on one core, is the server. The device is assumed: with one
    machine on both sides, no split can be faster than computing alone.
    """
    from bottlenet_tf import evaluation, report
    from bottlenet_tf.common.json_file import write_json
    from bottlenet_tf.profiling import profile_file
    from bottlenet_tf.selection import tables
    from bottlenet_tf.selection.choices import Way
    from bottlenet_tf.selection.costs import Machines
    from bottlenet_tf.selection.decision import decide_runs
    from bottlenet_tf.selection.goals import LATENCY, Limits

    here = _profile(root / "server.json", deploy)
    device_path = profile_file.write(
        profile_file.slowed(here, demo.device_slowdown), root / "device.json"
    )
    device = profile_file.read(device_path)
    links = CostConfig(rtt_ms=demo.rtt_ms).links()
    reports = {run.name: evaluation.load_report(run) for run in runs}

    def decide(machines):
        return decide_runs(
            {run.name: run for run in runs},
            reports,
            machines,
            links,
            LATENCY,
            Limits(),
            demo.max_accuracy_loss,
        )

    machines = Machines(device, here)
    decisions = decide(machines)
    write_json(
        root / "selection.json",
        tables.selection_values(decisions, machines, command=sys.argv),
    )
    print(
        f"\nAssumed: a device {demo.device_slowdown:g} times slower than this "
        f"machine (--device_slowdown) at {POWER_W:g} W, and {demo.rtt_ms:g} ms "
        "round trip (--rtt_ms).\nMeasured: this machine, which is the "
        f"server. A message takes {links[0].message_overhead_bytes:g} B more "
        "than the payload.\nChosen by latency, by figures on validation "
        "images.\n"
    )
    print("\n".join(tables.winners_table(decisions)))
    for decision in decisions:
        if decision.best is not decision.winner:
            print(
                f"Over {decision.link.name}, {decision.best.choice.name} is "
                "faster than any split."
            )
    ways = {d.best.choice.way for d in decisions if d.best}
    if Way.CLOUD in ways:
        print(
            "Digits are 8x8: compressed, they take fewer bytes than the "
            "message around them, so that sending the image is hard to beat. "
            "Photographs are larger."
        )
    alike = ", ".join(
        f"{decision.best.choice.name} over {decision.link.name}"
        for decision in decide(Machines(here, here))
        if decision.best is not None
    )
    print(f"\nWith this machine as the device: {alike}.", flush=True)
    profiles = [str(device_path), here.file]
    return report.write(report.read(str(root), None, None, profiles), str(root))


def prices(found, demo):
    """Returns a `search.bounds.Price` for 3G, 4G and Wi-Fi, to train by.

    The whole network is timed here, and its parts are assumed to take time in
    proportion to their multiply-accumulates: a profile of every split would
    take longer than the curves. Splits are compared only with each other:
    digits of 8x8 are best sent unchanged, which leaves nothing to show.
    """
    from bottlenet_tf.search.bounds import Price

    whole_ms = _whole_ms(found)
    shares = {s: r["device_mac_share"] for s, r in found.reports.items()}

    def of(link, split, size):
        device_ms = demo.device_slowdown * whole_ms * shares[split]
        cloud_ms = whole_ms * max(0.0, 1.0 - shares[split])
        return device_ms + link.uplink_ms(size) + link.answer_ms + cloud_ms

    return [
        Price(link.name, functools.partial(of, link))
        for link in CostConfig(rtt_ms=demo.rtt_ms).links()
    ]


def _whole_ms(found):
    """Returns how long the unsplit network takes for one image here."""
    import numpy as np
    import tensorflow as tf

    from bottlenet_tf.common.run_folders import UNTOUCHED_FILE
    from bottlenet_tf.search.curves import CURVES
    from bottlenet_tf.training import load_model

    split = next(iter(found.reports))
    network = load_model(found.root / CURVES / split / UNTOUCHED_FILE)
    run = graphs.function(lambda images: network(images, training=False))
    image = tf.zeros((1, *network.input_shape[1:]))
    times = []
    for _ in range(_TIMED):
        start = time.perf_counter()
        run(image).numpy()
        times.append(1e3 * (time.perf_counter() - start))
    return float(np.median(times))


def _profile(path, deploy):
    from bottlenet_tf.profiling import measure, profile_file
    from bottlenet_tf.profiling.config import ProfileConfig

    path.unlink(missing_ok=True)  # The demo's own, of another export.
    measure.run(
        ProfileConfig(
            deploy=str(deploy),
            out=str(path),
            seconds=0.2,
            threads=1,
            meter="constant",
            power_w=POWER_W,
        )
    )
    return profile_file.read(path)

"""`make demo-link`: device and server on two emulated machines, one page."""

import dataclasses
import functools
import os
import pathlib
import platform
import sys

from absl import flags

from bottlenet_tf.cli import program
from bottlenet_tf.common.validation import check_at_least
from bottlenet_tf.selection.links import NAMED

USAGE = """Drives the link between a device and a server: Wi-Fi, 4G, 3G, cut,
and a busy server. Both are real processes, the server's Triton if it can be
found, on two emulated machines: network namespaces where there is root, else
this one with a proxy between them. The device is the program that `make demo`
exported, made as slow as --whole_ms says, and answers the demo's test images.

At the end stands a page: what was chosen, what it took, and what each fixed
choice and an oracle would have had."""

# Assumed round trips; rates are the paper's.
RTT_MS = {"wifi": 5.0, "4g": 50.0, "3g": 120.0}
_TITLES = {"wifi": "Wi-Fi", "4g": "4G", "3g": "3G"}
_REPEATED = 100  # Images again and again; the device is stopped in time.


def script(seconds):
    """Returns the list of `Phase` that the demo drives through."""
    from bottlenet_tf.emulation.phases import Phase

    def over(name, title=None, **options):
        rate, rtt_ms = NAMED[name].uplink_mbps, RTT_MS[name]
        title = title or _TITLES[name]
        return Phase(title, seconds, rate, rtt_ms / 2, **options)

    return [
        over("wifi"),
        over("4g"),
        over("3g"),
        over("3g", "cut", outage=True),
        over("wifi", "Wi-Fi again"),
        over("wifi", "busy server", busy_ms=0.0),
        over("wifi", "calm again"),
    ]


def _main(values):
    check_at_least(1, seconds=values.seconds, clients=values.clients)
    check_at_least(1.0, whole_ms=values.whole_ms)
    try:
        _demo(values)
    except KeyboardInterrupt:
        print("\nStopped; nothing runs on.", file=sys.stderr)
        return 130
    return 0


def _demo(values):
    from bottlenet_tf.cli.demo_link_files import Files
    from bottlenet_tf.emulation import recording
    from bottlenet_tf.link import plan_file

    machine = _machine()
    files = Files(pathlib.Path(values.workdir))
    plan_path, plan_values, slowdown = files.write_plan(
        _links(), values.whole_ms, values.max_accuracy_loss
    )
    plan = plan_file.parse(plan_values)
    images, labels = files.write_images()
    payloads = files.write_payloads(list(labels), plan)
    print(
        f"{len(labels)} test images, again and again; {len(plan.choices)} "
        f"choices: {', '.join(c.name for c in plan.choices)}.\nThe device is "
        f"emulated: {slowdown:.0f} times slower than this machine's profile of "
        f"`make demo`, so that the network takes {values.whole_ms:g} ms.",
        flush=True,
    )
    device = [*[str(images)] * _REPEATED, f"--plan={plan_path}"]
    phases, answers, made = _driven(values, files, device, labels, payloads)
    about = recording.About(
        command=["python", "-m", __spec__.name, *sys.argv[1:]],
        machine=machine,
        slowdown=slowdown,
        images=len(labels),
        **made,
    )
    found = recording.Recording(about, phases, answers, plan_values)
    recording.write(files.out / recording.NAME, found)
    _tell(found, files.out)


def _driven(values, files, device, labels, payloads):
    """Runs both machines, and drives the link between them.

    Args:
        values: Of the flags.
        files: `Files`.
        device: Arguments of the device program, without the server.
        labels: `{path: label}`.
        payloads: Folder of what other devices send.

    Returns:
        Phases and answers as `drive.drive` returns them, and the rest of what
        `recording.About` takes.
    """
    from bottlenet_tf.cli.demo_link_processes import Processes
    from bottlenet_tf.emulation import Settings, drive, machines

    phases = script(values.seconds)
    settings = Settings(phases[0].mbps, delay_ms=phases[0].delay_ms)
    rates = [link.uplink_mbps for link in NAMED.values()]
    log = files.out / "device.log"
    with (
        machines.opened(settings, rates, _with_namespaces(values)) as both,
        open(log, "wb") as log_file,
    ):
        print(both.checked.summary(), flush=True)
        processes = Processes(both, files.deploy)
        engine = processes.serve(values.engine)
        link, address = both.join(processes.port)
        print(f"Server: {engine}. Link: {both.form}.\n", flush=True)
        program = processes.answer(
            [*device, f"--server={address}", "--paced", "--strict"], log_file
        )
        try:
            phases, answers, crowds = drive.drive(
                link,
                phases,
                drive.Device(program, labels.get),
                lambda: processes.crowd(payloads, values.clients),
                functools.partial(print, flush=True),
            )
        except RuntimeError:
            print(log.read_text(errors="replace"), file=sys.stderr)
            raise
    return (
        phases,
        answers,
        {
            "engine": engine,
            "form": both.form,
            "check": both.checked.summary(),
            "overhead_bytes": processes.overhead_bytes,
            "crowd": next(iter(crowds.values()), None),
        },
    )


def _machine():
    from bottlenet_tf.runtime import machine

    return (
        f"{machine.cpu_model()}, {os.cpu_count()} cores, "
        f"{platform.platform()}, load {os.getloadavg()[0]:.1f} as it began"
    )


def _links():
    return [
        dataclasses.replace(
            NAMED[name], rtt_ms=rtt_ms, message_overhead_bytes=154.0
        )
        for name, rtt_ms in RTT_MS.items()
    ]


def _with_namespaces(values):
    return None if values.form == "auto" else values.form == "namespaces"


def _tell(found, folder):
    from bottlenet_tf.common.markdown import aligned
    from bottlenet_tf.emulation import phases
    from bottlenet_tf.report import link_page

    rows = link_page.table(found, phases.rivals(found.world()))
    header = ["", "", "images", "mean ms", "to oracle", "p95 ms", "accuracy %"]
    cells = [
        [r.name, r.kind, str(r.images), f"{r.mean_ms:.1f}",
         f"{r.to_oracle:.3f}", f"{r.p95_ms:.1f}", f"{r.accuracy:.2f}"]
        for r in rows
    ]  # fmt: skip
    print()
    print("\n".join(aligned(header, cells, 2)))
    print(f"\nPage: {link_page.write(folder)}")


def main():
    """Entry point of `make demo-link`."""
    common = {"module_name": sys.argv[0]}
    flags.DEFINE_string("workdir", "runs/digits", "Of `make demo`.", **common)
    flags.DEFINE_float("seconds", 10.0, "Of each phase.", **common)
    flags.DEFINE_float(
        "whole_ms",
        85.0,
        "What the network without a split takes on the emulated device, which "
        "says how many times slower than this machine it is.",
        **common,
    )
    flags.DEFINE_float(
        "max_accuracy_loss", 3.0, "Points below the network that are accepted.",
        **common,
    )  # fmt: skip
    flags.DEFINE_enum(
        "form", "auto", ["auto", "namespaces", "proxy"],
        "Of the link; auto: namespaces where they can be made.", **common,
    )  # fmt: skip
    flags.DEFINE_enum(
        "engine", "auto", ["auto", "triton", "inprocess"],
        "What serves; auto: Triton where it is found.", **common,
    )  # fmt: skip
    flags.DEFINE_integer(
        "clients", 96, "Other devices that make the server busy.", **common
    )
    program.run(_main, USAGE, cleans_up=True)


if __name__ == "__main__":
    main()

"""`make demo-link`: device and server on two emulated machines, one page."""

import dataclasses
import functools
import os
import pathlib
import platform
import sys

from bottlenet_tf.cli import config_flags, program
from bottlenet_tf.cli.selecting_flags import CostConfig
from bottlenet_tf.common.markdown import aligned
from bottlenet_tf.common.settings import Settings, setting
from bottlenet_tf.selection.links import NAMED

USAGE = """Drives the link between a device and a server: Wi-Fi, 4G, 3G, an
outage, and a busy server. Both are real processes, the server Triton if it is
found, on two emulated machines: network namespaces as root, otherwise this
machine with a proxy between them. The device is the program that `make demo`
exported, slowed down to --whole_ms, and answers the demo's test images.

Ends with a page: choices and latencies, and those of each fixed choice and an
oracle."""

# Assumed round trips; rates are the paper's.
RTT_MS = {"wifi": 5.0, "4g": 50.0, "3g": 120.0}
_TITLES = {"wifi": "Wi-Fi", "4g": "4G", "3g": "3G"}
_FORMS = {"auto": None, "namespaces": True, "proxy": False}
_REPEATED = 100  # More images than are answered before the device is stopped.


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


@dataclasses.dataclass(frozen=True)
class _DemoConfig(Settings):
    """The emulated machines, and the link between them."""

    workdir: str = setting("runs/digits", "Work directory of `make demo`.")
    seconds: float = setting(10.0, "Seconds of each phase.", least=1)
    whole_ms: float = setting(
        85.0,
        "Time of the network without a split on the emulated device, which "
        "sets how many times slower than this machine it is.",
        least=1,
    )
    max_accuracy_loss: float = setting(
        3.0, "Accepted accuracy loss, in percentage points.", least=0
    )
    form: str = setting(
        "auto",
        "Form of the link; auto: namespaces where possible.",
        choices=("auto", "namespaces", "proxy"),
    )
    engine: str = setting(
        "auto",
        "Engine of the server; auto: Triton if it is found.",
        choices=("auto", "triton", "inprocess"),
    )
    clients: int = setting(
        96, "Other devices that make the server busy.", least=1
    )


@program.entry(USAGE, (_DemoConfig,), cleans_up=True)
def main(values):
    """Entry point of `make demo-link`."""
    config = config_flags.read(_DemoConfig, values)
    from bottlenet_tf.cli.demo_link_files import Files
    from bottlenet_tf.emulation import recording
    from bottlenet_tf.link import plan_file

    machine = _machine()
    files = Files(pathlib.Path(config.workdir))
    plan_path, plan_values, slowdown = files.write_plan(
        _links(), config.whole_ms, config.max_accuracy_loss
    )
    plan = plan_file.parse(plan_values)
    images, labels = files.write_images()
    payloads = files.write_payloads(list(labels), plan)
    print(
        f"{len(labels)} test images, repeated; {len(plan.choices)} "
        f"choices: {', '.join(c.name for c in plan.choices)}.\nThe device is "
        f"emulated: {slowdown:.0f} times slower than this machine's profile of "
        f"`make demo`, so that the network takes {config.whole_ms:g} ms.",
        flush=True,
    )
    device = [*[str(images)] * _REPEATED, f"--plan={plan_path}"]
    phases, answers, made = _driven(config, files, device, labels, payloads)
    about = recording.About(
        command=["python", "-m", __spec__.name, *sys.argv[1:]],
        machine=machine,
        slowdown=slowdown,
        images=len(labels),
        **made,
    )
    found = recording.Recording(about, phases, answers, plan_values)
    recording.write(files.out / recording.NAME, found)
    _report(found, files.out)


def _driven(config, files, device, labels, payloads):
    """Runs both machines, and drives the link between them.

    Returns phases and answers, as `drive.drive`, and the rest of the arguments
    of `recording.About`.
    """
    from bottlenet_tf.cli.demo_link_processes import Processes
    from bottlenet_tf.emulation import Settings as LinkSettings
    from bottlenet_tf.emulation import drive, machines

    phases = script(config.seconds)
    settings = LinkSettings(phases[0].mbps, delay_ms=phases[0].delay_ms)
    rates = [link.uplink_mbps for link in NAMED.values()]
    log = files.out / "device.log"
    with (
        machines.opened(settings, rates, _FORMS[config.form]) as both,
        open(log, "wb") as log_file,
    ):
        print(both.checked.summary(), flush=True)
        processes = Processes(both, files.deploy)
        engine = processes.serve(config.engine)
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
                lambda: processes.crowd(payloads, config.clients),
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
        f"{platform.platform()}, load {os.getloadavg()[0]:.1f} at the start"
    )


def _links():
    links = CostConfig(networks=tuple(RTT_MS)).links()
    return [
        dataclasses.replace(link, rtt_ms=RTT_MS[link.name]) for link in links
    ]


def _report(found, folder):
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


if __name__ == "__main__":
    main()

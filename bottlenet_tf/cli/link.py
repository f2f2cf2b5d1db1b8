"""`bottlenet-link`: an emulated link between a device and a server."""

import dataclasses
import select
import sys

from bottlenet_tf.cli import config_flags, program
from bottlenet_tf.cli.link_flags import LinkConfig, address
from bottlenet_tf.common.validation import check
from bottlenet_tf.emulation import check_link, namespaces, netns, proxy
from bottlenet_tf.emulation.namespaces import ADDRESSES
from bottlenet_tf.emulation.settings import Change, Settings
from bottlenet_tf.selection.links import NAMED

USAGE = """Emulates a link: rate, delay, loss, outages, recorded traces.

Examples:
  bottlenet-link --check
  bottlenet-link --network=3g --delay_ms=30 --listen=9000 \\
      --connect=127.0.0.1:8000
  bottlenet-link --network=4g --outage=10:13,60:75 --namespaces
  bottlenet-link --trace=lte.up --namespaces \\
      --server_command='bottlenet-serve deploy --host=192.0.2.2' \\
      -- ping -c 3 192.0.2.2

--check compares the link with arithmetic. --listen is a TCP proxy and needs no
root. --namespaces makes two emulated machines, device and server, that can run
any command, and needs root; a command after -- runs on the device, and the link
ends with it. Otherwise the link runs until Ctrl-C; lines typed meanwhile change
it: uplink=1.1 delay_ms=50, or outage=on."""

# Between looks at whether the link's process is alive.
_LOOK_S = 0.5
_CHANGES = [field.name for field in dataclasses.fields(Change)]
_SWITCH = {"on": True, "off": False}


def run(config, command):
    """Runs the link of a `LinkConfig`; returns the exit code."""
    if config.check:
        return _check_all(config.delay_ms)
    settings = config.link_settings()
    if config.namespaces:
        return _run_namespaces(settings, config, command)
    check(not command, "Only --namespaces runs commands.", command=command)
    return _run_proxy(settings, config)


def _check_all(delay_ms):
    """Prints the tables of the forms that this machine permits."""
    forms = [proxy.Messages]
    reason = netns.missing()
    if reason:
        print(f"Namespaces are not checked: {reason}.\n")
    else:
        forms.append(namespaces.Datagrams)
    passed = True
    for form in forms:
        with form(Settings(_rates()[0], delay_ms=delay_ms)) as timed:
            result = check_link(timed, _rates(), delay_ms)
        print(*result.markdown(), "", result.summary(), "", sep="\n")
        passed &= result.passed
    return 0 if passed else 1


def _run_proxy(settings, config):
    target = address("connect", config.connect)
    if not config.skip_check:
        with proxy.Messages(settings) as timed:
            _say_check(timed, settings)
    with proxy.Proxy(settings, target, ("127.0.0.1", config.listen)) as link:
        print(_about(settings))
        print(
            f"{link.address[0]}:{link.address[1]} forwards to "
            f"{config.connect}; Ctrl-C ends it.",
            flush=True,
        )
        try:
            _wait(link)
        finally:
            _print_counters(link)
    return 0


def _run_namespaces(settings, config, command):
    with namespaces.Datagrams(settings) as timed:
        link = timed.link
        if not config.skip_check:
            _say_check(timed, settings)
        link.restart(settings)
        print(_about(settings))
        for side, name in link.names.items():
            print(f"{side}, {ADDRESSES[side]}: ip netns exec {name} COMMAND")
        sys.stdout.flush()
        if config.server_command:
            link.run_in("server", ["sh", "-c", config.server_command])
        try:
            if command:
                return link.run_in("device", command).wait()
            print("Ctrl-C ends it.", flush=True)
            _wait(link)
        finally:
            _print_counters(link)
    return 0


def _wait(link):
    """Waits for Ctrl-C; typed lines change the link."""
    inputs = [sys.stdin]
    try:
        while link.is_running:
            if not select.select(inputs, [], [], _LOOK_S)[0]:
                continue
            line = sys.stdin.readline()
            if not line:
                inputs = []
                continue
            try:
                link.set(**changes(line))
            except ValueError as error:
                print(f"Error: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        return
    raise RuntimeError("The emulated link's process has ended unexpectedly.")


def changes(line):
    """Returns the changes of a typed line, by name."""
    found = {}
    for word in line.split():
        name, _, text = word.partition("=")
        check(
            name in _CHANGES,
            f"A change must be NAME=VALUE, NAME one of {', '.join(_CHANGES)}.",
            typed=word,
        )
        try:
            found[name] = _SWITCH[text] if name == "outage" else float(text)
        except (KeyError, ValueError):
            raise ValueError(
                "A change's value must be a number, or on or off for outage. "
                f"Received: typed={word!r}"
            ) from None
    return found


def _rates():
    return [link.uplink_mbps for link in NAMED.values()]


def _say_check(timed, settings):
    result = check_link(timed, _rates(), settings.delay_ms)
    print(result.summary(), flush=True)


def _about(settings):
    up, down = (line.trace for line in settings.lines())
    about = (
        f"Up {up.name}, {up.mean_mbps:.3g} Mbit/s on average; down "
        f"{down.name}, {down.mean_mbps:.3g}; delay {settings.delay_ms:g} ms "
        f"each way, loss {settings.loss:g}"
    )
    for begin_s, end_s in settings.outages:
        about += f", outage from {begin_s:g} to {end_s:g} s"
    return about + "."


def _print_counters(link):
    try:
        counters = link.counters()
    except RuntimeError:
        return
    for direction, count in zip(("Up", "Down"), counters, strict=True):
        print(
            f"{direction}: {count.packets} packets, {count.num_bytes} bytes "
            f"at IP level, {count.lost_packets} packets lost"
        )


@program.entry(USAGE, (LinkConfig,), arguments="[COMMAND...]", cleans_up=True)
def main(values, *command):
    """Entry point of `bottlenet-link`."""
    return run(config_flags.read(LinkConfig, values), command)


if __name__ == "__main__":
    main()

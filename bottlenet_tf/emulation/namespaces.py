"""The emulated link between two network namespaces, each with a TUN device."""

import fcntl
import itertools
import os
import socket
import struct
import subprocess
import time

from bottlenet_tf.common.validation import check_choice
from bottlenet_tf.emulation import netns
from bottlenet_tf.emulation.netns import SIDES
from bottlenet_tf.emulation.process import Forwarder, end

# Reserved for documentation (RFC 5737): in no real network.
ADDRESSES = {"device": "192.0.2.1", "server": "192.0.2.2"}
MTU = 1500
_UDP_HEADERS = 28
_INTERFACE = "link0"
_TUNSETIFF = 0x400454CA
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000
_TIMEOUT_S = 60.0
_numbers = itertools.count()


class Namespaces(Forwarder):
    """Two emulated machines, joined only by a link.

    Each is a network namespace with loopback and a TUN device. The kernel's
    own packets, of TCP, UDP or any protocol, pass the link's loop. Needs
    Linux, root, /dev/net/tun and `ip`.

    When it is closed, or this process is killed, its namespaces are removed
    and processes in them are ended. If the loop's process is killed, too, the
    next `Namespaces` does so.

    Args:
        settings: `Settings`; up is from the device to the server.

    Attributes:
        names: Names of the namespaces by side, "device" and "server".
        settings: As given.
        scheduling: Scheduling of the loop's process, in words.

    Raises:
        OSError: if namespaces can't be made, with the reason.
    """

    form = "namespaces"

    def __init__(self, settings):
        reason = netns.missing()
        if reason:
            raise OSError(
                f"{reason[0].upper()}{reason[1:]}; the proxy emulates a link "
                "without them."
            )
        netns.remove_stale()
        number = next(_numbers)
        self.names = dict(zip(SIDES, netns.names(number), strict=True))
        self._started = []
        files = []
        try:
            for side in SIDES:
                files.append(_make_side(side, self.names[side], number))
            super().__init__(
                {
                    "form": self.form,
                    "settings": settings,
                    "files": files,
                    "namespaces": list(self.names.values()),
                }
            )
        except BaseException:
            netns.remove(self.names.values())
            raise
        finally:
            for file in files:
                os.close(file)

    def run_in(self, side, command, **options):
        """Returns the `Popen` of a command on one of the machines.

        It is terminated when the link is closed.

        Args:
            side: "device" or "server".
            command: Program and arguments.
            **options: Options of `subprocess.Popen`.
        """
        check_choice("side", side, SIDES)
        inside = ["ip", "netns", "exec", self.names[side]]
        process = subprocess.Popen([*inside, *command], **options)
        self._started.append(process)
        return process

    def close(self):
        """Ends what runs on both machines, and removes them."""
        end(self._started)
        super().close()
        # Done by the loop's process, unless it was killed.
        netns.remove(self.names.values())


class Datagrams:
    """Times single messages between the namespaces, for `check`."""

    def __init__(self, settings):
        self.link = Namespaces(settings)
        try:
            self._device, self._server = (
                netns.open_socket(
                    self.link.names[side], socket.AF_INET, socket.SOCK_DGRAM
                )
                for side in SIDES
            )
            self._server.bind((ADDRESSES["server"], 0))
            self._server.settimeout(_TIMEOUT_S)
            self._device.connect(self._server.getsockname())
        except BaseException:
            self.link.close()
            raise

    def one_way_s(self, num_bytes):
        """Returns the time of a message from device to server, in s.

        Args:
            num_bytes: Bytes of its packets at IP level.
        """
        packets = [
            bytes(min(MTU, num_bytes - first) - _UDP_HEADERS)
            for first in range(0, num_bytes, MTU)
        ]
        start_s = time.monotonic()
        for packet in packets:
            self._device.send(packet)
        for _ in packets:
            self._server.recv(MTU)
        return time.monotonic() - start_s

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._device.close()
        self._server.close()
        self.link.close()


def _make_side(side, name, number):
    """Makes a namespace; returns the descriptor of its TUN device."""
    netns.ip("netns", "add", name)
    file = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    try:
        made = f"bn{os.getpid()}-{number}{side[0]}"[:15]
        request = struct.pack("16sH14x", made.encode(), _IFF_TUN | _IFF_NO_PI)
        fcntl.ioctl(file, _TUNSETIFF, request)
        # After moving, the descriptor still has the device.
        netns.ip("link", "set", made, "netns", name, "name", _INTERFACE)
        within = ("-n", name)
        netns.ip(*within, "link", "set", "lo", "up")
        # No IPv6: its neighbour discovery would use the link.
        netns.ip(
            *within, "link", "set", _INTERFACE, "addrgenmode", "none",
            "mtu", MTU,
        )  # fmt: skip
        netns.ip(
            *within, "addr", "add", f"{ADDRESSES[side]}/24", "dev", _INTERFACE
        )
        netns.ip(*within, "link", "set", _INTERFACE, "up")
    except BaseException:
        os.close(file)
        raise
    return file

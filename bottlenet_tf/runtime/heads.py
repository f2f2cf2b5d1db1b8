"""All heads of a deployment, which share the parts of its network."""

import os

from bottlenet_tf.runtime import served, unit_file
from bottlenet_tf.runtime.edge import Head


class Heads:
    """Turns images into payloads of any of a deployment's units.

    Parts of the network that several units share are opened once. Made by
    `Head.load` or `Heads.load`. One call at a time.

    Attributes:
        units: `{name: Head}`, in the order of served.json.
        served: The deployment's `Served`.

    Args:
        heads: `{name: Head}`, at least one.
        identity: `Served` of exactly these units.

    Raises:
        ValueError: if a head isn't of the deployment.
    """

    def __init__(self, heads, identity):
        for name, number in identity.units.items():
            found = heads[name].unit.format.unit_id
            if found != number:
                raise ValueError(
                    f"The head of {name!r} must be the deployment's, or no "
                    "server would know its payloads; copy the complete folder "
                    f"of one export. Received: unit_id={found:08x}, "
                    f"{served.NAME} says {number:08x}"
                )
        self.units = dict(heads)
        self.served = identity

    @classmethod
    def load(cls, folder, runtime=None, threads=None):
        """Opens all heads of a deployment.

        Args:
            folder: The deployment folder, with `edge` and the units' folders;
                those named `cloud` may be missing.
            runtime, threads: See `Head.load`, also for errors.
        """
        folder = os.fspath(folder)
        identity = served.read(
            unit_file.find_folder(folder, "edge", served.NAME)
        )
        engines = {}
        heads = {
            name: Head.load(
                folder if len(identity.units) == 1 else _own(folder, name),
                runtime,
                threads,
                engines,
            )
            for name in identity.units
        }
        return cls(heads, identity)

    def encode(self, image, point=None, max_bytes=None, unit=None):
        """Returns the payload (bytes) of one image; see `Head.encode`.

        `unit` names one of several units.
        """
        if unit is None and len(self.units) == 1:
            (unit,) = self.units
        if unit not in self.units:
            raise ValueError(
                f"`unit` must be one of {', '.join(self.units)}. "
                f"Received: unit={unit!r}"
            )
        return self.units[unit].encode(image, point, max_bytes)


def _own(folder, name):
    """Returns a unit's folder, in the deployment or next to its `edge`."""
    beside = os.path.join(os.path.dirname(os.path.abspath(folder)), name)
    inside = os.path.join(folder, name)
    return inside if os.path.isdir(inside) else beside

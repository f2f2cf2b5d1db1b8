"""Finds a payload's unit by the first two bytes of its header.

A header begins with version and tag, and with the operating point if a range
makes the tag shorter. So each unit has its own prefixes: one, or one for each
of its points. Two units that share a prefix can't be served together: the
checksum would refuse every payload sent to the wrong one.
"""

import hashlib

_VERSIONS = 2**24


class TagCollisionError(ValueError):
    """Two units (`names`) of a deployment have the same tag."""

    def __init__(self, names, formats):
        self.names = names
        received = ", ".join(
            "{}={:08x}".format(name, formats[name].unit_id) for name in names
        )
        same = formats[names[0]].unit_id == formats[names[1]].unit_id
        if same:
            reason = "are the same unit: leave one of them out"
        else:
            reason = (
                "have the same tag, so that a server couldn't distinguish "
                "their payloads: export one of them to a separate deployment, "
                "or train it with another --seed"
            )
        super().__init__(
            "Units of one deployment must have different tags, the first bits "
            "of their identities, because a payload has no more. {!r} and "
            "{!r} {}. Received: unit_id {}".format(*names, reason, received)
        )


def starts(message):
    """Returns the set of the first two bytes of a `PayloadFormat`'s payloads.

    Version, tag and, if there is room left, the point.
    """
    beyond = 4 + message.layout.tag + message.layout.point - 16
    return {
        (message.first + point >> beyond).to_bytes(2, "big")
        for point in range(len(message.points))
    }


def build(formats):
    """Returns `{first two bytes: name}` of `{name: PayloadFormat}`."""
    found = {}
    for name, message in formats.items():
        for start in starts(message):
            if start in found:
                raise TagCollisionError((found[start], name), formats)
            found[start] = name
    return found


def deployment_version(unit_ids):
    """Returns the number by which servers distinguish deployments.

    The same units (32-bit identities) give the same number, 1 to 2**24, in any
    order; others give another one, except for one pair in 2**24.
    """
    text = ",".join("{:08x}".format(number) for number in sorted(unit_ids))
    digest = hashlib.sha256(text.encode()).digest()
    return 1 + int.from_bytes(digest[:3], "big") % _VERSIONS

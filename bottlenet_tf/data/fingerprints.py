"""Fingerprints: the number of images in a part, and their hash."""

import dataclasses
import hashlib

# Reading the contents of more than this at the start of each run would take
# longer than a minute on an ordinary disk; names and sizes are hashed instead.
CONTENT_BYTES = 8 << 30


@dataclasses.dataclass(frozen=True)
class Fingerprint:
    """The number of images in a part, and their hash.

    Attributes:
        sha256: 16 hex digits over names, labels and contents (of files over
            `CONTENT_BYTES` in all: names, labels and sizes). Crops and
            sizes that a network sees aren't included.
    """

    images: int
    sha256: str


def fingerprint(examples):
    """Returns the `Fingerprint` of a part's examples."""
    digest = hashlib.sha256()
    for identity in examples.identities:
        digest.update(b"\n" + identity.encode("utf-8", "surrogateescape"))
    examples.add_contents(digest, CONTENT_BYTES)
    return Fingerprint(len(examples), digest.hexdigest()[:16])

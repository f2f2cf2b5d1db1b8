"""One line of JSON an image."""

import json


def answered(name, result):
    """Returns the line of a `Result`, without its end.

    Fields: `image`, `class`, `label`, `top` (lists of class, label and
    probability), `where` ("split", "cloud" or "device"), `split`, `point`,
    `choice`, `payload_bytes`, `latency_ms`, `problem`.
    """
    return _line(
        name,
        result.index,
        result.label,
        [[i, label, round(share, 6)] for i, label, share in result.top],
        result.way,
        result.split,
        result.point,
        result.choice,
        result.payload_bytes,
        round(result.latency_ms, 3),
        result.problem,
    )


def failed(name, problem):
    """Returns the line of an image that has no answer."""
    return _line(name, None, None, [], None, None, None, None, 0, None, problem)


def _line(*values):
    return _encode(dict(zip(_FIELDS, values)))


# In ASCII, so that any terminal or pipe takes it.
_encode = json.JSONEncoder(allow_nan=False).encode
_FIELDS = (
    "image", "class", "label", "top", "where", "split", "point", "choice",
    "payload_bytes", "latency_ms", "problem",
)  # fmt: skip

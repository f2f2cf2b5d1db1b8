"""JSON files of a deployment, each field checked by a rule.

A rule is a tuple: the field, its required value in words, and a test of it.
"""

import json

from bottlenet_tf.runtime import intact


def read(path, rules, optional=()):
    """Returns the object (dict) of a file; unknown fields are ignored.

    Args:
        path: The file.
        rules: Rules of its fields; the format's first, since another format may
            have other fields.
        optional: Fields that may be missing.
    """
    intact.check(path)
    with open(path, encoding="utf-8") as file:
        try:
            content = json.load(file)
        except ValueError as error:  # Also for bytes that are not UTF-8.
            raise ValueError(
                f"{path} must be JSON ({error}); it is damaged or only partly "
                "copied."
            ) from None
    if not isinstance(content, dict):
        raise ValueError(
            f"{path} must be a JSON object. "
            f"Received: type={type(content).__name__}"
        )
    for field, rule, is_valid in rules:
        if field not in content and field not in optional:
            raise ValueError(
                f"{path} must have the field {field!r}, {rule}. "
                f"Received: fields {sorted(content)}"
            )
        if field in content and not is_valid(content[field]):
            raise ValueError(
                f"{path}: field {field!r} must be {rule}. "
                f"Received: {field}={content[field]!r}"
            )
    return content


def format_rule(name):
    """Returns the rule that a file's format is `name`."""
    rule = f"{name!r}, the one that this version reads"
    return ("format", rule, lambda value: value == name)

"""The plan that goes to the device with a deployment: checked and copied."""

from bottlenet_tf.common import formats, json_file
from bottlenet_tf.common.validation import check

NAME = "plan.json"


class PlanFile:
    """A `plan.json` of bottlenet-select, for the units of a deployment.

    Args:
        path: The file.

    Raises:
        OSError: if it can't be read.
        ValueError: if it isn't a plan.
    """

    def __init__(self, path):
        self.path = str(path)
        self.content = json_file.load(path)
        found = isinstance(self.content, dict) and self.content.get("format")
        check(
            found == formats.PLAN,
            f"--plan must be a plan.json of format {formats.PLAN!r}, as "
            "bottlenet-select writes it.",
            plan=self.path,
            format=found,
        )
        choices = self.content.get("choices")
        check(
            isinstance(choices, list) and all(map(_is_choice, choices)),
            "--plan must list its choices, each a way and, if that is a "
            "split, the run's name, its unit's identity and a point.",
            plan=self.path,
        )
        self._splits = [c for c in choices if c["way"] == "split"]

    def check_names(self, names):
        """Raises ValueError if the plan has splits of other runs."""
        unknown = {c["split"] for c in self._splits} - set(names)
        check(
            not unknown,
            "--plan must choose among the runs that are exported, or a device "
            "would want to send what it has no unit for; export the runs that "
            "bottlenet-select was given.",
            plan=self.path,
            unknown=sorted(unknown),
            runs=sorted(names),
        )

    def check_unit(self, name, message):
        """Raises ValueError if the plan has another unit of this name.

        Args:
            name: The run's.
            message: `PayloadFormat` of its unit.
        """
        for choice in self._splits:
            if choice["split"] != name:
                continue
            number, point = choice["unit_id"], choice["point"]
            check(
                number in (None, message.unit_id),
                f"--plan must be of this very unit of {name!r}, whose sizes "
                "and accuracies it counts on; the run was trained again, or "
                "adapted, since. Run bottlenet-select again.",
                plan=self.path,
                unit_id=number,
                exported=message.unit_id,
            )
            check(
                point is None or 0 <= point < len(message.points),
                f"--plan must name operating points that {name!r} has.",
                plan=self.path,
                point=point,
                points=len(message.points),
            )


def _is_choice(choice):
    if not isinstance(choice, dict):
        return False
    if choice.get("way") != "split":
        return choice.get("way") in ("device", "cloud")
    number, point = choice.get("unit_id"), choice.get("point")
    return (
        isinstance(choice.get("split"), str)
        and {"unit_id", "point"} <= set(choice)
        and all(v is None or type(v) is int for v in (number, point))
    )

"""The plan for the device in a deployment: checked and copied."""

from bottlenet_tf.common import json_file
from bottlenet_tf.common.validation import check
from bottlenet_tf.link import plan, plan_file

NAME = "plan.json"


class PlanFile:
    """A `plan.json` of bottlenet-select, for the units of a deployment."""

    def __init__(self, path):
        self._path = path
        choices = plan_file.read(path).choices
        self._splits = [c for c in choices if c.way == plan.SPLIT]
        self.content = json_file.load(path)

    def check_names(self, names):
        """Raises ValueError if the plan has splits of other runs."""
        unknown = {choice.split for choice in self._splits} - set(names)
        check(
            not unknown,
            "--plan must choose among the exported runs, since a device has no "
            "other units; export the runs given to bottlenet-select.",
            plan=self._path,
            unknown=sorted(unknown),
            runs=sorted(names),
        )

    def check_unit(self, name, message):
        """Raises ValueError if the plan has another unit of this name."""
        for choice in self._splits:
            if choice.split != name:
                continue
            check(
                choice.unit_id in (None, message.unit_id),
                f"--plan must have the exported unit's figures for {name!r}, "
                "but the run was trained again, or adapted, since. Run "
                "bottlenet-select again.",
                plan=self._path,
                unit_id=choice.unit_id,
                exported=message.unit_id,
            )
            check(
                choice.point < len(message.points),
                f"--plan must name operating points that {name!r} has.",
                plan=self._path,
                point=choice.point,
                points=len(message.points),
            )

"""The plan for the device in a deployment: checked and copied."""

from bottlenet_tf.common import json_file
from bottlenet_tf.common.validation import check
from bottlenet_tf.export import pack_file
from bottlenet_tf.link import plan, plan_file

NAME = "plan.json"
_BEFORE, _AFTER = map(
    pack_file.FIGURES.index, ("wire_bytes_before", "wire_bytes")
)
_SIZES = [f"wire_bytes_{name}" for name in ("mean", "p95", "p99", "max")]


class PlanFile:
    """A `plan.json` of bottlenet-select, for the units of a deployment."""

    def __init__(self, path):
        self._path = path
        self._read(plan_file.read(path))
        self.content = json_file.load(path)

    def adapt(self, name, before, message, adapted):
        """Gives a run's choices the identity and bytes of its adapted unit.

        Bytes change by the factor that the adaptation was measured to have on
        the photos that were held out, so that they can be compared with those
        of other choices, which are of the plan's images. Accuracy stays that
        of the unit before: photos have no labels.

        Args:
            before: `unit_id` of the run's own unit; choices of another are
                left alone.
            message: `PayloadFormat` of the adapted unit.
            adapted: The fields of `pack_file.Adapted`.
        """
        for row in self.content["choices"]:
            if row["way"] != plan.SPLIT or row["split"] != name:
                continue
            point = row.get("point") or 0
            if row.get("unit_id") not in (None, before):
                continue
            if point >= len(adapted["points"]):  # `check_unit` refuses it.
                continue
            row["unit_id"] = message.unit_id
            row["adapted"] = {
                "unit_id_before": before, "held_out": adapted["held_out"]
            }  # fmt: skip
            figures = adapted["points"][point]
            factor = figures[_AFTER] / figures[_BEFORE]
            for each in _SIZES:
                if row.get(each) is not None:
                    row[each] = round(factor * row[each], 1)
        self._read(plan_file.parse(self.content))

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

    def _read(self, found):
        self._splits = [c for c in found.choices if c.way == plan.SPLIT]

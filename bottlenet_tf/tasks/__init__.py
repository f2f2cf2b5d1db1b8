"""Meaning of a network's outputs: targets, loss, decision and metric.

```
labels -> targets -> loss(targets, logits)
                     divergence(teacher's logits, logits)
logits -> probabilities -> decisions -> `Meter`
```

A network has one of two kinds of output. "softmax": one class per image, labels
are integers `(batch,)`. "sigmoid": each class is present or not, labels are 0
and 1, `(batch, classes)`. A single sigmoid is a softmax of two
classes: `backbones.endings`.
"""

from bottlenet_tf.tasks.meter import Meter, agree
from bottlenet_tf.tasks.one_class import OneClass
from bottlenet_tf.tasks.several_labels import SeveralLabels

__all__ = [
    "ONE_CLASS",
    "SEVERAL_LABELS",
    "Meter",
    "agree",
    "choose",
    "of_output",
]

ONE_CLASS, SEVERAL_LABELS = OneClass(), SeveralLabels()
_TASKS = {task.output: task for task in (ONE_CLASS, SEVERAL_LABELS)}


def of_output(output):
    """Returns the task of a kind of output, "softmax" or "sigmoid"."""
    return _TASKS[output]


def choose(asked, found, data):
    """Returns a run's kind of output, "softmax" or "sigmoid".

    Args:
        asked: "auto", "softmax" or "sigmoid", by --output.
        found: End of the network's file: "softmax", "sigmoid", "binary" (one
            output), "logits" if open, or another activation.
        data: Kind of output that the data set's labels are for.
    """
    if found == "binary":
        if data == "sigmoid":
            raise ValueError(
                "Images of several labels need an output for each; this "
                "network has one output, which tells two classes apart. "
                f"Received: output={asked}"
            )
        return "softmax"
    if asked == "auto" and found not in ("logits", *_TASKS):
        raise ValueError(
            "A network must end in logits, a softmax or sigmoids, and this one "
            f"ends in {found}. --output=softmax or --output=sigmoid takes its "
            "outputs as logits. Received: output=auto"
        )
    if asked == "sigmoid" and found == "softmax":
        raise ValueError(
            "--output=sigmoid needs outputs that are independent of each "
            "other, and the network ends in a softmax. "
            f"Received: output={asked}"
        )
    output = found if asked == "auto" and found != "logits" else asked
    if output == "auto":
        return data
    if output == "softmax" and data == "sigmoid":
        ends = "ends in a softmax" if found == "softmax" else "is to have one"
        raise ValueError(
            "Images of several labels need a network that decides each label "
            "separately, by sigmoids or logits (--output=sigmoid); this one "
            f"{ends}. Received: output={asked}"
        )
    return output

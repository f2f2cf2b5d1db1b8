"""Formats of files that more than one program reads."""

REPORT = "bottlenet_tf.report.3"
FIGURE7 = "bottlenet_tf.figure7.1"
SELECTION = "bottlenet_tf.selection.3"
PLAN = "bottlenet_tf.plan.1"
REPLAY = "bottlenet_tf.replay.1"
LINK_RUN = "bottlenet_tf.link_run.1"

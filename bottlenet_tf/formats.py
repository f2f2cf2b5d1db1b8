"""Formats of files that more than one program reads."""

REPORT = "bottlenet_tf.report.2"
SELECTION = "bottlenet_tf.selection.1"

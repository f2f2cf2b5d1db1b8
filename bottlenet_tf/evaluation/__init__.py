"""Accuracy and size from real bytes, their rivals, and reports."""

# ruff: noqa: F401 (names for other rooms)
from bottlenet_tf.common.run_folders import choosing_figures, load_report
from bottlenet_tf.evaluation.accuracy import network_accuracy
from bottlenet_tf.evaluation.baselines import (
    Baselines,
    measure_baselines,
    raw_features,
)
from bottlenet_tf.evaluation.cloud_only import CloudPoint, cloud_only
from bottlenet_tf.evaluation.comparison import add_tuned
from bottlenet_tf.evaluation.environment import versions
from bottlenet_tf.evaluation.identity import (
    payload_format,
    unit_id,
    weights_sha256,
)
from bottlenet_tf.evaluation.image_codecs import usable_codec
from bottlenet_tf.evaluation.mosaic import plane_mosaic
from bottlenet_tf.evaluation.plots import (
    plot_aware_against_naive,
    plot_rate_accuracy,
    plot_samples,
)
from bottlenet_tf.evaluation.report import (
    Measured,
    build_report,
    write_report,
)
from bottlenet_tf.evaluation.split import (
    Curve,
    SplitResult,
    evaluate_codecs,
    evaluate_split,
)
from bottlenet_tf.evaluation.table import markdown_table, of_unseen
from bottlenet_tf.evaluation.wire_path import WirePath

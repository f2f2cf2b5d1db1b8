"""Accuracy and size from real bytes, what they must beat, and reports."""

from bottlenet_tf.common.run_folders import choosing_figures, load_report
from bottlenet_tf.evaluation.accuracy import network_accuracy
from bottlenet_tf.evaluation.baselines import (
    Baselines,
    LabelOnly,
    RawFeatures,
    label_only,
    measure_baselines,
    raw_features,
)
from bottlenet_tf.evaluation.cache import (
    baseline_key,
    load_or_measure_baselines,
)
from bottlenet_tf.evaluation.cloud_only import CloudPoint, cloud_only
from bottlenet_tf.evaluation.comparison import add_tuned
from bottlenet_tf.evaluation.environment import versions
from bottlenet_tf.evaluation.identity import (
    model_digest,
    payload_format,
    unit_id,
    weights_sha256,
)
from bottlenet_tf.evaluation.image_codecs import (
    IMAGE_CODECS,
    missing_codecs,
    usable_codec,
    usable_codecs,
)
from bottlenet_tf.evaluation.matching import Match, matched_bytes
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
    SizeSummary,
    SplitResult,
    evaluate_codecs,
    evaluate_split,
    summarize,
)
from bottlenet_tf.evaluation.table import markdown_table, of_unseen
from bottlenet_tf.evaluation.wire_path import (
    WirePath,
    encode_to_payloads,
    predict_payloads,
)

__all__ = [
    "IMAGE_CODECS",
    "Baselines",
    "CloudPoint",
    "Curve",
    "LabelOnly",
    "Match",
    "Measured",
    "RawFeatures",
    "SizeSummary",
    "SplitResult",
    "WirePath",
    "add_tuned",
    "baseline_key",
    "build_report",
    "choosing_figures",
    "cloud_only",
    "encode_to_payloads",
    "evaluate_codecs",
    "evaluate_split",
    "label_only",
    "load_or_measure_baselines",
    "load_report",
    "markdown_table",
    "matched_bytes",
    "measure_baselines",
    "missing_codecs",
    "model_digest",
    "network_accuracy",
    "of_unseen",
    "payload_format",
    "plane_mosaic",
    "plot_aware_against_naive",
    "plot_rate_accuracy",
    "plot_samples",
    "predict_payloads",
    "raw_features",
    "summarize",
    "unit_id",
    "usable_codec",
    "usable_codecs",
    "versions",
    "weights_sha256",
    "write_report",
]

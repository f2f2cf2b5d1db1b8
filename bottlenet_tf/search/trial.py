"""One trial, from what is asked for to what it reached."""

from bottlenet_tf.search import trial_folder
from bottlenet_tf.search.trials import Point


def run(folder):
    """Trains and measures what a trial's folder asks for.

    Killed, it goes on from its checkpoint when it is started again.

    Args:
        folder: As `trial_folder.write_request` made it.

    Raises:
        Whatever training raises.
    """
    from bottlenet_tf import evaluation, training
    from bottlenet_tf.codec import create_codec

    config, qualities = trial_folder.read_request(folder)
    report = training.run(config)
    own = Point(
        config.unit.quality, report["wire_bytes_mean"], report["accuracy"]
    )
    points = {own.quality: own}
    others = [quality for quality in qualities if quality != own.quality]
    if others:
        results = evaluation.evaluate_codecs(
            training.load_model(config.workdir),
            training.load_data(config).validation,
            [create_codec(config.unit.codec, quality=q) for q in others],
        )
        for quality, result in zip(others, results, strict=True):
            points[quality] = Point(
                quality, float(result.wire_bytes.mean()), result.accuracy
            )
    trial_folder.write_outcome(
        folder, [points[quality] for quality in qualities], report["training"]
    )

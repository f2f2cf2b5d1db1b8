"""One trial, in a process of its own: `python -m bottlenet_tf.search.trial`."""

import os
import sys
import threading

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
    model = training.load_model(config.workdir)
    dataset = training.load_data(config)
    points = []
    for quality in qualities:
        if quality == config.unit.quality:
            size, accuracy = report["wire_bytes_mean"], report["accuracy"]
        else:
            codec = create_codec(config.unit.codec, quality=quality)
            result = evaluation.evaluate_split(model, dataset, codec=codec)
            size, accuracy = float(result.wire_bytes.mean()), result.accuracy
        points.append(Point(quality, size, accuracy))
    spent = report["training"]
    trial_folder.write_outcome(
        folder, points, spent["examples"], spent["seconds"]
    )


def _die_with_the_parent():
    """Ends this process when the one that holds its standard input does."""
    while os.read(0, 1):
        pass
    os._exit(1)


def main():
    """Entry point; the only argument is the folder."""
    threading.Thread(target=_die_with_the_parent, daemon=True).start()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    run(sys.argv[1])


if __name__ == "__main__":
    main()

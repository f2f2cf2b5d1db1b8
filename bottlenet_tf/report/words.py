"""The words that a report uses and doesn't explain where it uses them."""

from bottlenet_tf.report import markup

_WORDS = (
    (
        "unit",
        "What is put into a split network: it shrinks the feature on the "
        "device, and restores it on the server.",
    ),
    ("c'", "Channels that the unit sends; the feature has more."),
    (
        "s",
        "Stride of the unit: what it sends is lower and narrower than the "
        "feature by this factor.",
    ),
    ("q", "Quality of the codec, from 1 to 100; more of it takes more bytes."),
    (
        "wire bytes",
        "What the codec made of one image, and the payload's header of 6 bytes "
        "with its checksum; 8 if each image has its own range.",
    ),
    (
        "operating point",
        "What moves a unit along its curve of bytes and accuracy: the codec's "
        "quality, or a learned unit's rate. Payloads name it by its number.",
    ),
    (
        "BD-rate",
        "Bjøntegaard's: by how many percent the bytes of two curves differ at "
        "the same accuracy, in the mean over the accuracies that both reach.",
    ),
    (
        "wire B for … %",
        "Read off the split's curve between its measured points. A device "
        "sends one of these.",
    ),
    (
        "% in … ms",
        "The same the other way round: the accuracy that just keeps the "
        "deadline.",
    ),
    (
        "on air",
        "Wire bytes, and what the message that carries them takes: headers of "
        "HTTP or gRPC, TCP and IP. Time and energy of sending are those of all "
        "these bytes. Opening a connection isn't counted, nor are further "
        "packets of what one can't hold.",
    ),
    (
        "break-even RTT",
        "The round trip above which mobile-only takes less of what was asked "
        "for. Always: at any; never: at none; –: nothing is sent, or "
        "mobile-only was not measured.",
    ),
    (
        "chosen",
        "The split and operating point that takes the least of what was asked "
        "for (time, energy or a weighted sum), or reaches the most accuracy "
        "within a deadline, and that no limit refuses. It is chosen by figures "
        "on validation images; the next finer point must keep to the least "
        "accuracy, too, so that one lucky measurement doesn't win alone.",
    ),
    (
        "on the front",
        "Pareto front: no other acceptable point of any split is as good in "
        "time, energy, accuracy and wire bytes, and better in one of them.",
    ),
    ("reference", "Not a split with a unit, but what one must beat."),
    ("mobile-only", "The device computes all of it and sends nothing."),
    (
        "label-only",
        "The device computes all of it and sends the answer: no method sends "
        "fewer bytes.",
    ),
    (
        "cloud-only, best",
        "The image is sent as a JPEG file of the highest quality that was "
        "measured, and the server computes all of it.",
    ),
    (
        "cloud-only, tuned",
        "The same as matched, with a network that was tuned for images of that "
        "codec.",
    ),
    (
        "cloud-only, matched",
        "The same, with the image codec and quality that take the fewest "
        "bytes at which no more accuracy is lost than a unit may lose.",
    ),
    (
        "raw",
        "A split without a unit: the feature itself is sent, in 8 bits and "
        "deflated.",
    ),
)


def listed():
    """Returns them as HTML."""
    return markup.definitions([(word, "", [told]) for word, told in _WORDS])

"""Units' payloads and image files, sent to different models of one server."""

from bottlenet_tf.link.transport import BadAnswer, Transport


class Message(bytes):
    """The bytes of a payload or of an image file.

    Attributes:
        classes: Class names, in the order of the answer's indices.
        output: Kind of the outputs; see `runtime.outputs`.
        unit: Its name; None for an image file.
        point: Index of the operating point; None for an image file.
        is_image: Whether it is an image file.
        unit_id: Identity of the network that must answer an image file; None
            for any.
    """

    classes = ()
    output = "softmax"
    unit = point = unit_id = None
    is_image = False


def payload(data, classes, point, unit=None, output="softmax"):
    """Returns the `Message` of a unit's payload."""
    message = Message(data)
    message.output = output
    message.classes, message.point, message.unit = classes, point, unit
    return message


def image_file(data, classes, unit_id=None, output="softmax"):
    """Returns the `Message` of an image file."""
    message = Message(data)
    message.output = output
    message.classes, message.is_image = classes, True
    message.unit_id = unit_id
    return message


class ByKind(Transport):
    """Sends each `Message` to the model that reads it.

    Answers with an unknown class, and those of another network to an image
    file, are refused.

    Args:
        units: `Transport` to the model of the units.
        images: `Transport` to one of image files, or None.
    """

    def __init__(self, units, images=None):
        self._units, self._images = units, images
        self._used = units

    @property
    def overhead_bytes(self):
        """See `Transport`; for payloads."""
        return self._units.overhead_bytes

    @property
    def connect_ms(self):
        return self._used.connect_ms

    @property
    def is_open(self):
        """See `Transport`; whether that of payloads is open."""
        return self._units.is_open

    def ask(self, message, deadline, request_id):
        is_image = getattr(message, "is_image", False)
        self._used = self._images if is_image else self._units
        answer = self._used.ask(message, deadline, request_id)
        wanted = getattr(message, "unit_id", None)
        if None not in (wanted, answer.unit_id) and answer.unit_id != wanted:
            raise BadAnswer("The answer is from another network.")
        classes = getattr(message, "classes", ())
        if classes and answer.status == "ok":
            for index in [answer.index] + [i for i, _ in answer.top]:
                if not 0 <= index < len(classes):
                    raise BadAnswer(
                        "An answer must be a class of the network. "
                        "Received: {} of {}".format(index, len(classes))
                    )
        return answer

    def interrupt(self):
        self._used.interrupt()

    def close(self):
        self._units.close()
        if self._images is not None:
            self._images.close()

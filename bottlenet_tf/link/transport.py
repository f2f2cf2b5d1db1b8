"""The interface of every transport: one payload in, one answer out."""

from typing import NamedTuple, Optional, Tuple


class Answer(NamedTuple):
    """A server's answer to one payload.

    Attributes:
        index: Of the class; -1 if the payload failed.
        label: Its name; "" if the server sends none.
        top: Pairs of class index and probability, most probable first; empty
            if the server sends none.
        status: "ok", or why the payload failed.
        computed_ms, queued_ms: At the server; None if it doesn't report them.
        unit_id: Identity of the unit that decoded it; None if not reported.
        request_id: Of the question.
        received_bytes: Of the answer, headers included.
    """

    index: int
    label: str
    top: Tuple
    status: str
    computed_ms: Optional[float]
    queued_ms: Optional[float]
    unit_id: Optional[int]
    request_id: str
    received_bytes: int


class LinkError(Exception):
    """No usable answer; the image must be answered locally."""


class Missed(LinkError):
    """No answer in time."""


class Unreachable(Missed):
    """No connection, or it broke."""


class Refused(LinkError):
    """The server is too busy.

    Attributes:
        retry_after_s: When it asks to be asked again; None if it doesn't say.
    """

    def __init__(self, message, retry_after_s=None):
        super().__init__(message)
        self.retry_after_s = retry_after_s


class BadAnswer(LinkError):
    """A malformed or too large answer, or one to another question."""


class Transport:
    """Carries payloads to one served model; one call at a time.

    After any `LinkError` but `Refused` the connection is closed, so that a
    late answer can't be taken for the next one's.
    """

    #: Bytes on the air of a question beyond its payload.
    overhead_bytes = 0
    #: How long opening the connection took in the last `ask`, in ms; None if
    #: it was open, or if that isn't known.
    connect_ms = None
    #: Whether a connection is open, as far as this side knows.
    is_open = False

    def ask(self, payload, deadline, request_id):
        """Returns the `Answer` to a payload.

        Args:
            payload: Bytes.
            deadline: Until when to wait, in seconds of `time.monotonic`.
            request_id: Text of printable ASCII that names the question.

        Raises:
            Missed: if there is no answer by the deadline.
            Unreachable: if there is no connection, or it broke.
            Refused: if the server is too busy.
            BadAnswer: if the answer is malformed, too large or to another
                question.
        """
        raise NotImplementedError

    def interrupt(self):
        """Ends a question under way, which is then `Missed`.

        The one call that may come from another thread. A transport that
        can't do it lets the question run to its deadline.
        """

    def close(self):
        """Closes the connection; the next question opens one."""

    def _exchange(self, question, deadline):
        """Returns the response to a question, both as a subclass has them."""
        raise NotImplementedError

    def _asked(self, question, deadline, understand):
        """Returns `understand(response)`; any failure but a refusal closes."""
        try:
            return understand(self._exchange(question, deadline))
        except Refused:
            raise
        except BaseException:  # Whatever it was, an answer may be under way.
            self.close()
            raise

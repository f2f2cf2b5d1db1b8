"""The interface of every transport: one payload in, one answer out."""

from typing import NamedTuple, Optional, Tuple


class Answer(NamedTuple):
    """A server's answer to one payload.

    Attributes:
        index: Index of the class; -1 if the payload failed.
        label: Its name; "" if the server sends none.
        top: Pairs of class index and probability, most probable first; empty
            if the server sends none.
        status: "ok", or why the payload failed.
        computed_ms, queued_ms: Times at the server; None if not reported.
        unit_id: Identity of the unit that decoded it; None if not reported.
        request_id: Identifier of the question.
        received_bytes: Bytes of the answer, with headers.
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
        retry_after_s: Requested wait; None if not stated.
    """

    def __init__(self, message, retry_after_s=None):
        super().__init__(message)
        self.retry_after_s = retry_after_s


class BadAnswer(LinkError):
    """A malformed or too large answer, or one to another question."""


class Transport:
    """Carries payloads to one served model; one call at a time.

    After any `LinkError` except `Refused` the connection is closed, so that a
    late answer can't be taken for the next one.
    """

    #: Bytes on the air of a question besides its payload.
    overhead_bytes = 0
    #: Time of opening the connection in the last `ask`, in ms; None if it was
    #: open, or if unknown.
    connect_ms = None
    #: Whether a connection is open, as far as this side knows.
    is_open = False

    def ask(self, payload, deadline, request_id):
        """Returns the `Answer` to a payload.

        Args:
            deadline: End of waiting, in seconds of `time.monotonic`.
            request_id: Identifier of the question, printable ASCII.

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

        The only call allowed from another thread. A transport without it lets
        the question run to its deadline.
        """

    def close(self):
        """Closes the connection; the next question opens one."""

    def _exchange(self, question, deadline):
        """Returns the response to a question, both in a subclass's form."""
        raise NotImplementedError

    def _asked(self, question, deadline, understand):
        """Returns `understand(response)`; any failure but a refusal closes."""
        try:
            return understand(self._exchange(question, deadline))
        except Refused:
            raise
        except BaseException:  # After any error, an answer may be under way.
            self.close()
            raise

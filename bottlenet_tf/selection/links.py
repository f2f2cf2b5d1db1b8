"""The link between device and server: the cost of sending."""

import dataclasses
import math

from bottlenet_tf.common.validation import check


@dataclasses.dataclass(frozen=True)
class Transport:
    """A way to send a payload."""

    num_bytes: int  # Of one request on the air besides the payload.
    about: str


# Measured at IP level, headers of IP and TCP included: one request on an open
# connection, without TLS (27 B more). Each further packet of a long payload
# takes about 40 B more; these aren't counted, in favour of the choice that
# sends most.
TRANSPORTS = {
    "http_raw": Transport(
        154, "HTTP with the payload as its body (Triton), sent in one piece"
    ),
    "grpc": Transport(170, "KServe v2 over gRPC (Triton)"),
    "tf_serving": Transport(
        186, "TF Serving's Predict over gRPC (169 to 186 were seen)"
    ),
    "grpc_stream": Transport(205, "KServe v2 over a gRPC stream"),
    "http_client": Transport(
        250, "HTTP by Python's http.client: head and body in two packets"
    ),
    "http_json": Transport(382, "HTTP with a JSON header (KServe v2)"),
}
# The least that a real request takes.
DEFAULT_TRANSPORT = "http_raw"


def message_overhead_bytes(given):
    """Returns the bytes of a message besides its payload.

    `given` is a name of `TRANSPORTS`, or a number; 0 as in the paper.
    """
    if given in TRANSPORTS:
        return float(TRANSPORTS[given].num_bytes)
    try:
        value = float(given)
    except ValueError:
        value = math.nan
    check(
        0 <= value < math.inf,
        "--message_overhead must be a number of bytes, finite and not "
        f"negative, or one of {', '.join(TRANSPORTS)}.",
        message_overhead=given,
    )
    return value


@dataclasses.dataclass(frozen=True)
class Link:
    """Time and device energy of sending and waiting.

    uplink_ms = 8 (num_bytes + message_overhead_bytes) / (1000 uplink_mbps)
    uplink_mw = alpha uplink_mbps + beta

    The paper counts only the payload on the up-link: message overhead, round
    trip, down-link and the power of waiting are zero unless given.

    Reference:
        Eshratifar, Esmaili, Pedram, 2019, arXiv:1902.01000, section 3.1 and
        table 3.
    """

    name: str  # E.g. "3g".
    uplink_mbps: float  # 10^6 bit/s.
    # The radio's power grows with the rate from beta; None if unknown.
    alpha_mw_per_mbps: float | None = None
    beta_mw: float | None = None
    rtt_ms: float = 0.0  # Paid once for an answer.
    downlink_mbps: float | None = None  # None leaves the answer's time out.
    answer_bytes: int = 4  # With its message.
    waiting_mw: float = 0.0  # From the last byte sent to the answer.
    message_overhead_bytes: float = 0.0  # See `TRANSPORTS`.

    def __post_init__(self):
        for name in ("uplink_mbps", "downlink_mbps"):
            value = getattr(self, name)
            check(
                value is None or 0 < value < math.inf,
                f"--{name} must be positive and finite: it is a rate in 10^6 "
                "bit/s.",
                **{name: value, "link": self.name},
            )
        for name in (
            "alpha_mw_per_mbps", "beta_mw", "rtt_ms", "answer_bytes",
            "waiting_mw", "message_overhead_bytes",
        ):  # fmt: skip
            value = getattr(self, name)
            check(
                value is None or 0 <= value < math.inf,
                f"--{name} must be finite and not negative.",
                **{name: value, "link": self.name},
            )
        check(
            (self.alpha_mw_per_mbps is None) == (self.beta_mw is None),
            "--alpha_mw_per_mbps and --beta_mw must both be given, or neither: "
            "together they are the radio's power.",
            alpha_mw_per_mbps=self.alpha_mw_per_mbps,
            beta_mw=self.beta_mw,
            link=self.name,
        )

    def on_air_bytes(self, num_bytes):
        """Bytes on the air of a message with these wire bytes."""
        return num_bytes + self.message_overhead_bytes

    def uplink_ms(self, num_bytes):
        """Time to send a message of these wire bytes, in ms."""
        return 8e-3 * self.on_air_bytes(num_bytes) / self.uplink_mbps

    def wire_bytes_in(self, time_ms):
        """Wire bytes that can be sent in this time; below 0 if none."""
        return time_ms * self.uplink_mbps / 8e-3 - self.message_overhead_bytes

    @property
    def uplink_mw(self):
        """Power while sending; None if its coefficients are unknown."""
        if self.beta_mw is None:
            return None
        return self.alpha_mw_per_mbps * self.uplink_mbps + self.beta_mw

    @property
    def answer_ms(self):
        """Time of the round trip and the answer's down-link, in ms."""
        if self.downlink_mbps is None:
            return self.rtt_ms
        return self.rtt_ms + 8e-3 * self.answer_bytes / self.downlink_mbps

    def scaled(self, factor):
        """The same link at `factor` times its rates."""
        down = self.downlink_mbps
        return dataclasses.replace(
            self,
            uplink_mbps=self.uplink_mbps * factor,
            downlink_mbps=None if down is None else down * factor,
        )


# Table 3 of the paper, which doesn't count messages.
NAMED = {
    "3g": Link("3g", 1.1, 868.98, 817.88),
    "4g": Link("4g", 5.85, 438.39, 1288.04),
    "wifi": Link("wifi", 18.88, 283.17, 132.86),
}


def named(name):
    """Returns one of `NAMED`."""
    check(
        name in NAMED,
        f"A network must be one of {', '.join(NAMED)}; any other is given by "
        "--uplink_mbps.",
        network=name,
    )
    return NAMED[name]

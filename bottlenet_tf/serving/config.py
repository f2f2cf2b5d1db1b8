"""What a server is asked to be: a frozen dataclass that checks itself."""

import dataclasses
import os

from bottlenet_tf.validation import (
    check,
    check_at_least,
    check_choice,
    check_named,
    check_types,
)

ENGINES = ("triton", "tf_serving", "inprocess")


@dataclasses.dataclass(frozen=True)
class ServerConfig:
    """One server. `bottlenet-cloud --help` explains every field."""

    deploy: tuple[str, ...]
    engine: str = "triton"
    host: str = "127.0.0.1"
    http_port: int = 8000
    grpc_port: int = 8001
    metrics_port: int | None = None
    grpc_tls_cert: str | None = None
    grpc_tls_key: str | None = None
    poll_seconds: int = 0
    max_message_mb: int = 16
    program: str | None = None
    python: str | None = None

    def __post_init__(self):
        check_types(self)
        check(
            bool(self.deploy) and all(self.deploy),
            "At least one deployment folder must be given; export.py makes "
            "them.",
            deploy=self.deploy,
        )
        for deploy in self.deploy:
            check(
                os.path.isdir(deploy),
                "The deployment folder must exist; export.py makes one.",
                deploy=deploy,
            )
        check_choice("engine", self.engine, ENGINES)
        check_named(host=self.host)
        check_at_least(0, poll_seconds=self.poll_seconds)
        check_at_least(1, max_message_mb=self.max_message_mb)
        check(
            (self.grpc_tls_cert is None) == (self.grpc_tls_key is None),
            "--grpc_tls_cert and --grpc_tls_key go together.",
            grpc_tls_cert=self.grpc_tls_cert,
            grpc_tls_key=self.grpc_tls_key,
        )
        for name in ("grpc_tls_cert", "grpc_tls_key"):
            path = getattr(self, name)
            check(
                path is None or os.path.isfile(path),
                f"--{name} must be a file in PEM format.",
                **{name: path},
            )

    @property
    def has_tls(self):
        """Whether gRPC is encrypted."""
        return self.grpc_tls_cert is not None

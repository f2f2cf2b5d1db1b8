"""A server's settings: a frozen dataclass that checks itself."""

import dataclasses
import os

from bottlenet_tf.common.settings import Settings, setting
from bottlenet_tf.common.validation import check

ENGINES = ("triton", "tf_serving", "inprocess")


@dataclasses.dataclass(frozen=True)
class ServerConfig(Settings):
    """One server. `bottlenet-cloud --help` explains every field."""

    deploy: tuple[str, ...]
    engine: str = setting(
        "triton",
        "The engine: Triton, TF Serving, or a stand-in for TF Serving in "
        "Python, for development.",
        choices=ENGINES,
    )
    host: str = setting(
        "127.0.0.1",
        "Address to listen on; 0.0.0.0 lets other machines in, without a "
        "password.",
    )
    http_port: int = setting(8000, "TCP port of HTTP; 0 takes a free one.")
    grpc_port: int = setting(8001, "TCP port of gRPC; 0 takes a free one.")
    metrics_port: int | None = setting(
        None, "TCP port of Triton's metrics for Prometheus; unset: none."
    )
    grpc_tls_cert: str | None = setting(
        None,
        "Certificate (PEM) that encrypts gRPC; with a certificate, Triton's "
        "HTTP stays on this machine.",
    )
    grpc_tls_key: str | None = setting(None, "Its private key (PEM).")
    poll_seconds: int = setting(
        0,
        "Seconds between Triton's checks for versions added to or removed from "
        "the deployment's cloud/triton; 0: no checks.",
        least=0,
    )
    max_message_mb: int = setting(
        16, "Most MiB of one request, if the engine can limit it.", least=1
    )
    edited_config: bool = setting(
        False,
        "Accept config.pbtxt, models.config and batching.config edited since "
        "the export; all other files must be as exported.",
    )
    program: str | None = setting(
        None,
        "Path of `tritonserver` or `tensorflow_model_server`; unset: that in "
        "PATH.",
    )
    python: str | None = setting(
        None,
        "Python of an environment with nvidia-pytriton, whose Triton is used; "
        "unset and with none in PATH: that of $BOTTLENET_SERVING_VENV or "
        ".venv-serving.",
    )

    def check_together(self):
        check(
            bool(self.deploy),
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

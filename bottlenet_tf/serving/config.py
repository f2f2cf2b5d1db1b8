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
        "What serves: Triton, TF Serving, or a stand-in for TF Serving in "
        "Python, for development.",
        choices=ENGINES,
    )
    host: str = setting(
        "127.0.0.1",
        "Address to listen on; 0.0.0.0 lets other machines in, who are asked "
        "for no password.",
    )
    http_port: int = setting(8000, "TCP port of HTTP; 0 takes a free one.")
    grpc_port: int = setting(8001, "TCP port of gRPC; 0 takes a free one.")
    metrics_port: int | None = setting(
        None, "TCP port of Triton's metrics for Prometheus; none if not given."
    )
    grpc_tls_cert: str | None = setting(
        None,
        "Certificate (PEM) by which gRPC is encrypted; with a certificate, "
        "Triton's HTTP stays on this machine.",
    )
    grpc_tls_key: str | None = setting(None, "Its private key (PEM).")
    poll_seconds: int = setting(
        0,
        "How often Triton looks for versions that were added to the "
        "deployment's cloud/triton, or taken away; 0 for never.",
        least=0,
    )
    max_message_mb: int = setting(
        16, "Most MiB of one request, where the engine can be told.", least=1
    )
    edited_config: bool = setting(
        False,
        "Accept config.pbtxt, models.config and batching.config that were "
        "edited since the export; all other files must be as exported.",
    )
    program: str | None = setting(
        None,
        "Path of `tritonserver` or `tensorflow_model_server`; that in PATH if "
        "not given.",
    )
    python: str | None = setting(
        None,
        "Python of an environment with nvidia-pytriton, whose Triton is "
        "taken; if not given and none is in PATH, that of "
        "$BOTTLENET_SERVING_VENV or .venv-serving.",
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

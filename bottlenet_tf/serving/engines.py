"""Engines by name, and one server's life from flags to its end."""

import pathlib
import shutil
import tempfile

from bottlenet_tf.serving import tf_serving, triton, triton_wheel
from bottlenet_tf.serving.supervisor import Supervisor

_LAUNCHES = {
    "triton": triton.launch,
    "tf_serving": tf_serving.launch,
    "inprocess": tf_serving.launch_stand_in,
}


def serve(config, timing, on_supervisor, report=print, echo=None):
    """Serves until the supervisor is stopped.

    Args:
        on_supervisor: Function of the `Supervisor`, called before it runs, so
            that the caller can stop it.
        report, echo: As in `Supervisor`.
    """
    with tempfile.TemporaryDirectory(prefix="bottlenet-cloud-") as folder:
        launch = _LAUNCHES[config.engine](config, pathlib.Path(folder))
        supervisor = Supervisor(launch, timing, report, echo)
        on_supervisor(supervisor)
        supervisor.run()


def has_triton():
    """Whether a Triton can be found without --program or --python."""
    found = shutil.which(triton.PROGRAM) or triton_wheel.usual_python()
    return found is not None

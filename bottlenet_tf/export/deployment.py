"""The files that all runs of one deployment share, and its identity."""

from bottlenet_tf.common.json_file import write_json
from bottlenet_tf.evaluation import payload_format
from bottlenet_tf.export import (
    device_files,
    plan_file,
    saved_model,
    staging,
    triton,
)
from bottlenet_tf.export.guide import guide
from bottlenet_tf.export.manifest import build_manifest, write_parts
from bottlenet_tf.export.plan_file import PlanFile
from bottlenet_tf.runtime import routes, served, triton_model, unit_file
from bottlenet_tf.runtime.tails import Tails


class Deployment:
    """A deployment in the making, run by run."""

    def __init__(self, config, folder, names):
        self.repository = triton.Repository(folder / "cloud" / "triton", config)
        self._config = config
        self._folder = folder
        self._formats = {}
        self._plan = None
        if config.plan is not None:
            self._plan = PlanFile(config.plan)
            self._plan.check_names(names)

    def add(self, run):
        """Adds a `FinishedRun`'s unit, before the work on its files."""
        message = payload_format(run.model)
        self._formats[run.name] = message
        routes.build(self._formats)
        if self._plan is not None:
            if run.adapted is not None:
                before = run.report["unit_id"]
                self._plan.adapt(run.name, before, message, run.adapted)
            self._plan.check_unit(run.name, message)

    def finish(self, models, wholes):
        """Writes the files that the runs share; returns the manifest."""
        config, folder = self._config, self._folder
        identity = served.of_units(
            config.served_name,
            {name: unit.unit_id for name, unit in self._formats.items()},
        )
        if wholes.served_version is not None:
            identity = identity._replace(
                image_model=config.image_model,
                image_version=wholes.served_version,
            )
        if config.onnx:
            version = self.repository.finish(identity.version)
            # All at once, as in the server.
            Tails.load(
                version / triton_model.UNITS, threads=config.server_threads
            )
        for side in ("edge", "cloud"):
            write_json(folder / side / served.NAME, identity.content())
        device_files.copy_sending_program(folder / "edge")
        device_files.write_wheel(folder / "edge")
        device_files.copy_package(folder / "cloud", compiled=True)
        if self._plan is not None:
            write_json(folder / "edge" / plan_file.NAME, self._plan.content)
        names = [model["name"] for model in models]
        texts = {
            "cloud/serving/models.config": saved_model.models_config(names),
            "cloud/serving/batching.config": saved_model.batching_config(
                config
            ),
            "README.md": guide(config, models, wholes.entries, identity),
        }
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
        write_parts(folder)
        files = staging.checksums(folder)
        manifest = build_manifest(
            config, models, wholes.entries, identity, files
        )
        write_json(folder / unit_file.MANIFEST, manifest)
        return manifest

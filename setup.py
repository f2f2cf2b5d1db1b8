"""Package metadata of bottlenet_tf."""

import pathlib
import shutil

from setuptools import Extension, find_packages, setup
from setuptools.command.build_py import build_py


class BuildWithFlagfiles(build_py):
    """Carries flags/ as bottlenet_tf/flags, where `--flagfile` finds it."""

    def run(self):
        super().run()
        if not self.editable_mode:
            folder = pathlib.Path(self.build_lib, "bottlenet_tf", "flags")
            shutil.copytree("flags", folder, dirs_exist_ok=True)


setup(
    name="bottlenet_tf",
    version="0.1.0",
    description="Split computing for TensorFlow: train, measure and deploy "
    "networks cut in two by a learned bottleneck.",
    packages=find_packages(include=["bottlenet_tf", "bottlenet_tf.*"]),
    # Without a compiler the package is installed all the same: the range coder
    # has a plain form. Of the limited API, 3.11's is the first with buffers.
    ext_modules=[
        Extension(
            "bottlenet_tf.codec._range_coder",
            ["bottlenet_tf/codec/_range_coder.c"],
            define_macros=[("Py_LIMITED_API", "0x030B0000")],
            py_limited_api=True,
            optional=True,
        )
    ],
    python_requires=">=3.11",
    install_requires=[
        "absl-py>=2.1",
        "ai-edge-litert>=2.0",
        "grpcio>=1.70",
        "imagecodecs>=2024.6.1",
        # TFDS imports it without asking for it.
        "importlib_resources>=6.0",
        "jinja2>=3.1",
        "keras>=3.13",
        "matplotlib>=3.8",
        "msgspec>=0.20",
        "numpy>=2.0",
        "onnx>=1.17",
        "onnxruntime>=1.20",
        "pillow>=11.3",
        "scikit-learn>=1.5",
        "scipy>=1.13",
        "tensorboard>=2.20",
        "tensorflow>=2.20",
        "tensorflow-datasets>=4.9.9",
        "tensorflow-serving-api>=2.19",
        "tf2onnx>=1.17",
        "tqdm>=4.66",
    ],
    cmdclass={"build_py": BuildWithFlagfiles},
    package_data={
        "bottlenet_tf.export": ["*.json", "templates/*"],
        "bottlenet_tf.report": ["templates/*"],
    },
    extras_require={
        "search": ["ray>=2.50"],
        "dev": [
            "pytest>=8.0",
            "pytest-xdist>=3.6",
            "ruff>=0.14",
            "vermin>=1.6",
        ],
    },
    entry_points={
        "console_scripts": [
            "bottlenet-adapt=bottlenet_tf.cli.adapt:main",
            "bottlenet-cloud=bottlenet_tf.cli.cloud:main",
            "bottlenet-edge=bottlenet_tf.edge.program:main",
            "bottlenet-cuts=bottlenet_tf.cli.cuts:main",
            "bottlenet-evaluate=bottlenet_tf.cli.evaluate:main",
            "bottlenet-export=bottlenet_tf.cli.export:main",
            "bottlenet-link=bottlenet_tf.cli.link:main",
            "bottlenet-pareto=bottlenet_tf.cli.pareto:main",
            "bottlenet-profile=bottlenet_tf.cli.profiling:main",
            "bottlenet-replay=bottlenet_tf.cli.replay:main",
            "bottlenet-report=bottlenet_tf.cli.report:main",
            "bottlenet-search=bottlenet_tf.cli.search:main",
            "bottlenet-select=bottlenet_tf.cli.selecting:main",
            "bottlenet-serve=bottlenet_tf.cli.serve:main",
            "bottlenet-train=bottlenet_tf.cli.train:main",
        ]
    },
)

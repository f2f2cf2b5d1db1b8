"""The user's own layers, which a `.keras` file names but doesn't contain."""

import functools
import importlib
import importlib.util
import os
import pathlib
import sys

import keras


def import_all(sources):
    """Imports modules or files, so that Keras knows the layers in them.

    Layers needn't be registered: all classes and functions that a module
    defines or imports are known by their names. Modules next to a file, or in
    the current directory, are found, too.
    """
    known = keras.saving.get_custom_objects()
    for source in sources:
        for name, value in vars(_imported(source)).items():
            if callable(value) and not name.startswith("__"):
                known.setdefault(name, value)


def _imported(source):
    try:
        if source.endswith(".py"):
            path = pathlib.Path(source).expanduser().resolve(strict=True)
            return _from_file(path)
        _find_in(os.getcwd())
        return importlib.import_module(source)
    except Exception as error:  # The user's code may raise anything.
        raise ValueError(
            "--import must name a module, or a .py file, that can be imported: "
            f"{type(error).__name__}: {error}. Received: import={source!r}"
        ) from error


@functools.cache
def _from_file(path):
    _find_in(str(path.parent))
    name = path.stem
    while name in sys.modules or name in sys.stdlib_module_names:
        name += "_"  # Another module's.
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _find_in(folder):
    if folder not in sys.path:
        sys.path.append(folder)  # The program's own modules come first.

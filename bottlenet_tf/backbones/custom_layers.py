"""Layers of the user's own, which a `.keras` file names but doesn't hold."""

import importlib
import importlib.util
import pathlib
import sys

import keras


def import_all(sources):
    """Imports modules or files, so that Keras knows the layers in them.

    Layers needn't be registered: all layer classes that a module defines are
    known by their names, and so are its functions, as activations.

    Args:
        sources: Names of modules, or paths of `.py` files.

    Raises:
        ValueError: if one can't be imported; the message says why.
    """
    for source in sources:
        known = keras.saving.get_custom_objects()
        for name, value in vars(_imported(source)).items():
            is_own = getattr(value, "__module__", None) == _module_name(source)
            is_layer = isinstance(value, type) and issubclass(
                value, keras.layers.Layer
            )
            if is_own and callable(value) and (is_layer or _is_function(value)):
                known.setdefault(name, value)


def _is_function(value):
    return not isinstance(value, type)


def _module_name(source):
    return pathlib.Path(source).stem if source.endswith(".py") else source


def _imported(source):
    name = _module_name(source)
    if name in sys.modules:
        return sys.modules[name]
    try:
        if not source.endswith(".py"):
            # As `python -m` would find it; a program's own folder comes first.
            sys.path.append("")
            try:
                return importlib.import_module(name)
            finally:
                sys.path.remove("")
        path = pathlib.Path(source).expanduser().resolve(strict=True)
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
        return module
    except Exception as error:  # Whatever the user's code raises.
        raise ValueError(
            "--import must name a module, or a .py file, that can be imported: "
            f"{type(error).__name__}: {error}. Received: import={source!r}"
        ) from error

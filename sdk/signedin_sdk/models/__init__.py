"""Contains all the data models used in inputs/outputs; `__init__.pyi` says which"""

from importlib import import_module


# PEP 562: importing this package imports no model, and not even their names.
def __getattr__(name: str) -> object:
    from ._modules import MODULES

    if name == "__all__":
        return tuple(MODULES)
    if name not in MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{MODULES[name]}", __name__), name)


def __dir__() -> list[str]:
    from ._modules import MODULES

    return sorted({*globals(), *MODULES})

"""gpupipe: pipelines from tables to models, declared once, run on one CPU, many, or GPUs.

Names are loaded when they are first used, so that importing the package loads no dataframe library. Which names there are, and where, is
said once, in `__init__.pyi`, which type checkers and editors read, too.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any


def _addresses() -> dict[str, str]:
    """Return the module of each name."""
    stub = Path(__file__).with_suffix(".pyi").read_text(encoding="utf-8")
    lines = (line.split() for line in stub.splitlines() if line.startswith("from gpupipe."))
    return {words[3]: words[1] for words in lines}  # from MODULE import NAME as NAME


_ADDRESSES = _addresses()
__all__ = sorted(_ADDRESSES)  # noqa: PLE0605
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name not in _ADDRESSES:
        from gpupipe.core.errors import nearest  # local: a face that is used as it should be needs no suggestions

        near = "" if name.startswith("_") else nearest(name, __all__)  # such names are asked for by tools, and often
        msg = f"module 'gpupipe' has no attribute {name!r}.{near}"
        raise AttributeError(msg, name=name, obj=None)
    value = getattr(import_module(_ADDRESSES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])

"""Clusters that a function of the user's makes: how Slurm, Kubernetes and all else that Dask has a cluster object for come in."""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from pathlib import Path
from typing import Any

import distributed
from distributed.deploy.cluster import Cluster

from gpupipe.core.errors import ClusterError, UsageError, listing, nearest

_FILE = re.compile(r"(?P<file>.+\.py):(?P<function>\w+)")
_MODULE = re.compile(r"(?P<module>[A-Za-z_][\w.]*):(?P<function>[A-Za-z_]\w*)")


def is_factory(text: str) -> bool:
    """Return whether a text names a function that makes a cluster.

    Examples
    --------
    >>> [is_factory(text) for text in ("slurm.py:cluster", "site.clusters:gpu", "local:4", "tcp://host:8786")]
    [True, True, False, False]
    """
    return bool(_FILE.fullmatch(text) or _MODULE.fullmatch(text))


def made_by(text: str) -> Any:
    """Return the cluster, or the client, that the function makes.

    Raises
    ------
    UsageError
        There is no such file, module or function, or it returns something else.
    ClusterError
        The function raises.
    """
    in_file = _FILE.fullmatch(text)
    name = text.rpartition(":")[2]
    module = _load_file(in_file["file"]) if in_file else _load_module(text.rpartition(":")[0])
    function = getattr(module, name, None)
    if not callable(function):
        known = [one for one, value in vars(module).items() if callable(value) and not one.startswith("_")]
        msg = f"There is no function {name!r} in {text.rpartition(':')[0]}.{nearest(name, known)} It has {listing(known)}."
        raise UsageError(msg)
    try:
        made = function()
    except Exception as error:
        msg = f"{text} could not make a cluster: {type(error).__name__}: {error}"
        raise ClusterError(msg) from error
    if not isinstance(made, Cluster | distributed.Client):
        msg = f"Expected {text} to return a Dask cluster or client, got {type(made).__name__}."
        raise UsageError(msg)
    return made


def _load_file(name: str) -> Any:
    """Return the module of a file."""
    path = Path(name).expanduser()
    spec = importlib.util.spec_from_file_location(f"gpupipe_cluster_{path.stem}", path)
    if spec is None or spec.loader is None or not path.is_file():
        msg = f"There is no file {name!r}. Expected FILE.py:FUNCTION, a function that returns a Dask cluster."
        raise UsageError(msg)
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module  # what is defined in it pickles by this name
    _execute(lambda: spec.loader.exec_module(module), name)
    return module


def _load_module(name: str) -> Any:
    """Return an installed module."""
    try:
        found = importlib.util.find_spec(name)
    except ImportError:
        found = None
    if found is None:
        msg = f"There is no module {name!r}. Expected MODULE:FUNCTION, a function that returns a Dask cluster, or FILE.py:FUNCTION."
        raise UsageError(msg)
    return _execute(lambda: importlib.import_module(name), name)


def _execute(load: Any, name: str) -> Any:
    """Return what loading gives, with an error of the user's own code as one of ours."""
    try:
        return load()
    except Exception as error:
        msg = f"Loading {name} raised {type(error).__name__}: {error}"
        raise ClusterError(msg) from error

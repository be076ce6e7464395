"""Fitted stages as folders that another machine can load: JSON, Parquet, UBJ and skops, never pickle.

::

    model/
      stage.json     what the stage is: its class, its fields, the versions that wrote it, a checksum of each other file
      0/model.ubj    the first estimator, where there is one (0/model.skops for scikit-learn's)
      0.parquet      tables, where there are some
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from gpupipe.core.errors import ArtefactError, UsageError, listing
from gpupipe.core.stage import RowStage
from gpupipe.core.work import WorkFolder
from gpupipe.engines._model_files import load_model, save_model
from gpupipe.report.record import versions

FORMAT = 1


def save(stage: RowStage, path: str | Path) -> Path:
    """Return the folder into which the fitted stage is written, whole or not at all; an older one there is replaced.

    Parameters
    ----------
    stage
        A fitted stage of a run's result, or a `Chain` of several.
    path
        The folder to write. Its parents are made.

    Raises
    ------
    ArtefactError
        Where the stage, or its estimator, cannot be written without pickle.

    Examples
    --------
    >>> import polars as pl, tempfile
    >>> from gpupipe import Standardize
    >>> frame = pl.DataFrame({"x": [1.0, 3.0]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     loaded = load(save(Standardize("x").fit_plain(frame), f"{folder}/scaler"))
    >>> loaded.apply(frame)["x"].to_list()
    [-1.0, 1.0]
    """
    if not isinstance(stage, RowStage):
        msg = f"save expects a fitted stage, such as result['model'], got {type(stage).__name__}."
        raise UsageError(msg)
    target = Path(path)
    _refuse_other(target, target)
    target.parent.mkdir(parents=True, exist_ok=True)
    with WorkFolder.beside(target) as work:
        work.new.mkdir()
        written = _Writer(work.new)
        facts = {"format": FORMAT, "stage": written.stage(stage), "versions": versions(), "sha256": written.checksums()}
        (work.new / "stage.json").write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n")
        work.put(lambda old: _refuse_other(old, target))
    return target


def _refuse_other(there: Path, target: Path) -> None:
    """Raise ArtefactError where what is to be replaced, now at `there`, is neither an empty folder nor what `save` wrote and no more."""
    if not os.path.lexists(there):
        return
    if there.is_symlink() or not there.is_dir():
        msg = f"Expected a folder that gpupipe.save wrote, or nothing, at {target}, got something else. Choose another path."
        raise ArtefactError(msg)
    try:
        listed = {"stage.json", *json.loads((there / "stage.json").read_text())["sha256"]} if (there / "stage.json").is_file() else set()
    except (OSError, ValueError, TypeError, KeyError):
        listed = set()
    found = (path for path in there.rglob("*") if path.is_symlink() or not path.is_dir() or not any(path.iterdir()))
    others = sorted(name for path in found if (name := path.relative_to(there).as_posix()) not in listed)
    if others:
        msg = (
            f"{target} exists and is no saved stage, or not that alone: all of it would be replaced, also other files there: "
            f"{listing(others, limit=5)}. Move them away, choose another path, or remove the folder first."
        )
        raise ArtefactError(msg)


def load(path: str | Path, *, trusted: Sequence[str] = ()) -> RowStage:
    """Return the fitted stage that `save` wrote.

    Parameters
    ----------
    trusted
        Types beyond those of scikit-learn, NumPy and SciPy that a model file may hold.

    Raises
    ------
    ArtefactError
        Where there is no saved stage, a file of it is missing or damaged, or it holds types that are not trusted.
    """
    folder = Path(path)
    described = folder / "stage.json"
    if not described.is_file():
        msg = f"Expected a folder that gpupipe.save wrote, with a stage.json, got {folder}. Check the path."
        raise ArtefactError(msg)
    try:
        facts = json.loads(described.read_text())
    except ValueError as error:
        msg = f"{described} is damaged: {error}. Save the stage again."
        raise ArtefactError(msg) from error
    if facts.get("format") != FORMAT:
        msg = f"{described} has format {facts.get('format')!r}; this gpupipe reads format {FORMAT}. Load it with the version that wrote it."
        raise ArtefactError(msg)
    for name, expected in facts["sha256"].items():
        file = folder / name
        if not file.is_file() or _checksum(file) != expected:
            msg = f"{file} is {'damaged' if file.is_file() else 'missing'}. Copy the whole folder again."
            raise ArtefactError(msg)
    return cast(RowStage, _Reader(folder, trusted).value(facts["stage"]))


def _checksum(file: Path) -> str:
    """Return a file's SHA-256."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


class _Writer:
    """Turns values into what JSON holds, and writes the others beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.n_files = 0

    def checksums(self) -> dict[str, str]:
        """Return the checksum of each file written."""
        return {str(file.relative_to(self.folder)): _checksum(file) for file in sorted(self.folder.rglob("*")) if file.is_file()}

    def stage(self, stage: RowStage) -> dict[str, Any]:
        """Return a stage as JSON holds it."""
        kind = type(stage)
        if not dataclasses.is_dataclass(kind):
            msg = f"{kind.__name__} cannot be saved: a stage that is saved is a frozen dataclass of plain fields."
            raise ArtefactError(msg)
        fields = {
            field.name: self.value(getattr(stage, field.name), f"{kind.__name__}.{field.name}") for field in dataclasses.fields(stage)
        }
        return {"stage": f"{kind.__module__}:{kind.__qualname__}", "fields": fields}

    def value(self, value: Any, what: str) -> Any:
        """Return a field as JSON holds it."""
        if value is None or isinstance(value, bool | int | str):
            return value
        if isinstance(value, float):
            return {"float": value.hex()}
        if isinstance(value, np.generic):
            return self.value(value.item(), what)
        if isinstance(value, tuple | list):
            return [self.value(part, what) for part in value]
        if isinstance(value, RowStage):
            return self.stage(value)
        if isinstance(value, nw.dtypes.DType):
            return {"dtype": type(value).__name__}
        return self._file(value, what)

    def _file(self, value: Any, what: str) -> Any:
        """Return the reference to a value that has a file of its own."""
        name = str(self.n_files)
        self.n_files += 1
        if isinstance(value, pa.Table):
            pq.write_table(value, self.folder / f"{name}.parquet")
            return {"table": f"{name}.parquet"}
        if callable(getattr(value, "get_params", None)):
            (self.folder / name).mkdir()
            return {"model": name, "facts": save_model(value, self.folder / name)}
        msg = f"{what} is a {type(value).__name__}, which cannot be saved without pickle. Hold numbers, text, tables or estimators."
        raise ArtefactError(msg)


class _Reader:
    """Turns back what `_Writer` wrote."""

    def __init__(self, folder: Path, trusted: Sequence[str]) -> None:
        self.folder = folder
        self.trusted = trusted

    def value(self, value: Any) -> Any:
        """Return a field's value; sequences are tuples."""
        if isinstance(value, list):
            return tuple(self.value(part) for part in value)
        if not isinstance(value, Mapping):
            return value
        if "float" in value:
            return float.fromhex(value["float"])
        if "dtype" in value:
            return getattr(nw, value["dtype"])()
        if "table" in value:
            return pq.read_table(self.folder / value["table"])
        if "model" in value:
            return load_model(self.folder / value["model"], value["facts"], self.trusted)
        return self.stage(value)

    def stage(self, described: Mapping[str, Any]) -> RowStage:
        """Return a stage from its description."""
        module, _, name = str(described["stage"]).partition(":")
        try:
            kind: Any = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError) as error:
            msg = f"The stage {described['stage']!r} is not to be found here: {error}. Install the package that defines it."
            raise ArtefactError(msg) from error
        if not isinstance(kind, type) or not issubclass(kind, RowStage):
            msg = f"Expected a row stage, got {described['stage']!r}. The folder was not written by gpupipe.save."
            raise ArtefactError(msg)
        made = object.__new__(kind)
        for field, value in described["fields"].items():
            object.__setattr__(made, field, self.value(value))
        return made

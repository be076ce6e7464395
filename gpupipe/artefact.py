"""Fitted stages as folders that another machine can load: JSON, Parquet, UBJ and skops, never pickle.

::

    model/
      stage.json     what the stage is: its class, its fields, the versions that wrote it, a checksum of each other file
      0/model.ubj    the first estimator, where there is one (0/model.skops for scikit-learn's)
      0.parquet      tables, where there are some
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import importlib
import json
import os
import re
import stat
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from gpupipe.core.errors import ArtefactError, GpupipeError, UsageError, listing
from gpupipe.core.secret import Secret
from gpupipe.core.stage import RowStage
from gpupipe.core.typed import is_of
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


def load(path: str | Path, *, trusted: Sequence[str | type] = ()) -> RowStage:
    """Return the fitted stage that `save` wrote. Nothing in the folder is run, and nothing outside it is read.

    Parameters
    ----------
    trusted
        Classes beyond gpupipe's own stages, and beyond what estimators of scikit-learn and XGBoost are made of, that may be made: the
        classes themselves, or their exact names, ``"package.module.Class"``.

    Raises
    ------
    ArtefactError
        Where there is no saved stage, a file of it is missing, damaged or not listed, or it holds types that are not trusted.
    """
    folder = Path(path)
    if not (folder / "stage.json").is_file():
        msg = f"Expected a folder that gpupipe.save wrote, with a stage.json, got {folder}. Check the path."
        raise ArtefactError(msg)
    try:
        contents = {name: _read(file) for name, file in sorted(_files(folder, "").items())}
        facts = _facts(folder, contents.pop("stage.json"))
        _check_files(folder, contents, facts["sha256"])
        return _Reader(contents, trusted).stage(facts["stage"])
    except GpupipeError:
        raise
    except Exception as error:  # whatever of it is of another form than save writes
        msg = f"{folder} is damaged: {type(error).__name__}: {error}. Copy the whole folder again, or save the stage again."
        raise ArtefactError(msg) from error


def _files(folder: Path, above: str, depth: int = 0) -> dict[str, Path]:
    """Return the files of a folder and of those in it, by their paths in it.

    Raises
    ------
    ArtefactError
        Something is neither a file nor a folder, such as a link or a pipe.
    """
    found: dict[str, Path] = {}
    for entry in [*os.scandir(folder)]:
        name = f"{above}{entry.name}"
        if entry.is_dir(follow_symlinks=False) and depth < 2:
            found |= _files(Path(entry.path), f"{name}/", depth + 1)
        elif entry.is_file(follow_symlinks=False):
            found[name] = Path(entry.path)
        else:
            msg = f"{entry.path} is no file: a saved stage has no links, pipes or devices, and no folder in a folder. Copy the whole anew."
            raise ArtefactError(msg)
    return found


def _read(file: Path) -> bytes:
    """Return what is in a file, which is no link and no pipe also by now."""
    opened = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(opened, "rb") as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            msg = f"{file} is no file any more."
            raise ArtefactError(msg)
        return stream.read()


def _facts(folder: Path, content: bytes) -> Mapping[str, Any]:
    """Return what a folder says of itself, its format and its fields as they have to be."""
    facts = json.loads(content, parse_constant=_no_constant)
    version = facts.get("format") if isinstance(facts, dict) else None
    if version != FORMAT or type(version) is not int:
        msg = f"{folder} has format {_shown(version)}; this gpupipe reads format {FORMAT}. Load it with the version that wrote it."
        raise ArtefactError(msg)
    _need_keys(facts, ("format", "sha256", "stage", "versions"))
    return cast(Mapping[str, Any], facts)


def _no_constant(name: str) -> None:
    """Raise for NaN and infinities, which JSON has no words for."""
    msg = f"{name} is no JSON"
    raise ValueError(msg)


def _shown(value: Any) -> str:
    """Return a value of a file as an error tells it: short."""
    told = repr(value)
    return told if len(told) <= 80 else f"{told[:80]}..."


def _check_files(folder: Path, contents: Mapping[str, bytes], listed: Any) -> None:
    """Raise unless the files are those that are listed, each as it was written."""
    if not isinstance(listed, dict) or not all(isinstance(told, str) and re.fullmatch("[0-9a-f]{64}", told) for told in listed.values()):
        msg = f"{folder} does not list the checksums of its files. Copy the whole folder again, or save the stage again."
        raise ArtefactError(msg)
    for name, told in listed.items():
        if name not in contents or hashlib.sha256(contents[name]).hexdigest() != told:
            msg = f"{folder / name} is {'damaged' if name in contents else 'missing'}. Copy the whole folder again."
            raise ArtefactError(msg)
    others = [name for name in contents if name not in listed]
    if others:
        msg = f"{folder} holds files that gpupipe.save did not write there: {listing(others)}. Remove them, or copy the whole folder again."
        raise ArtefactError(msg)


def _need_keys(given: Any, keys: Sequence[str]) -> None:
    """Raise unless it is a mapping with these keys and no others."""
    if not isinstance(given, dict) or set(given) != set(keys):
        got = listing(sorted(given), limit=10) if isinstance(given, dict) else _shown(given)
        msg = f"Expected {listing(sorted(keys))}, got {got}. The folder was not written by gpupipe.save, or by another version."
        raise ArtefactError(msg)


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
        if isinstance(value, Secret):
            msg = f"{what} is secret, and is not written to a file. Leave it out of the stage."
            raise ArtefactError(msg)
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
        if isinstance(value, nw.dtypes.DType) and _is_plain(value):
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
    """Turns back what `_Writer` wrote, out of what was in its files when their checksums were right."""

    def __init__(self, contents: Mapping[str, bytes], trusted: Sequence[str | type]) -> None:
        self.contents = contents
        self.classes = {_dotted(kind): kind for kind in trusted if isinstance(kind, type)}
        self.names = {kind.replace(":", ".") for kind in trusted if isinstance(kind, str)} | set(self.classes)

    def value(self, value: Any) -> Any:
        """Return a field's value; sequences are tuples."""
        if isinstance(value, list):
            return tuple(self.value(part) for part in value)
        if value is None or isinstance(value, bool | int | str):
            return value
        kind = sorted(value) if isinstance(value, dict) else None
        if kind == ["float"]:
            return float.fromhex(value["float"])
        if kind == ["dtype"]:
            return _dtype(value["dtype"])
        if kind == ["table"]:
            return pq.read_table(pa.BufferReader(self._file(value["table"], ".parquet")))
        if kind == ["facts", "model"]:
            return self._model(value["model"], value["facts"])
        return self.stage(value)

    def _file(self, name: Any, *endings: str) -> bytes:
        """Return what is in a file that a value names."""
        if not isinstance(name, str) or not name.endswith(endings) or name not in self.contents:
            msg = f"{_shown(name)} is no file of the folder, or of another kind. Copy the whole folder again, or save the stage again."
            raise ArtefactError(msg)
        return self.contents[name]

    def _model(self, name: Any, facts: Any) -> Any:
        """Return an estimator."""
        boosted = isinstance(facts, dict) and facts.get("file") == "model.ubj"
        _need_keys(facts, ("class", "file", "parameters") if boosted else ("class", "file"))
        return load_model(self._file(f"{name}/{facts['file']}", "/model.ubj", "/model.skops"), facts, tuple(self.names))

    def stage(self, described: Any) -> RowStage:
        """Return a stage from its description: of a class that is known, with the fields that are its own."""
        _need_keys(described, ("fields", "stage"))
        kind = self._kind(described["stage"])
        hints = _hints(kind)
        _need_keys(described["fields"], tuple(hints))
        made = object.__new__(kind)
        for name, held in described["fields"].items():
            value = self.value(held)
            if not is_of(value, hints[name]):
                msg = f"Field {name!r} of {kind.__name__} cannot be {_shown(value)}. Copy the whole folder again, or save the stage again."
                raise ArtefactError(msg)
            object.__setattr__(made, name, value)
        return made

    def _kind(self, words: Any) -> type[RowStage]:
        """Return the class of the words, which is one of gpupipe's own or one that the caller named; the words alone import nothing."""
        module, _, name = words.partition(":") if isinstance(words, str) else ("", "", "")
        dotted = f"{module}.{name}"
        if dotted in self.classes:
            kind: Any = self.classes[dotted]
        elif module in _own_modules() or dotted in self.names:
            kind = getattr(importlib.import_module(module), name, None)
        else:
            msg = f"The stage {_shown(words)} is none of gpupipe's own. If you know where the folder comes from, pass its class as trusted."
            raise ArtefactError(msg)
        if not (isinstance(kind, type) and issubclass(kind, RowStage) and dataclasses.is_dataclass(kind) and _dotted(kind) == dotted):
            msg = f"Expected a row stage, got {_shown(words)}. The folder was not written by gpupipe.save, or by another version."
            raise ArtefactError(msg)
        return kind


def _dotted(kind: type) -> str:
    """Return a class's exact name."""
    return f"{kind.__module__}.{kind.__qualname__}"


@functools.cache
def _own_modules() -> frozenset[str]:
    """Return the modules that hold gpupipe's own stages and what fitting them gives."""
    folders = [(part, Path(__file__).parent / part) for part in ("stages", "models")]
    return frozenset(f"gpupipe.{part}.{file.stem}" for part, folder in folders for file in folder.glob("[a-z]*.py"))


@functools.cache
def _hints(kind: Any) -> dict[str, Any]:
    """Return the type of each field of a stage; a class of somebody else's may keep its own to itself."""
    names = [field.name for field in dataclasses.fields(kind)]
    try:
        hints = typing.get_type_hints(kind)
    except (NameError, TypeError, AttributeError):  # names that only a type checker sees
        return dict.fromkeys(names, Any)
    return {name: hints[name] for name in names}


def _is_plain(dtype: nw.dtypes.DType) -> bool:
    """Whether a dtype's name says all of it."""
    try:
        return bool(type(dtype)() == dtype)
    except TypeError:  # lists, structs, and others that are made of something
        return False


def _dtype(name: Any) -> Any:
    """Return the dtype of a name."""
    kind = getattr(nw, name, None) if isinstance(name, str) else None
    if not (isinstance(kind, type) and issubclass(kind, nw.dtypes.DType)):
        msg = f"Expected a dtype, got {_shown(name)}. Save the stage again."
        raise ArtefactError(msg)
    return kind()

"""Values as JSON and files without pickle: what of a saved thing each field becomes, and how it is made again.

Plain values stand in the JSON; arrays (safetensors), tables (Parquet) and estimators (UBJ, skops) have files of their own beside it. A
function of the user's is named by its module, with a digest of its text; its code is not saved.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import hashlib
import importlib
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import safetensors.numpy

from gpupipe.core.arrow import plain_table
from gpupipe.core.errors import ArtefactError, listing
from gpupipe.core.expression_json import expression_of_json, expression_to_json, is_expression
from gpupipe.core.function_text import digest_of, found_function, is_function, plain_function, reference_of
from gpupipe.core.holding import Holding
from gpupipe.core.secret import Secret
from gpupipe.core.stage import RowStage
from gpupipe.core.typed import is_of
from gpupipe.engines._arrow import table_of
from gpupipe.engines._model_files import load_model, save_model
from gpupipe.saved_class import class_of, class_words

Saved = RowStage | Holding


def need_keys(given: Any, keys: Sequence[str]) -> None:
    """Raise unless it is a mapping with these keys and no others."""
    if not isinstance(given, dict) or set(given) != set(keys):
        got = listing(sorted(given), limit=10) if isinstance(given, dict) else shown(given)
        msg = f"Expected {listing(sorted(keys))}, got {got}. The folder was not written by gpupipe.save, or by another version."
        raise ArtefactError(msg)


def shown(value: Any) -> str:
    """Return a value of a file as an error tells it: short."""
    told = repr(value)
    return told if len(told) <= 80 else f"{told[:80]}..."


def _checksum(file: Path) -> str:
    """Return a file's SHA-256."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


class ValueWriter:
    """Turns values into what JSON holds, and writes the others beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.n_files = 0

    def checksums(self) -> dict[str, str]:
        """Return the checksum of each file written."""
        return {str(file.relative_to(self.folder)): _checksum(file) for file in sorted(self.folder.rglob("*")) if file.is_file()}

    def stage(self, stage: Saved) -> dict[str, Any]:
        """Return a stage as JSON holds it."""
        kind = type(stage)
        if not dataclasses.is_dataclass(kind):
            msg = f"{kind.__name__} cannot be saved: a stage that is saved is a frozen dataclass of plain fields."
            raise ArtefactError(msg)
        if isinstance(stage, RowStage) and stage.kind != "row":
            msg = f"{stage.name} cannot be saved: its expressions look at several rows, and what is saved works on each row by itself."
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
        if isinstance(value, RowStage | Holding):
            return self.stage(value)
        if isinstance(value, type) and issubclass(value, nw.dtypes.DType):
            value = value()
        if isinstance(value, nw.dtypes.DType) and _is_plain(value):
            return {"dtype": type(value).__name__}
        if isinstance(value, dt.date):  # a time of day with its date is one, too
            return {"datetime" if isinstance(value, dt.datetime) else "date": value.isoformat()}
        if is_expression(value):
            return {"expression": expression_to_json(value, lambda given: self.value(given, what))}
        if isinstance(value, type):
            return class_words(value, what)
        if is_function(value):
            return reference_of(value, what)
        return self._file(value, what)

    def _file(self, value: Any, what: str) -> Any:
        """Return the reference to a value that has a file of its own."""
        name = str(self.n_files)
        self.n_files += 1
        if isinstance(value, pa.Table | nw.DataFrame):
            pq.write_table(value if isinstance(value, pa.Table) else table_of(value), self.folder / f"{name}.parquet")
            return {"table" if isinstance(value, pa.Table) else "frame": f"{name}.parquet"}
        if hasattr(value, "__cuda_array_interface__"):
            value = value.get()  # CuPy's way to the host
        if isinstance(value, np.ndarray) and value.dtype.kind in "biuf" and value.dtype.isnative:
            safetensors.numpy.save_file({"array": np.ascontiguousarray(value).reshape(value.shape)}, self.folder / f"{name}.safetensors")
            return {"array": f"{name}.safetensors"}
        if callable(getattr(value, "get_params", None)):
            (self.folder / name).mkdir()
            return {"model": name, "facts": save_model(value, self.folder / name)}
        msg = f"{what} is a {type(value).__name__}, which cannot be saved without pickle. Hold numbers, text, tables or estimators."
        raise ArtefactError(msg)


class Reader:
    """Turns back what `ValueWriter` wrote, out of what was in its files when their checksums were right."""

    def __init__(self, contents: Mapping[str, bytes], trusted: Sequence[Any]) -> None:
        self.contents, self.trusted = contents, trusted
        self.classes = {_dotted(kind): kind for kind in trusted if isinstance(kind, type)}
        self.functions = {_dotted(made): made for given in trusted if (made := plain_function(given)) is not None}
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
            return self._table(value["table"])
        if kind == ["frame"]:
            return nw.from_native(plain_table(self._table(value["frame"])), eager_only=True)
        if kind == ["array"]:
            return safetensors.numpy.load(self._file(value["array"], ".safetensors"))["array"]
        if kind == ["class", "text"]:
            return class_of(value["class"], value["text"], self.trusted)
        if kind == ["facts", "model"]:
            return self._model(value["model"], value["facts"])
        if kind == ["date"]:
            return dt.date.fromisoformat(value["date"])
        if kind == ["datetime"]:
            return dt.datetime.fromisoformat(value["datetime"])
        if kind == ["expression"]:
            return expression_of_json(value["expression"], self.value)
        if kind == ["function", "text"]:
            return self._function(value["function"], value["text"])
        return self.stage(value)

    def _function(self, reference: Any, text: Any) -> Any:
        """Return a function of somebody's own, which the caller named, and whose text is what it was when it was saved."""
        dotted = reference.replace(":", ".") if isinstance(reference, str) else ""
        function = self.functions.get(dotted)
        if function is None and dotted in self.names:
            importlib.import_module(reference.partition(":")[0])
            function = found_function(reference)
        if function is None:
            msg = f"It runs the function {shown(reference)}, which is not saved with it. Pass it, or its name, as trusted:"
            raise ArtefactError(f"{msg} gpupipe.load(path, trusted=[{dotted!r}]); 'gpupipe predict' takes its file as --code.")
        if digest_of(function) != text:
            msg = f"The text of {shown(reference)}, or of what it calls in its package, is not what it was when the stage was saved."
            raise ArtefactError(f"{msg} Load it beside the code that it was saved with, or fit and save it again.")
        return function

    def _file(self, name: Any, *endings: str) -> bytes:
        """Return what is in a file that a value names."""
        if not isinstance(name, str) or not name.endswith(endings) or name not in self.contents:
            msg = f"{shown(name)} is no file of the folder, or of another kind. Copy the whole folder again, or save the stage again."
            raise ArtefactError(msg)
        return self.contents[name]

    def _table(self, name: Any) -> pa.Table:
        """Return a table; text in it that is none is an error here, and not where it is looked at."""
        table = pq.read_table(pa.BufferReader(self._file(name, ".parquet")))
        table.validate(full=True)
        return table

    def _model(self, name: Any, facts: Any) -> Any:
        """Return an estimator."""
        boosted = isinstance(facts, dict) and facts.get("file") == "model.ubj"
        need_keys(facts, ("class", "file", "parameters") if boosted else ("class", "file"))
        return load_model(self._file(f"{name}/{facts['file']}", "/model.ubj", "/model.skops"), facts, tuple(self.names))

    def stage(self, described: Any) -> Saved:
        """Return a stage from its description: of a class that is known, with the fields that are its own."""
        need_keys(described, ("fields", "stage"))
        kind = self._kind(described["stage"])
        hints = _hints(kind)
        need_keys(described["fields"], tuple(hints))
        made = object.__new__(kind)
        for name, held in described["fields"].items():
            value = self.value(held)
            if not is_of(value, hints[name]):
                msg = f"Field {name!r} of {kind.__name__} cannot be {shown(value)}. Copy the whole folder again, or save the stage again."
                raise ArtefactError(msg)
            object.__setattr__(made, name, value)
        if isinstance(made, Holding):
            made.check()
        return made

    def _kind(self, words: Any) -> type[Saved]:
        """Return the class of the words, which is one of gpupipe's own or one that the caller named; the words alone import nothing."""
        module, _, name = words.partition(":") if isinstance(words, str) else ("", "", "")
        dotted = f"{module}.{name}"
        if dotted in self.classes:
            kind: Any = self.classes[dotted]
        elif module in _own_modules() or dotted in self.names:
            kind = getattr(importlib.import_module(module), name, None)
        else:
            msg = f"The stage {shown(words)} is none of gpupipe's own. If you know where the folder comes from, pass its class as trusted."
            raise ArtefactError(msg)
        if not (
            isinstance(kind, type) and issubclass(kind, RowStage | Holding) and dataclasses.is_dataclass(kind) and _dotted(kind) == dotted
        ):
            msg = f"Expected a row stage, got {shown(words)}. The folder was not written by gpupipe.save, or by another version."
            raise ArtefactError(msg)
        return kind


def _dotted(kind: Any) -> str:
    """Return the exact name of a class or a function."""
    return f"{kind.__module__}.{kind.__qualname__}"


@functools.cache
def _own_modules() -> frozenset[str]:
    """Return the modules that hold gpupipe's own stages and what fitting them gives."""
    home = Path(__file__).parent
    files = (file for part in ("stages", "models", "kinds") for file in (home / part).rglob("[a-z]*.py"))
    return frozenset(".".join(("gpupipe", *file.relative_to(home).with_suffix("").parts)) for file in files)


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
        msg = f"Expected a dtype, got {shown(name)}. Save the stage again."
        raise ArtefactError(msg)
    return kind()

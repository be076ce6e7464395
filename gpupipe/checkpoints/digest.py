"""The digest of a value: the same in every process, another one as soon as the value means something else.

Nothing is guessed: what is neither plain, nor a table, nor an expression, nor an estimator, nor the user's own code has no digest.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import functools
import hashlib
import logging
import random
import re
import sys
import uuid
import zoneinfo
from collections.abc import Mapping
from pathlib import PurePath
from types import BuiltinFunctionType, FunctionType, MethodType, MethodWrapperType, ModuleType, WrapperDescriptorType
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa

from gpupipe.checkpoints.code import (
    UnaddressableError,
    class_parts,
    function_parts,
    is_own,
    is_own_module,
    library_function_parts,
    library_name,
    module_parts,
    stands_for_itself,
)
from gpupipe.core.secret import Secret

_BUILTINS = (BuiltinFunctionType, MethodWrapperType, WrapperDescriptorType, type(str.join), type(np.add))
_SAID: tuple[type, ...] = (dt.date, dt.time, dt.timedelta, dt.tzinfo, decimal.Decimal, fractions.Fraction)
_SAID += (uuid.UUID, PurePath, range, slice, zoneinfo.ZoneInfo, pa.DataType, pa.Schema, pa.Field, pa.Scalar)


def digest(*values: Any) -> str:
    """Return the digest of the values, as hexadecimal digits.

    Raises
    ------
    UnaddressableError
        One of them, or something that it holds, has none.

    Examples
    --------
    >>> digest({"a": 1.5}) == digest({"a": 1.5}), digest("1") == digest(1), digest({"b", "a"}) == digest({"a", "b"})
    (True, False, True)
    """
    fed = _Digest()
    try:
        for value in values:
            fed.feed(value)
    except RecursionError:
        msg = "a value that is nested too deeply"
        raise UnaddressableError(msg) from None
    return fed.hash.hexdigest()


class _Digest:
    """Takes values one after the other."""

    def __init__(self) -> None:
        self.hash = hashlib.blake2b(digest_size=20)
        self.seen: dict[int, tuple[int, Any]] = {}  # the value is held, so that its id stays its own

    def say(self, tag: str, data: bytes | str = b"") -> None:
        """Take one atom; its length parts it from the next one."""
        raw = data if isinstance(data, bytes) else data.encode("utf-8", "surrogatepass")
        self.hash.update(f"{tag}:{len(raw)}:".encode())
        self.hash.update(raw)

    def feed(self, value: Any) -> None:
        """Take a value; what may hold itself is told by its place when it comes again."""
        if self._plain(value) or self._array(value) or self._frozen(value):
            return
        known = self.seen.get(id(value))
        if known is not None:
            self.say("again", str(known[0]))
        elif not isinstance(value, type) and self._library(value):  # expressions and the like, which are shared at will
            return
        else:
            self.seen[id(value)] = (len(self.seen), value)
            if not (self._code(value) or self._container(value)):
                self._object(value)

    def all(self, tag: str, values: Any) -> None:
        """Take several values as one."""
        parts = list(values)
        self.say(tag, str(len(parts)))
        for part in parts:
            self.feed(part)

    def _plain(self, value: Any) -> bool:
        """Take a value that says what it is, and tell whether it was one."""
        kind = type(value)
        if value is None or value is Ellipsis or value is NotImplemented or kind in (bool, int, complex):
            self.say(kind.__name__, repr(value))
        elif kind is float:
            self.say("float", value.hex())
        elif kind in (str, bytes, bytearray):
            self.say(kind.__name__, value)
        elif kind is Secret:  # text like any other; only the digest is kept
            self.say("str", value)
        elif isinstance(value, nw.dtypes.DType) or (isinstance(value, _SAID) and not is_own(kind)):
            self.say(f"{kind.__module__}.{kind.__qualname__}", repr(value))
        elif isinstance(value, re.Pattern):
            self.all("pattern", (value.pattern, value.flags))
        else:
            return False
        return True

    def _array(self, value: Any) -> bool:
        """Take a table or an array by its content, and tell whether it was one."""
        if isinstance(value, np.ndarray):
            self.say("array", f"{value.dtype.str} {value.shape}")
            if value.dtype.hasobject:
                self.all("items", value.ravel().tolist())
            else:
                self.say("items", np.ascontiguousarray(value).tobytes())
        elif isinstance(value, np.generic):
            self.say(f"numpy.{value.dtype.str}", value.tobytes())
        elif isinstance(value, pa.RecordBatch):
            self.feed(pa.Table.from_batches([value]))
        elif isinstance(value, pa.Table):
            self.say("table", str(value.num_rows))
            for name, column in zip(value.column_names, value.columns, strict=True):
                self.feed(name)
                self.feed(column)
        elif isinstance(value, pa.Array | pa.ChunkedArray):
            self._column(value)
        else:
            return False
        return True

    def _column(self, column: Any) -> None:
        """Take an Arrow column: which values are there, and those, whatever lies in its buffers where none is."""
        whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        whole = pa.concat_arrays(whole.chunks) if isinstance(whole, pa.ChunkedArray) else whole
        if pa.types.is_dictionary(whole.type):
            whole = whole.dictionary_decode()
        self.say("column", f"{whole.type} {len(whole)}")
        self.say("valid", np.packbits(np.asarray(whole.is_valid())).tobytes())
        sink = pa.BufferOutputStream()
        batch = pa.record_batch([whole.drop_null()], names=["values"])
        with pa.ipc.new_stream(sink, batch.schema) as writer:
            writer.write_batch(batch)
        self.say("values", sink.getvalue().to_pybytes())

    def _frozen(self, value: Any) -> bool:
        """Take a container that cannot change, and tell whether it was one."""
        if type(value) is tuple:
            self.all("tuple", value)
        elif type(value) is frozenset:
            self.all("frozenset", sorted(digest(part) for part in value))
        else:
            return False
        return True

    def _container(self, value: Any) -> bool:
        """Take a container that can change, and tell whether it was one."""
        kind = type(value)
        if kind is list:
            self.all("list", value)
        elif kind is set:
            self.all("set", sorted(digest(part) for part in value))
        elif kind is dict or (isinstance(value, Mapping) and kind.__module__ in ("collections", "types", "builtins")):
            self.all(kind.__name__, [*(part for pair in value.items() for part in pair), getattr(value, "default_factory", None)])
        else:
            return False
        return True

    def _code(self, value: Any) -> bool:
        """Take a function, class or module, and tell whether it was one."""
        if isinstance(value, ModuleType):
            self.all("module", module_parts(value) if is_own_module(value) else library_name(value))
        elif isinstance(value, type):
            self.all("class", class_parts(value) if is_own(value) else library_name(value))
        elif isinstance(value, FunctionType):
            self.all("function", function_parts(value) if is_own(value) else library_function_parts(value))
        elif isinstance(value, MethodType):
            self.all("method", (value.__func__, value.__self__))
        elif isinstance(value, functools.partial):
            self.all("partial", (value.func, value.args, value.keywords))
        elif isinstance(value, BuiltinFunctionType) and not isinstance(value.__self__, ModuleType | type | None):
            self.all("method", (value.__name__, value.__self__))
        elif isinstance(value, _BUILTINS):
            self.say("builtin", " ".join((getattr(value, "__module__", None) or "", getattr(value, "__qualname__", value.__name__))))
        elif isinstance(value, functools._lru_cache_wrapper):
            self.all("cached", (value.__wrapped__,))
        elif stands_for_itself(value):
            self.all("library", library_name(value))
        else:
            return False
        return True

    def _library(self, value: Any) -> bool:
        """Take an object of a library that is known here, and tell whether it was one."""
        kind = type(value)
        top = kind.__module__.partition(".")[0]
        if top == "narwhals" and hasattr(value, "_nodes"):
            self.all("expression", (kind.__qualname__, value._nodes))
        elif top == "narwhals" and kind.__name__ == "ExprNode":
            public = [(name, part) for name, part in sorted(vars(value).items()) if not name.startswith("_")]
            self.say("node", digest(public))  # by itself, since nodes share their parts with others as it comes
        elif top == "polars" and kind.__name__ == "Expr":
            self.say("polars", value.meta.serialize())
        elif top in ("narwhals", "polars", "pandas") and kind.__name__ in ("DataFrame", "Series"):
            self._frame(value)
        elif isinstance(value, enum.Enum):
            self.all("enum", (kind, value.name))
        elif isinstance(value, random.Random):
            self.all("random", (value.getstate(),))
        elif isinstance(value, np.random.RandomState):
            self.all("random", (value.get_state(legacy=False),))
        elif isinstance(value, np.random.Generator):
            self.all("random", (value.bit_generator.state,))
        elif isinstance(value, logging.Logger):
            self.say("logger", value.name)
        elif callable(getattr(value, "get_params", None)):
            self.all("estimator", (kind, sorted(value.get_params(deep=False).items())))
        else:
            return False
        return True

    def _frame(self, value: Any) -> None:
        """Take a frame or a series of a dataframe library by its content."""
        known = value if type(value).__module__.startswith("narwhals") else nw.from_native(value, allow_series=True)
        if known.implementation.is_pandas():  # its index counts as well
            native = known.to_native()
            native = native if hasattr(native, "columns") else native.to_frame()
            self.all("pandas", (pa.Table.from_pandas(native), [str(dtype) for dtype in native.dtypes]))
        else:
            self.all("frame", (known.to_arrow(),))

    def _object(self, value: Any) -> None:
        """Take an instance of gpupipe's or the user's classes by its class and what it holds."""
        kind = type(value)
        if kind.__module__.partition(".")[0] == "gpupipe" and dataclasses.is_dataclass(kind):
            self.all("object", (kind, [(field.name, getattr(value, field.name)) for field in dataclasses.fields(kind)]))
        elif is_own(kind) and not isinstance(value, BaseException):
            slots = [name for base in kind.__mro__ for name in _slots(base) if hasattr(value, name)]
            held = {**getattr(value, "__dict__", {}), **{name: getattr(value, name) for name in slots}}
            self.all("object", (kind, sorted(held.items()), *_inside(value)))
        else:
            msg = f"a {kind.__module__}.{kind.__qualname__}".replace("a builtins.", "a ")
            raise UnaddressableError(msg)


def _slots(kind: type) -> tuple[str, ...]:
    """Return the slots that a class itself declares."""
    declared = kind.__dict__.get("__slots__", ())
    names = (declared,) if isinstance(declared, str) else tuple(declared)
    return tuple(name for name in names if name not in ("__dict__", "__weakref__"))


def _inside(value: Any) -> tuple[Any, ...]:
    """Return what an instance of a class that extends one of Python's holds as such.

    Raises
    ------
    UnaddressableError
        It extends a class of a library whose instances may hold more than their attributes.
    """
    plains: tuple[Any, ...] = (dict, list, tuple, set, frozenset, str, int, float)
    for plain in plains:
        if isinstance(value, plain):
            return (plain(value),)
    foreign = [base for base in type(value).__mro__ if base is not object and not is_own(base) and not _is_python(base)]
    if foreign:
        msg = f"a {type(value).__qualname__}, which extends {foreign[0].__module__}.{foreign[0].__qualname__}"
        raise UnaddressableError(msg)
    return ()


def _is_python(kind: type) -> bool:
    """Return whether a class is written in Python with all its state in attributes: gpupipe's, and the standard library's abstract ones."""
    return kind.__module__.partition(".")[0] in ("gpupipe", "abc", "typing", "collections") and kind.__module__ in sys.modules

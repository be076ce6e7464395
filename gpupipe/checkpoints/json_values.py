"""Values of a run as JSON that gives them back as they were: NaN, dtypes of NumPy, dates, tuples, scores with their curves."""

from __future__ import annotations

import base64
import datetime as dt
import decimal
import re
import zoneinfo
from typing import Any

import numpy as np

from gpupipe.core.errors import ArtefactError
from gpupipe.models.evaluate import Scores

_ISO: dict[str, Any] = {kind.__name__: kind for kind in (dt.datetime, dt.date, dt.time)}


def to_json(value: Any) -> Any:
    """Return what JSON holds of a value.

    Raises
    ------
    ArtefactError
        It is, or holds, something that JSON would not give back.

    Examples
    --------
    >>> to_json({"mean": float("nan"), "days": (1, None)})
    {'dict': [['mean', {'float': 'nan'}], ['days', {'tuple': [1, None]}]]}
    """
    kind = type(value)
    if value is None or kind in (bool, int, str):
        return value
    if kind is float:
        return {"float": value.hex()}
    if isinstance(value, np.generic):
        return {"numpy": [value.dtype.str, base64.b64encode(value.tobytes()).decode()]}
    if kind is np.ndarray and not value.dtype.hasobject:
        return {"array": [value.dtype.str, list(value.shape), base64.b64encode(np.ascontiguousarray(value).tobytes()).decode()]}
    if kind in (list, tuple):
        return {kind.__name__: [to_json(part) for part in value]}
    if kind is dict:
        return {"dict": [[to_json(name), to_json(part)] for name, part in value.items()]}
    if kind is Scores:
        return {"scores": [to_json(dict(value)), to_json(value.curves)]}
    return _scalar(value)


def _scalar(value: Any) -> Any:
    """Return what JSON holds of a date, a time, a decimal or bytes."""
    kind = type(value)
    if kind is _ISO.get(kind.__name__):
        zone = getattr(value, "tzinfo", None)
        told = "" if zone is None else "+0" if zone is dt.UTC else getattr(zone, "key", None)  # a key is a ZoneInfo's
        if told is not None:
            plain = value if zone is None else value.replace(tzinfo=None)
            return {kind.__name__: [plain.isoformat(), getattr(value, "fold", 0), told]}
    if kind is dt.timedelta:
        return {"timedelta": [value.days, value.seconds, value.microseconds]}
    if kind is decimal.Decimal:
        return {"decimal": str(value)}
    if kind is bytes:
        return {"bytes": base64.b64encode(value).decode()}
    msg = f"Expected a number, text, date, or a list or mapping of them, got {kind.__name__}. Only those are kept as values."
    raise ArtefactError(msg)


def from_json(held: Any) -> Any:
    """Return the value that `to_json` was given.

    Raises
    ------
    ArtefactError
        It is not what `to_json` makes.

    Examples
    --------
    >>> from_json(to_json({"a": (1.5, b"x", dt.date(2020, 2, 3))}))
    {'a': (1.5, b'x', datetime.date(2020, 2, 3))}
    """
    try:
        return _value_of(held)
    except ArtefactError:
        raise
    except Exception as error:  # whatever a library says of a text that it cannot read
        msg = f"Expected a value that was kept, got something else: {type(error).__name__}: {error}. Compute it again."
        raise ArtefactError(msg) from error


def _value_of(held: Any) -> Any:
    """Return the value, of whatever kind."""
    if held is None or isinstance(held, bool | int | str):
        return held
    ((kind, inner),) = held.items()
    if kind == "float":
        return float.fromhex(inner)
    if kind == "numpy":
        return np.frombuffer(base64.b64decode(inner[1]), dtype=_dtype_of(inner[0]))[0]
    if kind == "array":
        return np.frombuffer(base64.b64decode(inner[2]), dtype=_dtype_of(inner[0])).reshape(inner[1]).copy()
    if kind in ("list", "tuple"):
        parts = [_value_of(part) for part in inner]
        return parts if kind == "list" else tuple(parts)
    if kind == "dict":
        return {_value_of(name): _value_of(part) for name, part in inner}
    if kind == "scores":
        values, curves = (_value_of(part) for part in inner)
        return Scores(values, curves)
    return _scalar_of(kind, inner)


def _dtype_of(name: str) -> np.dtype[Any]:
    """Return the dtype of a name that NumPy gives to a plain one."""
    if re.fullmatch(r"[<>|=][?bBiuUfcSmMV]\d*(\[\d*[A-Za-z]+\])?", name) is None:
        msg = f"{name[:80]!r} is the name of no plain dtype"
        raise ValueError(msg)
    return np.dtype(name)


def _scalar_of(kind: str, inner: Any) -> Any:
    """Return the date, time, decimal or bytes."""
    if kind in _ISO:
        text, fold, zone = inner
        made = _ISO[kind].fromisoformat(text)
        made = made.replace(fold=fold) if fold else made
        return made.replace(tzinfo=dt.UTC if zone == "+0" else zoneinfo.ZoneInfo(zone)) if zone else made
    if kind == "timedelta":
        return dt.timedelta(*inner)
    if kind == "decimal":
        return decimal.Decimal(inner)
    if kind == "bytes":
        return base64.b64decode(inner)
    msg = f"Expected a kind of value that this gpupipe keeps, got {kind!r}."
    raise ArtefactError(msg)

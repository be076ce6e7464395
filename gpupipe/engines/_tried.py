"""Stages tried on empty tables, with the errors of the libraries below in gpupipe's words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from polars.exceptions import PanicException

from gpupipe.core.errors import ColumnError, GpupipeError, PlanError, listing
from gpupipe.core.schema import Schema
from gpupipe.core.stage import KeyStage, TableStage
from gpupipe.engines._query import keeps_rows as query_keeps_rows
from gpupipe.engines._symbolic import AT_ONCE, Frame, collects


def keeps_rows(stage: TableStage, frame: Frame, schemas: Sequence[Schema]) -> bool:
    """Whether the query that a row or key stage made of empty frames shows that it only adds, drops or changes columns."""
    drops = stage.keeps() is not None or (isinstance(stage, KeyStage) and stage.grouping() is not None)
    if drops or stage.kind not in ("row", "key") or (stage.is_users and collects(stage, schemas)):
        return False
    query = frame.to_native()  # a reduction of nothing is one row
    return query_keeps_rows(query, selects=stage.kind == "row") and len(query.collect(engine=AT_ONCE)) == 0


def translated(run: Any, schemas: Sequence[Schema]) -> Any:
    """Return what `run` returns; an error of the libraries below becomes a PlanError with the nearest name."""
    try:
        return run()
    except GpupipeError:
        raise
    except (Exception, PanicException) as error:
        known = list(dict.fromkeys(name for schema in schemas for name in schema))
        message = str(error).strip()
        if "ColumnNotFound" in type(error).__name__:
            missing = _missing_name(message, known)
            raise ColumnError.of(missing, known) from error
        first = message.splitlines()[0] if message else type(error).__name__
        msg = (
            f"{type(error).__name__}: {message or first}\n"
            f"The stage was tried on empty tables with the columns {listing(known)}; a stage must accept those."
        )
        raise PlanError(msg) from error


def _missing_name(message: str, known: Sequence[str]) -> str:
    """Return the column name that a library's error says is not there."""
    quoted = [name for name in re.findall(r"[\"'`]([^\"'`]+)[\"'`]", message) if name not in known]
    if quoted:
        return str(quoted[0])
    words = re.findall(r"[\w.]+", message)
    return next((str(word) for word in words if word not in known), message)

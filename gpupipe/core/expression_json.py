"""Expressions as plain values and back, for stages that are saved: narwhals' chain of operations, of known names alone.

A file can name no operation that is not in the lists below, so that reading one makes expressions and runs nothing; operations that take
functions of the user's (``map_batches``) are in none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import narwhals.stable.v2 as nw
from narwhals import Expr as AnyExpr

from gpupipe.core.errors import ArtefactError
from gpupipe.core.expressions import nodes_of

_START = frozenset({"col", "lit", "when_then", "coalesce", "concat_str", "all_horizontal", "any_horizontal"}) | {
    f"{word}_horizontal" for word in ("sum", "min", "max", "mean")
}
_ARITHMETIC = "add sub mul truediv floordiv mod pow"
_OPERATORS = frozenset(
    [f"__{word}__" for word in f"{_ARITHMETIC} radd rsub rmul rtruediv rfloordiv rmod rpow and or rand ror invert".split()]
    + [f"__{word}__" for word in ("eq", "ne", "lt", "le", "gt", "ge")]
)
_METHODS = frozenset(
    """abs alias cast ceil clip cos exp fill_nan fill_null floor is_between is_close is_finite is_in is_nan is_null log round sin sqrt
    dt.date dt.year dt.month dt.day dt.hour dt.minute dt.second dt.millisecond dt.microsecond dt.nanosecond dt.ordinal_day dt.weekday
    dt.total_minutes dt.total_seconds dt.total_milliseconds dt.total_microseconds dt.total_nanoseconds dt.truncate dt.offset_by
    dt.timestamp dt.to_string dt.replace_time_zone dt.convert_time_zone
    str.len_chars str.replace str.replace_all str.strip_chars str.starts_with str.ends_with str.contains str.slice str.head str.tail
    str.split str.to_date str.to_datetime str.to_lowercase str.to_uppercase str.to_titlecase str.zfill
    list.len list.contains list.get struct.field name.suffix name.prefix name.keep name.to_lowercase name.to_uppercase""".split()  # noqa: SIM905  (a line each is a screen of them)
)
# What narwhals makes of `.clip` with one bound, and what its older versions have not.
_FURTHER = frozenset(
    {"clip_lower", "clip_upper", "__neg__", "str.strip_chars_start", "str.strip_chars_end", "str.pad_start", "str.pad_end", "str.to_time"}
    | {f"list.{word}" for word in ("max", "mean", "median", "min", "sum", "unique")}
)
_KINDS = frozenset({"COL", "LITERAL", "ELEMENTWISE", "WHEN_THEN"})


def expression_to_json(expression: Any, value: Callable[[Any], Any]) -> list[dict[str, Any]]:
    """Return an expression as plain values.

    Parameters
    ----------
    value
        Makes plain values of what stands in it: numbers, text, dtypes, and expressions again.

    Raises
    ------
    ArtefactError
        It holds an operation that cannot be saved, such as a function of the user's.
    """
    made = []
    for node in nodes_of(expression):
        if not _is_known(node.kind.name, node.name):
            msg = f"The expression {expression} cannot be saved: {node.name} is none of the operations of single rows that a file may hold."
            raise ArtefactError(f"{msg} Write it as a function under @gp.rows in a module of yours.")
        made.append(
            {
                "kind": node.kind.name,
                "name": node.name,
                "arguments": [value(given) for given in node.exprs],
                "options": {name: value(given) for name, given in node.kwargs.items()},
                "text_is_value": bool(node.str_as_lit),
                "several": bool(node.allow_multi_output),
            }
        )
    return made


def expression_of_json(nodes: Any, value: Callable[[Any], Any]) -> Any:
    """Return the expression of what `expression_to_json` made; `value` is its counterpart.

    Raises
    ------
    ArtefactError
        It is none, or holds an operation that is not known.
    """
    (first,) = nodes_of(nw.col("a"))
    if not isinstance(nodes, list) or not nodes:
        raise ArtefactError("Expected the operations of an expression, got none. Save the stage again.")
    made = []
    for place, node in enumerate(nodes):
        expected = {"kind", "name", "arguments", "options", "text_is_value", "several"}
        if not isinstance(node, dict) or set(node) != expected or not _is_known(node["kind"], node["name"]) or not _is_sound(node):
            msg = f"Expected an operation of an expression, got {node!r:.80}. The folder was not written by gpupipe.save."
            raise ArtefactError(msg)
        if (place == 0) != (node["name"] in _START):
            msg = f"An expression begins with a column, a value or a choice, and goes on with operations; got {node['name']!r}."
            raise ArtefactError(msg)
        options = {name: _listed(value(given)) for name, given in node["options"].items()}
        kind = getattr(type(first.kind), node["kind"])
        arguments = [value(given) for given in node["arguments"]]
        flags = {"str_as_lit": node["text_is_value"], "allow_multi_output": node["several"]}
        made.append(type(first)(kind, node["name"], exprs=arguments, **flags, **options))
    return nw.Expr(*made)


def is_expression(value: Any) -> bool:
    """Whether a value is an expression of narwhals'."""
    return isinstance(value, AnyExpr)


def _is_known(kind: Any, name: Any) -> bool:
    """Whether an operation is of single rows and among the known ones."""
    return isinstance(kind, str) and isinstance(name, str) and kind in _KINDS and name in _START | _OPERATORS | _METHODS | _FURTHER


def _is_sound(node: Mapping[str, Any]) -> bool:
    """Whether the parts of an operation are of the right kinds."""
    named = isinstance(node["options"], dict) and not {"exprs", "str_as_lit", "allow_multi_output"} & set(node["options"])
    return named and isinstance(node["arguments"], list) and type(node["text_is_value"]) is bool and type(node["several"]) is bool


def _listed(value: Any) -> Any:
    """Return sequences as lists, which narwhals keeps them as."""
    return list(value) if isinstance(value, tuple) else value

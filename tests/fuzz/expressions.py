"""Random expressions, each as Python for narwhals and as SQL for DuckDB.

Floats are small multiples of a quarter, so that sums are exact in whatever order they are taken; those that are not (means of means) are
`ROUNDED`, which nothing is computed of any more. Whole numbers of fewer bits than 64 (`NARROW`) are compared and not computed with, since
they overflow; so are decimals (`EXACT`) that came of others (`MONEY`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from random import Random
from typing import Any

INT, FLOAT, TEXT, BOOL, DATE, ROUNDED, NARROW = "int", "float", "text", "bool", "date", "rounded", "narrow"
MONEY, EXACT = "money", "exact"
VALUES: dict[str, Sequence[Any]] = {
    INT: (-2, -1, 0, 1, 2, 3),
    FLOAT: (-1.5, -0.25, 0.0, 0.5, 1.25, 3.0),
    TEXT: ("", "a", "b", "ab", "é"),
    BOOL: (True, False),
    DATE: tuple(date(2024, 2, day) for day in (27, 28, 29)),
    MONEY: tuple(Decimal(text) for text in ("-0.07", "0.00", "0.05", "1.10", "19.99")),
}
Columns = Mapping[str, str]  # the dtype of each


class UnfitError(Exception):
    """A step cannot be done on the columns that there are."""


@dataclass(frozen=True)
class Expression:
    """An expression in both languages, its dtype, and the columns it reads, with the dtypes it takes them for."""

    code: str
    sql: str
    dtype: str
    reads: tuple[tuple[str, str], ...] = ()

    def require(self, columns: Columns) -> None:
        """Raise UnfitError where a column is not there, or another one is."""
        if any(columns.get(name) != dtype for name, dtype in self.reads):
            raise UnfitError


def quoted(name: str) -> str:
    """Return a column's name in SQL."""
    return f'"{name}"'


def column(name: str, dtype: str) -> Expression:
    """Return a column."""
    return Expression(f'nw.col("{name}")', quoted(name), dtype, ((name, dtype),))


def literal(value: Any) -> tuple[str, str]:
    """Return a value in Python and in SQL."""
    if isinstance(value, bool):
        return repr(value), str(value).upper()
    if isinstance(value, float):
        return repr(value), f"{value!r}::DOUBLE"
    if isinstance(value, int):
        return repr(value), f"{value}::BIGINT"
    if isinstance(value, Decimal):
        return f'Decimal("{value}")', f"{value}::DECIMAL(15, 2)"
    if isinstance(value, date):
        return f"date({value.year}, {value.month}, {value.day})", f"DATE '{value}'"
    return f'"{value}"', "'" + value + "'"


def made(code: str, sql: str, dtype: str, *parts: Expression) -> Expression:
    """Return an expression of others: `{0}` in the texts is the first of them."""
    reads = tuple(dict.fromkeys(read for part in parts for read in part.reads))
    return Expression(code.format(*(part.code for part in parts)), sql.format(*(part.sql for part in parts)), dtype, reads)


def any_column(dice: Random, columns: Columns, *dtypes: str) -> Expression:
    """Return one of the columns of some dtypes."""
    names = [name for name, dtype in columns.items() if dtype in dtypes]
    if not names:
        raise UnfitError
    name = dice.choice(names)
    return column(name, columns[name])


def condition(dice: Random, columns: Columns, depth: int = 2) -> Expression:
    """Return a random condition."""
    kind = dice.choice(["compare", "compare", "pair", "null", "in", "flag", "and", "or", "not"] if depth else ["compare", "null", "pair"])
    if kind in ("and", "or", "not"):
        one = condition(dice, columns, depth - 1)
        if kind == "not":
            return made("(~({0}))", "(NOT {0})", BOOL, one)
        sign, word = ("&", "AND") if kind == "and" else ("|", "OR")
        return made(f"({{0}} {sign} {{1}})", f"({{0}} {word} {{1}})", BOOL, one, condition(dice, columns, depth - 1))
    if kind == "null":
        one = any_column(dice, columns, *columns.values())
        return dice.choice([made("{0}.is_null()", "({0} IS NULL)", BOOL, one), made("(~{0}.is_null())", "({0} IS NOT NULL)", BOOL, one)])
    if kind == "flag":
        return any_column(dice, columns, BOOL)
    sign = dice.choice(["==", "!=", "<", "<=", ">", ">="])
    in_sql = {"==": "=", "!=": "<>"}.get(sign, sign)
    if kind == "pair":
        one = any_column(dice, columns, INT, FLOAT, TEXT, DATE, MONEY)
        other = any_column(dice, columns, one.dtype)
        return made(f"({{0}} {sign} {{1}})", f"({{0}} {in_sql} {{1}})", BOOL, one, other)
    if kind == "in":
        one = any_column(dice, columns, INT, TEXT)
        values = [literal(value) for value in dice.sample(VALUES[one.dtype], 2)]
        code, sql = (", ".join(texts) for texts in zip(*values, strict=True))
        return made(f"{{0}}.is_in([{code}])", f"({{0}} IN ({sql}))", BOOL, one)
    one = any_column(dice, columns, INT, FLOAT, TEXT, DATE, NARROW, MONEY, EXACT)
    code, sql = literal(dice.choice((0, 1, 2) if one.dtype in (NARROW, MONEY, EXACT) else VALUES[one.dtype]))
    return made(f"({{0}} {sign} {code})", f"({{0}} {in_sql} {sql})", BOOL, one)


def value(dice: Random, columns: Columns, dtype: str, depth: int = 2) -> Expression:
    """Return a random expression of a dtype, which looks at one row."""
    makers = _MAKERS[dtype]
    return dice.choice(makers)(dice, columns, dtype, depth) if depth and dice.random() < 0.8 else any_column(dice, columns, dtype)


def _shifted(dice: Random, columns: Columns, dtype: str, depth: int) -> Expression:
    code, sql = literal(dice.choice([1, 2, 3]) if dtype == INT else dice.choice([0.5, 2.0]))
    sign = dice.choice("+-*")
    return made(f"({{0}} {sign} {code})", f"({{0}} {sign} {sql})", dtype, value(dice, columns, dtype, depth - 1))


def _two(dice: Random, columns: Columns, dtype: str, depth: int) -> Expression:
    sign = dice.choice("+-")
    other = INT if dtype == FLOAT and dice.random() < 0.3 else dtype
    return made(f"({{0}} {sign} {{1}})", f"({{0}} {sign} {{1}})", dtype, any_column(dice, columns, dtype), any_column(dice, columns, other))


def _chosen(dice: Random, columns: Columns, dtype: str, depth: int) -> Expression:
    parts = (condition(dice, columns, 1), value(dice, columns, dtype, depth - 1), value(dice, columns, dtype, depth - 1))
    if dice.random() < 0.3:
        return made("nw.when({0}).then({1})", "(CASE WHEN {0} THEN {1} END)", dtype, *parts[:2])
    return made("nw.when({0}).then({1}).otherwise({2})", "(CASE WHEN {0} THEN {1} ELSE {2} END)", dtype, *parts)


def _filled(dice: Random, columns: Columns, dtype: str, depth: int) -> Expression:
    code, sql = literal(dice.choice(VALUES[dtype]))
    return made(f"{{0}}.fill_null({code})", f"coalesce({{0}}, {sql})", dtype, any_column(dice, columns, dtype))


def _first_there(dice: Random, columns: Columns, dtype: str, depth: int) -> Expression:
    parts = any_column(dice, columns, dtype), any_column(dice, columns, dtype)
    return made("nw.coalesce({0}, {1})", "coalesce({0}, {1})", dtype, *parts)


def _absolute(dice: Random, columns: Columns, dtype: str, depth: int) -> Expression:
    return made("{0}.abs()", "abs({0})", dtype, any_column(dice, columns, dtype))


def _largest(dice: Random, columns: Columns, dtype: str, depth: int) -> Expression:
    code, sql = dice.choice([("max", "greatest"), ("min", "least")])
    parts = any_column(dice, columns, dtype), any_column(dice, columns, dtype)
    return made(f"nw.{code}_horizontal({{0}}, {{1}})", f"{sql}({{0}}, {{1}})", dtype, *parts)


def _of_day(dice: Random, columns: Columns, dtype: str, depth: int) -> Expression:
    return made("{0}.dt.day().cast(nw.Int64)", "day({0})", INT, any_column(dice, columns, DATE))


def _halved(dice: Random, columns: Columns, dtype: str, depth: int) -> Expression:
    return made("({0} / 2)", "({0} / 2)", FLOAT, any_column(dice, columns, INT, FLOAT))


def _upper(dice: Random, columns: Columns, dtype: str, depth: int) -> Expression:
    return made("{0}.str.to_uppercase()", "upper({0})", TEXT, any_column(dice, columns, TEXT))


def _sliced(dice: Random, columns: Columns, dtype: str, depth: int) -> Expression:
    return made("{0}.str.slice(0, 1)", "substr({0}, 1, 1)", TEXT, any_column(dice, columns, TEXT))


def _joined(dice: Random, columns: Columns, dtype: str, depth: int) -> Expression:
    parts = any_column(dice, columns, TEXT), any_column(dice, columns, TEXT)
    return made('nw.concat_str([{0}, {1}], separator="-")', "({0} || '-' || {1})", TEXT, *parts)


def _two_amounts(dice: Random, columns: Columns, dtype: str, depth: int) -> Expression:
    sign = dice.choice("+-")
    return made(f"({{0}} {sign} {{1}})", f"({{0}} {sign} {{1}})", EXACT, any_column(dice, columns, MONEY), any_column(dice, columns, MONEY))


def _product(dice: Random, columns: Columns, dtype: str, depth: int) -> Expression:
    one = any_column(dice, columns, MONEY)
    if dice.random() < 0.4:
        return made("({0} * (1 - {1}))", "({0} * (1 - {1}))", EXACT, one, any_column(dice, columns, MONEY))
    return made("({0} * {1})", "({0} * {1})", EXACT, one, any_column(dice, columns, MONEY))


def _condition(dice: Random, columns: Columns, dtype: str, depth: int) -> Expression:
    return condition(dice, columns, depth)


Maker = Callable[[Random, Columns, str, int], Expression]
_MAKERS: dict[str, tuple[Maker, ...]] = {
    INT: (_shifted, _two, _chosen, _chosen, _filled, _first_there, _absolute, _largest, _of_day),
    FLOAT: (_shifted, _two, _chosen, _chosen, _filled, _first_there, _absolute, _largest, _halved),
    TEXT: (_chosen, _filled, _first_there, _upper, _sliced, _joined),
    BOOL: (_condition, _chosen, _filled),
    DATE: (_chosen, _filled, _first_there),
    MONEY: (_chosen, _first_there),
    EXACT: (_product, _two_amounts),
}
_REDUCED: tuple[tuple[str, str, tuple[str, ...], str | None], ...] = (
    ("{0}.sum()", "coalesce(sum({0}), 0)", (INT, FLOAT), None),
    ("{0}.sum()", "coalesce(sum({0}), 0)", (INT, FLOAT, MONEY, EXACT), None),
    ("{0}.min()", "min({0})", (INT, FLOAT, TEXT, DATE, MONEY), None),
    ("{0}.max()", "max({0})", (INT, FLOAT, TEXT, DATE), None),
    ("{0}.mean()", "avg({0})", (INT, FLOAT, MONEY), ROUNDED),
    ("{0}.count()", "count({0})", (INT, FLOAT, TEXT, BOOL, DATE), NARROW),
    ("{0}.n_unique()", "(count(DISTINCT {0}) + CASE WHEN count({0}) < count(*) THEN 1 ELSE 0 END)", (INT, TEXT, DATE), NARROW),
)


def reduced(dice: Random, columns: Columns, *, plain: bool = True, only: str = "") -> Expression:
    """Return a random aggregate: of a column, of an expression, or of one by a condition; or a ratio of two."""
    if not only and dice.random() < 0.15:
        return Expression("nw.len()", "count(*)", NARROW)
    code, sql, dtypes, dtype = dice.choice([one for one in _REDUCED if only in one[0]])
    if plain:
        of = any_column(dice, columns, *dtypes)
    elif only != "sum" and dice.random() < 0.2:
        parts = [reduced(dice, columns, plain=dice.random() < 0.5, only="sum") for _ in range(2)]
        return made("({0} / ({1} + 0.5))", "({0}::DOUBLE / ({1} + 0.5::DOUBLE))", ROUNDED, *parts)
    else:
        has_money = MONEY in columns.values() and EXACT in dtypes
        of = value(dice, columns, EXACT if has_money and dice.random() < 0.5 else dice.choice(dtypes))
    return made(code, sql, dtype or _summed(code, of.dtype), of)


def _summed(code: str, dtype: str) -> str:
    """Return the dtype of an aggregate that keeps it: sums of decimals have more digits."""
    return EXACT if dtype == MONEY and "sum" in code else dtype


def windowed(dice: Random, columns: Columns) -> Expression:
    """Return an aggregate of the rows of a key, or of all rows, beside each of them."""
    code, sql, dtypes, dtype = dice.choice([one for one in _REDUCED if "n_unique" not in one[0]])
    of = any_column(dice, columns, *dtypes)
    whole = made(code, sql, dtype or _summed(code, of.dtype), of)
    by = any_column(dice, columns, INT, TEXT, DATE, BOOL) if dice.random() < 0.8 else None
    over = "" if by is None else f"PARTITION BY {by.sql}"
    for call in (f"sum({of.sql})", f"min({of.sql})", f"max({of.sql})", f"avg({of.sql})", f"count({of.sql})"):
        sql = whole.sql.replace(call, f"{call} OVER ({over})") if call in whole.sql else None
        if sql is not None:
            break
    assert sql is not None
    in_code = whole.code if by is None else f'{whole.code}.over("{by.reads[0][0]}")'
    reads = tuple(dict.fromkeys((*whole.reads, *(() if by is None else by.reads))))
    found = replace(whole, code=in_code, sql=sql, reads=reads)
    if found.dtype in (INT, FLOAT) and found.dtype == of.dtype and dice.random() < 0.4:
        return made("({0} - {1})", "({0} - {1})", found.dtype, of, found)
    return found

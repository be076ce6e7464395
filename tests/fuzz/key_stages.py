"""Random stages by key and time, each with the SQL that says what it means: ``t`` is the table, ``u`` a second one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import narwhals.stable.v2 as nw
import pyarrow as pa

import gpupipe as gp
from tests.fuzz.stage_tables import ANY, KEYS, NUMBERS, POINTS, POOLS, in_microseconds, is_time, random_table


@dataclass(frozen=True)
class KeyCase:
    """A stage, the tables it is run on, and the query that gives the same."""

    stage: Any
    tables: tuple[pa.Table, ...]
    query: str


def random_key_case(seed: int | str) -> KeyCase:
    """Return the case of a seed; numbers that follow one another are of all kinds in turn."""
    dice = Random(seed)
    return (MAKERS[seed % len(MAKERS)] if isinstance(seed, int) else dice.choice(MAKERS))(dice)


def _parts(dice: Random) -> tuple[dict[str, str], list[str], list[str]]:
    """Return kinds of the columns of a table, its key's columns, and those that order it."""
    kinds = {"k": dice.choice(KEYS), "t": dice.choice(POINTS), "x": dice.choice(NUMBERS), "y": dice.choice(NUMBERS)}
    kinds |= {name: dice.choice(KEYS) for name in ("j", "s") if dice.random() < 0.4}
    by = ["k", "j"] if "j" in kinds and dice.random() < 0.6 else ["k"]
    order = [["t"], ["t"], ["t", "x"], ["x"]][dice.randrange(4)]
    names = list(kinds)
    dice.shuffle(names)
    return {name: kinds[name] for name in names}, by, order


def _settled(kinds: Mapping[str, str], by: Sequence[str], order: Sequence[str]) -> str:
    """Return the window of a key's rows in the order that a stage promises: ties by the other columns, floats last."""
    rest = [name for name in kinds if name not in by and name not in order]
    floats = [name for name in rest if pa.types.is_floating(POOLS[kinds[name]][0])]
    columns = [*order, *(name for name in rest if name not in floats), *floats]
    return f"PARTITION BY {', '.join(by)} ORDER BY {', '.join(f'{name} ASC NULLS FIRST' for name in columns)}"


def _same_key(by: Sequence[str]) -> str:
    return " AND ".join(f"a.{name} IS NOT DISTINCT FROM b.{name}" for name in by)


def _shifted(dice: Random) -> KeyCase:
    kinds, by, order = _parts(dice)
    column = dice.choice([name for name in kinds if name not in by])
    stage, word = dice.choice([(gp.Lag, "lag"), (gp.Lead, "lead")])
    n = dice.choice([1, 1, 2, 20])
    query = f"SELECT *, {word}({column}, {n}) OVER ({_settled(kinds, by, order)}) AS {column}_{word}_{n} FROM t"
    return KeyCase(stage(column, n, by=by, order=order), (random_table(dice, kinds),), query)


def _difference(dice: Random) -> KeyCase:
    kinds, by, order = _parts(dice)
    column = dice.choice([name for name in ("t", "x", "y") if kinds[name] != "date"] or ["x"])
    n, wide = dice.choice([1, 1, 2]), column
    if pa.types.is_integer(POOLS[kinds[column]][0]):
        wide = f"{column}::BIGINT"
    query = f"SELECT *, {wide} - lag({wide}, {n}) OVER ({_settled(kinds, by, order)}) AS {column}_diff_{n} FROM t"
    return KeyCase(gp.Diff(column, n, by=by, order=order), (random_table(dice, kinds),), query)


def _running(dice: Random) -> KeyCase:
    kinds, by, order = _parts(dice)
    column = dice.choice(["x", "y"])
    wide = "DOUBLE" if pa.types.is_floating(POOLS[kinds[column]][0]) else "BIGINT"
    over = f"OVER ({_settled(kinds, by, order)} ROWS UNBOUNDED PRECEDING)"
    query = f"SELECT *, CASE WHEN {column} IS NOT NULL THEN sum({column}::{wide}) {over} END AS {column}_cum_sum FROM t"
    return KeyCase(gp.CumSum(column, by=by, order=order), (random_table(dice, kinds),), query)


def _filled(dice: Random) -> KeyCase:
    kinds, by, order = _parts(dice)
    column = dice.choice([name for name in kinds if name not in (*by, *order)])
    how, limit = dice.choice(["forward", "backward"]), dice.choice([None, None, 1, 2])
    rows = "UNBOUNDED" if limit is None else limit
    word, frame = (
        ("last_value", f"{rows} PRECEDING AND CURRENT ROW") if how == "forward" else ("first_value", f"CURRENT ROW AND {rows} FOLLOWING")
    )
    filled = f"{word}({column} IGNORE NULLS) OVER ({_settled(kinds, by, order)} ROWS BETWEEN {frame})"
    query = f"SELECT * REPLACE ({filled} AS {column}) FROM t"
    return KeyCase(gp.FillByKey(column, how, by=by, order=order, limit=limit), (random_table(dice, kinds),), query)


def _ranked(dice: Random) -> KeyCase:
    kinds, by, _ = _parts(dice)
    column, descending = dice.choice(["x", "y", "t"]), dice.random() < 0.5
    method = dice.choice(["min", "max", "average", "dense"])
    sign = "DESC" if descending else "ASC"
    parts = ", ".join([*by, f"{column} IS NULL"])
    place = f"rank() OVER (PARTITION BY {parts} ORDER BY {column} {sign})"
    ties = f"count(*) OVER (PARTITION BY {parts}, {column})"
    ranks = {
        "min": place,
        "max": f"{place} + {ties} - 1",
        "average": f"{place} + ({ties} - 1) / 2",
        "dense": f"dense_rank() OVER (PARTITION BY {parts} ORDER BY {column} {sign})",
    }
    query = f"SELECT *, CASE WHEN {column} IS NOT NULL THEN {ranks[method]} END AS {column}_rank FROM t"
    return KeyCase(gp.Rank(column, by=by, descending=descending, method=method), (random_table(dice, kinds),), query)


_REDUCED: Mapping[str, str] = {
    "count": "count({0})",
    "mean": "avg({0}::DOUBLE)",
    "std": "stddev_samp({0}::DOUBLE)",
    "var": "var_samp({0}::DOUBLE)",
    "median": "coalesce(quantile_cont({0}::DOUBLE, 0.5) FILTER (NOT isnan({0}::DOUBLE)), max({0}))",
    "quantile": "coalesce(quantile_cont({0}::DOUBLE, 0.25) FILTER (NOT isnan({0}::DOUBLE)), max({0}))",
    "min": "coalesce(min({0}) FILTER (NOT isnan({0}::DOUBLE)), min({0}))",
    "max": "coalesce(max({0}) FILTER (NOT isnan({0}::DOUBLE)), max({0}))",
}


def _aggregates(dice: Random, kinds: Mapping[str, str]) -> dict[str, tuple[Any, ...]]:
    """Return some aggregates of a window."""
    made: dict[str, tuple[Any, ...]] = {}
    for name in ("r", "q")[: dice.choice([1, 2])]:
        function, column = dice.choice([*_REDUCED, "sum", "first", "last"]), dice.choice(["x", "y"])
        if function in ("std", "var", "median", "quantile", "mean") and kinds[column] == "float":
            column = "z"  # which has neither infinity nor NaN, of which the least is promised
        made[name] = (column, function, 0.25) if function == "quantile" else (column, function)
    return made


def _window(made: Mapping[str, tuple[Any, ...]], kinds: Mapping[str, str], inside: str, by: Sequence[str], index: str) -> str:
    """Return the query of aggregates of the rows ``b`` that are inside the window of a row ``a``."""
    parts = []
    for name, (column, function, *_) in made.items():
        value = f"b.{column}"
        if function == "sum":
            wide = "DOUBLE" if pa.types.is_floating(POOLS[kinds[column]][0]) else "BIGINT"
            reduced = f"coalesce(sum({value}::{wide}), 0)"
        elif function in ("first", "last"):
            sign = "ASC" if function == "first" else "DESC"
            reduced = f"first({value} ORDER BY b.{index} {sign}, {value} {sign}) FILTER ({value} IS NOT NULL)"
        else:
            reduced = _REDUCED[function].format(value)
        picked = f"(SELECT {reduced} FROM numbered b WHERE {_same_key(by)} AND {inside})"
        parts.append(f"CASE WHEN a.{index} IS NOT NULL THEN {picked} END AS {name}")
    return ", ".join(parts)


def _rolled(dice: Random) -> KeyCase:
    kinds, by, _ = _parts(dice)
    kinds |= {"z": "finite"}
    made, at = _aggregates(dice, kinds), in_microseconds(kinds["t"], "{}.t")
    mine, yours = at.format("a"), at.format("b")
    order = _settled(kinds, by, ["t"])
    numbered = f"WITH numbered AS (SELECT *, row_number() OVER ({order}) AS place__ FROM t)"
    kind = dice.choice(["rows", "window", "expanding"])
    if kind == "rows":
        rows = dice.choice([1, 2, 3])
        stage: Any = gp.Rolling(by, index="t", rows=rows, **made)
        inside = f"b.t IS NOT NULL AND b.place__ BETWEEN a.place__ - {rows - 1} AND a.place__"
    elif kind == "window":
        unit = dice.choice([1, 1000, 3_600_000_000, 86_400_000_000]) if is_time(kinds["t"]) else 1
        start = dice.choice([-2, -1, 0, 1])
        ends = (start * unit, start * unit + dice.choice([1, 2, 3]) * unit + dice.choice([0, 0, 1]))
        stage = gp.Rolling(
            by, index="t", **dict(zip(("start", "stop"), (f"{n}us" if is_time(kinds["t"]) else n for n in ends), strict=True)), **made
        )
        inside = f"{yours} >= {mine} + {ends[0]} AND {yours} < {mine} + {ends[1]}"
    else:
        stage, inside = gp.Expanding(by, index="t", **made), f"{yours} <= {mine}"
    index = "place__" if kind == "rows" else "t"
    kept = ", ".join(f"a.{name}" for name in kinds)
    parts = _window(made, kinds, inside, by, index).replace("CASE WHEN a.place__", "CASE WHEN a.t")
    return KeyCase(stage, (random_table(dice, kinds),), f"{numbered} SELECT {kept}, {parts} FROM numbered a")


def _sessions(dice: Random) -> KeyCase:
    kinds, by, _ = _parts(dice)
    at = in_microseconds(kinds["t"], "t")
    gap = dice.choice([0, 1, 2, 1000, 3_600_000_000, 86_400_000_000])
    stage = gp.Sessionize(by, order="t", gap=f"{gap}us" if is_time(kinds["t"]) else gap)
    window = f"OVER (PARTITION BY {', '.join(by)}, t IS NULL ORDER BY t RANGE UNBOUNDED PRECEDING)"
    before = f"lag({at}) OVER (PARTITION BY {', '.join(by)}, t IS NULL ORDER BY t)"
    query = f"""WITH marked AS (SELECT *, ({at} - {before}) > {gap} AS begins__ FROM t)
        SELECT * EXCLUDE begins__, CASE WHEN t IS NOT NULL THEN count(*) FILTER (begins__) {window} END AS session_id FROM marked"""
    return KeyCase(stage, (random_table(dice, kinds),), query)


def _two(dice: Random, more: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str], list[str]]:
    """Return kinds of two tables with a key in common, and the key."""
    key = {name: dice.choice(KEYS) for name in dice.choice([["k"], ["k"], ["k", "j"]])}
    return {**key, "t": "", "x": dice.choice(NUMBERS)}, {**key, **more, "v": dice.choice(NUMBERS), "x": dice.choice(KEYS)}, list(key)


def _asof(dice: Random) -> KeyCase:
    left, right, by = _two(dice, {"t": ""})
    kind = dice.choice(POINTS)
    left["t"], right["t"] = (
        kind,
        dice.choice(["ms", "us", "date"] if kind in ("ms", "us", "date") else ["zoned"] if kind == "zoned" else ["int", "unsigned"]),
    )
    strategy, exact = dice.choice(["backward", "forward", "nearest"]), dice.random() < 0.7
    gap = dice.choice([None, None, 1, 2, 3_600_000_000, 86_400_000_000])
    length: Any = gap if gap is None or not is_time(kind) else f"{gap}us"
    mine, yours = in_microseconds(left["t"], "a.t"), in_microseconds(right["t"], "b.t")
    distance = f"({mine} - {yours})"
    conditions = [*(f"a.{name} = b.{name}" for name in by), "a.t IS NOT NULL", "b.t IS NOT NULL"]
    conditions += [f"{distance} >= 0"] if strategy == "backward" else [f"{distance} <= 0"] if strategy == "forward" else []
    conditions += [] if exact else [f"{distance} <> 0"]
    conditions += [] if gap is None else [f"abs({distance}) <= {gap}"]
    sign = "ASC" if strategy == "forward" else "DESC"
    order = [f"abs({distance})", *([f"{yours} DESC"] if strategy == "nearest" else [])]
    nulls = "NULLS FIRST" if sign == "ASC" else "NULLS LAST"
    order += [f"b.{name} {sign} {nulls}" for name in right if name not in (*by, "t")]
    query = f"""WITH numbered AS (SELECT *, row_number() OVER () AS row__ FROM t),
        found AS (SELECT a.row__, b.v, b.x, row_number() OVER (PARTITION BY a.row__ ORDER BY {", ".join(order)}) AS place__
            FROM numbered a JOIN u b ON {" AND ".join(conditions)})
        SELECT {", ".join(f"n.{name}" for name in left)}, f.v, f.x AS x_right FROM numbered n
        LEFT JOIN (SELECT * FROM found WHERE place__ = 1) f ON n.row__ = f.row__"""
    stage = gp.AsofJoin("t", by=by, strategy=strategy, tolerance=length, exact=exact)
    return KeyCase(stage, (random_table(dice, left), random_table(dice, right)), query)


def _intervals(dice: Random) -> KeyCase:
    left, right, by = _two(dice, {"low": "", "high": ""})
    kind = dice.choice(["int", "float", "date", "us", "zoned", "unsigned"])
    left["t"] = kind
    right["low"], right["high"] = (dice.choice([kind, "int", "finite"]) for _ in range(2)) if not is_time(kind) else (kind, kind)
    closed, how = dice.choice(["left", "right", "both", "none"]), dice.choice(["inner", "left"])
    above, below = ">=" if closed in ("left", "both") else ">", "<=" if closed in ("right", "both") else "<"
    conditions = [*(f"a.{name} = b.{name}" for name in by), f"a.t {above} b.low", f"(a.t {below} b.high OR b.high IS NULL)"]
    query = f"""SELECT a.*, b.* EXCLUDE ({", ".join((*by, "x"))}), b.x AS x_right
        FROM t a {how.upper()} JOIN u b ON {" AND ".join(conditions)}"""
    stage = gp.IntervalJoin("t", start="low", end="high", by=by, how=how, closed=closed)
    return KeyCase(stage, (random_table(dice, left), random_table(dice, right)), query)


def _resampled(dice: Random) -> KeyCase:
    kinds, by, _ = _parts(dice)
    kinds["t"] = kind = dice.choice(["date", "ms", "us", "zoned"])
    zone = dice.choice([None, None, "America/New_York"]) if kind != "date" else None
    every, part = dice.choice([("1d", "day"), ("1w", "week"), ("1mo", "month"), ("1q", "quarter"), ("1y", "year"), ("1h", "hour")])
    if every == "1h" and kind == "date":
        every, part = "1d", "day"
    at = f"make_timestamp({in_microseconds(kind, 't')})"
    zone_of = zone or ("Europe/Berlin" if kind == "zoned" else None)
    if zone_of is not None and part != "hour":
        local = f"date_trunc('{part}', ({at} AT TIME ZONE 'UTC') AT TIME ZONE '{zone_of}')"
        begin = f"epoch_us({local} AT TIME ZONE '{zone_of}')"
    else:
        begin = f"epoch_us(date_trunc('{part}', {at})::TIMESTAMP)"
    factor = {"date": 86_400_000_000, "ms": 1000}.get(kind, 1)
    query = f"SELECT {', '.join(by)}, {begin} // {factor} AS t, count(x) AS n, max(t) AS top FROM t WHERE t IS NOT NULL GROUP BY ALL"
    stage = gp.Resample("t", every, by=by, time_zone=zone, n=nw.col("x").count(), top=nw.col("t").max())
    return KeyCase(stage, (random_table(dice, kinds),), query.replace("max(t) AS top", "max(t.t) AS top"))


def _pivoted(dice: Random) -> KeyCase:
    kinds, by, _ = _parts(dice)
    kinds["on"] = dice.choice(["int", "text", "tiny", "words"])
    values = dice.sample(list(POOLS[kinds["on"]][1]), 3)
    function, column = dice.choice(["sum", "mean", "min", "max", "count"]), dice.choice(["x", "y"])
    if kinds[column] in ("float", "single"):
        column, kinds["z"] = "z", "finite"
    wide = "DOUBLE" if function == "mean" or column == "z" else "BIGINT"
    parts = []
    for value in values:
        text = "'" + value + "'" if isinstance(value, str) else str(value)
        name = gp_name("on", str(value))
        word = "avg" if function == "mean" else function
        parts.append(f'{word}({column}::{wide}) FILTER ("on" = {text}) AS "{name}"')
    query = f"SELECT {', '.join(by)}, {', '.join(parts)} FROM t GROUP BY {', '.join(by)}"
    return KeyCase(gp.Pivot(by, on="on", values=values, column=column, function=function), (random_table(dice, kinds),), query)


def gp_name(column: str, value: str) -> str:
    """Return what a column of a pivot is called."""
    return f"{column}_{'_'.join(value.split())}" if value.split() else f"{column}_"


def _unpivoted(dice: Random) -> KeyCase:
    kind = dice.choice(ANY)
    kinds = {"k": dice.choice(KEYS), "a": kind, "b": kind, "c": kind}
    chosen = dice.sample(["a", "b", "c"], dice.choice([1, 2, 3]))
    query = " UNION ALL ".join(f"SELECT k, '{name}' AS variable, {name} AS value FROM t" for name in chosen)
    return KeyCase(gp.Unpivot(chosen, keep="k"), (random_table(dice, kinds),), query)


def _exploded(dice: Random) -> KeyCase:
    kind = dice.choice(ANY)
    flat = random_table(dice, {"k": dice.choice(KEYS), "v": kind}, most=20)
    lengths = [dice.choice([None, 0, 1, 2, 3]) for _ in range(dice.choice([0, 1, 5, 8]))]
    items = [None if n is None else [flat["v"][dice.randrange(len(flat))] for _ in range(n)] if len(flat) else [] for n in lengths]
    lists = [None if held is None else [item.as_py() for item in held] for held in items]
    dtype = POOLS[kind][0]
    if pa.types.is_dictionary(dtype):
        dtype = pa.large_string()
    table = pa.table({"k": pa.array(range(len(lists)), pa.int64()), "x": pa.array(lists, pa.large_list(dtype), from_pandas=False)})
    query = "SELECT k, unnest(CASE WHEN x IS NULL OR len(x) = 0 THEN [NULL] ELSE x END) AS x FROM t"
    return KeyCase(gp.Explode("x"), (table,), query)


def _joined(dice: Random) -> KeyCase:
    kinds, by, _ = _parts(dice)
    kinds["z"] = "finite"
    aggregates = {
        "n": nw.len(),
        "top": nw.col("t").max(),
        "mean": nw.col("z").mean(),
        "total": nw.col("z").sum(),
        "known": nw.col("z").count(),
    }
    sql = {"n": "count(*)", "top": "max(t)", "mean": "avg(z)", "total": "coalesce(sum(z), 0)", "known": "count(z)"}
    chosen = dice.sample(list(sql), 2)
    parts = ", ".join(f"{sql[name].replace('max(t)', 'max(t.t)')} AS {name}" for name in chosen)
    given = (random_table(dice, kinds),)
    source = "t"
    if dice.random() < 0.4:
        given, source = (given[0], random_table(dice, kinds)), "u"
        parts = parts.replace("t.t", "u.t")
    keys = ", ".join(by)
    kept, same = ", ".join(f"m.{name}" for name in chosen), " AND ".join(f"a.{name} = m.{name}" for name in by)
    query = f"""WITH made AS (SELECT {keys}, {parts} FROM {source} GROUP BY {keys})
        SELECT a.*, {kept} FROM t a LEFT JOIN made m ON {same}"""
    return KeyCase(gp.JoinAggregate(by, **{name: aggregates[name] for name in chosen}), given, query)


MAKERS: tuple[Callable[[Random], KeyCase], ...] = (
    _shifted,
    _difference,
    _running,
    _filled,
    _ranked,
    _rolled,
    _rolled,
    _rolled,
    _sessions,
    _asof,
    _asof,
    _intervals,
    _intervals,
    _resampled,
    _pivoted,
    _unpivoted,
    _exploded,
    _joined,
)

"""Random pipelines: a few tiny tables, some stages on them, several outputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from tests.fuzz.expressions import (
    BOOL,
    DATE,
    EXACT,
    FLOAT,
    INT,
    MONEY,
    TEXT,
    VALUES,
    Columns,
    UnfitError,
    any_column,
    condition,
    reduced,
    value,
    windowed,
)
from tests.fuzz.steps import (
    Deduplicated,
    Dropped,
    Filtered,
    FilteredByAll,
    FilteredByValue,
    Function,
    NullsFilled,
    Ordered,
    Renamed,
    Selected,
    Source,
    SplitAndStacked,
    Step,
    ToFloat,
    WithColumns,
)
from tests.fuzz.steps_of_keys import Grouped, Joined, Reduced, Rolled, Stacked

# The columns that source tables have some of: tables share names, so that joins and suffixes have something to do.
POOL = {"k": INT, "j": TEXT, "t": INT, "x": INT, "y": FLOAT, "z": FLOAT, "s": TEXT, "b": BOOL, "d": DATE, "w": MONEY}
NEW = ("m", "n", "p", "q", "x", "y", "s")
SUFFIXES: tuple[Any, ...] = ("_right", "_2", "_of", ("_l", "_r"))


@dataclass(frozen=True)
class Case:
    """A random pipeline: its steps, each after what it takes, and which of them are outputs."""

    steps: tuple[Step, ...]
    outputs: tuple[int, ...]

    def columns(self) -> list[dict[str, str]]:
        """Return the columns of each step, or raise UnfitError."""
        made: list[dict[str, str]] = []
        for step in self.steps:
            made.append(step.columns(*(made[given] for given in step.inputs)))
            if not made[-1]:
                raise UnfitError
        return made

    def code(self) -> str:
        """Return the lines that wire the pipeline, as ``pipeline``."""
        columns, lines = self.columns(), []
        for number, step in enumerate(self.steps):
            wired = step.code([f"s{given}" for given in step.inputs], *(columns[given] for given in step.inputs))
            lines.append(f"s{number} = {wired}")
        lines.append(f"pipeline = gp.Pipeline('p', {', '.join(f's{number}=s{number}' for number in self.outputs)})")
        return "\n".join(lines)

    def sql(self, output: int) -> str:
        """Return the query of an output."""
        columns, parts = self.columns(), []
        for number, step in enumerate(self.steps[: output + 1]):
            query = step.sql([f"s{given}" for given in step.inputs], *(columns[given] for given in step.inputs))
            parts.append(f"s{number} AS ({query})")
        return "WITH " + ",\n".join(parts) + f"\nSELECT * FROM s{output}"


def random_case(seed: int | str) -> Case:
    """Return the case of a seed."""
    dice = Random(seed)
    steps: list[Step] = [_source(dice) for _ in range(dice.choice([1, 2, 2, 3]))]
    columns = [step.columns() for step in steps]
    n_steps = len(steps) + dice.choice([2, 3, 4, 5, 6, 7])
    while len(steps) < n_steps:
        maker = dice.choices([maker for maker, _ in _MAKERS], [weight for _, weight in _MAKERS])[0]
        try:
            step = maker(dice, columns, [step.is_value for step in steps])
            made = step.columns(*(columns[given] for given in step.inputs))
        except UnfitError:
            continue
        if 0 < len(made) <= 12:
            steps.append(step)
            columns.append(made)
    made_here = [number for number, step in enumerate(steps) if not isinstance(step, Source)]
    more = dice.sample(made_here, min(len(made_here), dice.choice([0, 1, 1, 2])))
    return Case(tuple(steps), tuple(sorted({len(steps) - 1, *more})))


def _source(dice: Random) -> Source:
    """Return a table of a few rows."""
    names = ["k", *(name for name in list(POOL)[1:] if dice.random() < 0.55)]
    dice.shuffle(names)
    n_rows = dice.choice([0, 1, 3, 5, 8, 8, 12])
    nulls = dice.choice([0, 0.15, 0.3])
    rows = tuple(tuple(None if dice.random() < nulls else dice.choice(VALUES[POOL[name]]) for name in names) for _ in range(n_rows))
    return Source(tuple((name, POOL[name]) for name in names), rows, "k" if rows and dice.random() < 0.15 else "")


def _input(dice: Random, columns: Sequence[Columns], values: Sequence[bool]) -> int:
    """Return the number of a table so far, a late one most often."""
    tables = [number for number in range(len(columns)) if not values[number]]
    return dice.choice(tables[-3:]) if dice.random() < 0.7 else dice.choice(tables)


def _one(make: Callable[[Random, int, Columns], Step]) -> Callable[..., Step]:
    """Return the maker of a step of one table."""

    def maker(dice: Random, columns: Sequence[Columns], values: Sequence[bool]) -> Step:
        given = _input(dice, columns, values)
        return make(dice, given, columns[given])

    return maker


def _some(dice: Random, columns: Columns, *dtypes: str, most: int = 2) -> tuple[str, ...]:
    """Return some columns of some dtypes."""
    names = [name for name, dtype in columns.items() if not dtypes or dtype in dtypes]
    if not names:
        raise UnfitError
    return tuple(dice.sample(names, dice.randint(1, min(most, len(names)))))


def _filtered(dice: Random, given: int, columns: Columns) -> Step:
    return Filtered((given,), condition(dice, columns))


def _filtered_by_all(dice: Random, given: int, columns: Columns) -> Step:
    return FilteredByAll((given,), any_column(dice, columns, INT, FLOAT, DATE).reads[0][0])


def _with_columns(dice: Random, given: int, columns: Columns) -> Step:
    makers = [lambda: value(dice, columns, dice.choice([INT, FLOAT, TEXT, BOOL, DATE, MONEY, EXACT])), lambda: windowed(dice, columns)]
    made = {dice.choice(NEW): dice.choices(makers, [4, 1])[0]() for _ in range(dice.choice([1, 1, 2]))}
    return WithColumns((given,), tuple(made.items()))


def _function(dice: Random, given: int, columns: Columns) -> Step:
    made = {name: value(dice, columns, dice.choice([INT, FLOAT, TEXT])) for name in dice.sample(NEW, dice.choice([1, 2]))}
    return Function((given,), condition(dice, columns, 1), tuple(made.items()))


def _selected(dice: Random, given: int, columns: Columns) -> Step:
    kept = _some(dice, columns, most=5)
    made = {} if dice.random() < 0.5 else {"e": value(dice, columns, dice.choice([INT, FLOAT, TEXT, EXACT]))}
    return Selected((given,), kept, tuple(made.items()))


def _renamed(dice: Random, given: int, columns: Columns) -> Step:
    names = _some(dice, columns)
    if len(names) == 2 and dice.random() < 0.5:
        return Renamed((given,), ((names[0], names[1]), (names[1], names[0])))
    return Renamed((given,), tuple((name, dice.choice(NEW)) for name in names[:1]))


def _dropped(dice: Random, given: int, columns: Columns) -> Step:
    return Dropped((given,), _some(dice, columns))


def _filled(dice: Random, given: int, columns: Columns) -> Step:
    names = _some(dice, columns, INT, FLOAT, TEXT, BOOL, DATE)
    return NullsFilled((given,), tuple((name, dice.choice(VALUES[columns[name]]), columns[name]) for name in names))


def _to_float(dice: Random, given: int, columns: Columns) -> Step:
    return ToFloat((given,), _some(dice, columns, INT))


def _ordered(dice: Random, given: int, columns: Columns) -> Step:
    by = tuple((name, dice.random() < 0.5) for name in _some(dice, columns, INT, FLOAT, TEXT, DATE, BOOL, MONEY))
    limit = dice.choice([None, 0, 1, 3, 5])
    return Ordered((given,), by, dice.random() < 0.7, limit, limit is not None and dice.random() < 0.3)


def _deduplicated(dice: Random, given: int, columns: Columns) -> Step:
    if dice.random() < 0.3:
        return Deduplicated((given,), (), (), "first")
    by = _some(dice, columns, INT, TEXT, DATE, BOOL)
    order = _some(dice, {name: dtype for name, dtype in columns.items() if name not in by}, INT, FLOAT, TEXT, DATE)
    return Deduplicated((given,), by, order, dice.choice(["first", "last"]))


def _split(dice: Random, given: int, columns: Columns) -> Step:
    keep = condition(dice, columns, 1)
    kind = dice.choice(["rows", "rows", "key", "time"])
    fractions, seed = dice.choice(["(0.5, 0.5)", "(0.2, 0.3, 0.5)"]), dice.randrange(3)
    if kind == "rows":
        return SplitAndStacked((given,), f"{fractions}, seed={seed}", (), keep)
    names = _some(dice, columns, *((INT,) if kind == "time" else (INT, TEXT, DATE)), most=1)
    options = f"{fractions}, by={names[0]!r}, seed={seed}" if kind == "key" else f"order={names[0]!r}, at=[0, 2]"
    return SplitAndStacked((given,), options, names, keep)


def _grouped(dice: Random, given: int, columns: Columns) -> Step:
    by = _some(dice, columns, INT, TEXT, DATE, BOOL)
    plain = dice.random() < 0.6
    names = [name for name in ("m", "n", "p", "x", "y", "s") if name not in by]
    made = {name: reduced(dice, columns, plain=plain) for name in dice.sample(names, dice.randint(1, 3))}
    return Grouped((given,), by, tuple(made.items()), dice.choice(["keep", "keep", "drop"]))


def _rolled(dice: Random, given: int, columns: Columns) -> Step:
    by = _some(dice, columns, INT, TEXT, BOOL, DATE)
    index = any_column(dice, columns, INT).reads[0][0]
    start = dice.choice([-2, -1, 0])
    made = []
    for name in dice.sample(["r", "u", "v"], dice.choice([1, 2])):
        of = any_column(dice, columns, INT, FLOAT)
        made.append((name, of.reads[0][0], dice.choice(["min", "max", "sum", "mean", "count"]), of.dtype))
    return Rolled((given,), by, index, start, start + dice.choice([1, 2, 3]), tuple(made))


def _reduced(dice: Random, given: int, columns: Columns) -> Step:
    names = dice.sample(["m", "n", "p"], dice.choice([1, 2]))
    return Reduced((given,), tuple((name, reduced(dice, columns, plain=dice.random() < 0.5)) for name in names))


def _joined(dice: Random, columns: Sequence[Columns], values: Sequence[bool]) -> Step:
    left = _input(dice, columns, values)
    right = left if dice.random() < 0.2 else _input(dice, columns, values)
    how = dice.choice(["inner", "inner", "inner", "left", "left", "right", "full", "semi", "anti", "cross"])
    suffix = dice.choice(SUFFIXES)
    if how == "cross":
        return Joined((left, right), (), (), how, suffix)
    pairs = [(one, other) for one in columns[left] for other in columns[right] if columns[left][one] == columns[right][other]]
    pairs = [pair for pair in pairs if columns[left][pair[0]] in (INT, TEXT, DATE, BOOL)]
    same = [pair for pair in pairs if pair[0] == pair[1]]
    if not pairs:
        raise UnfitError
    chosen = dice.choice(same if same and dice.random() < 0.7 else pairs)
    more = [pair for pair in same if pair[0] != chosen[0] and pair[1] != chosen[1]]
    on = [chosen, dice.choice(more)] if more and dice.random() < 0.3 else [chosen]
    return Joined((left, right), tuple(one for one, _ in on), tuple(other for _, other in on), how, suffix)


def _stacked(dice: Random, columns: Sequence[Columns], values: Sequence[bool]) -> Step:
    given = tuple(_input(dice, columns, values) for _ in range(dice.choice([2, 2, 3])))
    if dice.random() < 0.4:
        return Stacked(given, ())
    common = [name for name in columns[given[0]] if all(name in columns[other] for other in given)]
    return Stacked(given, _some(dice, dict.fromkeys(common, ""), most=4))


def _filtered_by_value(dice: Random, columns: Sequence[Columns], values: Sequence[bool]) -> Step:
    left, right = _input(dice, columns, values), _input(dice, columns, values)
    name = any_column(dice, columns[left], INT, FLOAT).reads[0][0]
    of = reduced(dice, columns[right], only=dice.choice(["sum", "min"]))
    if of.dtype not in (INT, FLOAT):
        raise UnfitError
    return FilteredByValue((left, right), name, of)


_MAKERS: tuple[tuple[Callable[..., Step], float], ...] = (
    (_joined, 6),
    (_one(_grouped), 4),
    (_one(_filtered), 4),
    (_one(_with_columns), 4),
    (_one(_selected), 2),
    (_one(_function), 1),
    (_one(_ordered), 1.5),
    (_one(_rolled), 1.5),
    (_one(_deduplicated), 1.5),
    (_stacked, 1.5),
    (_one(_renamed), 1),
    (_one(_dropped), 1),
    (_one(_filled), 1),
    (_one(_split), 1),
    (_one(_filtered_by_all), 1),
    (_one(_reduced), 0.7),
    (_filtered_by_value, 0.7),
    (_one(_to_float), 0.5),
)

"""What is expected of a table: rules by name, and what becomes of rows that break them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast

import narwhals.stable.v2 as nw

from gpupipe.checks.rules import AtMostMissing, Doubled, ForeignKey, RowCount, Unique, Within
from gpupipe.core.barrier import Barrier
from gpupipe.core.errors import StageError, UsageError
from gpupipe.core.expressions import other_rows
from gpupipe.core.node import Node, Table, Value
from gpupipe.core.options import WithOptions, settle
from gpupipe.core.want import Want
from gpupipe.stages._named import text
from gpupipe.stages.deduplicate import Deduplicate
from gpupipe.stages.filter import Filter
from gpupipe.stages.join import Join
from gpupipe.stages.rename import Rename
from gpupipe.stages.select import Drop, Select
from gpupipe.stages.with_columns import WithColumns

if TYPE_CHECKING:
    from gpupipe.core.engine import Engine
    from gpupipe.core.progress import Progress

REASON = "reason"
_MARK = "__expect_{}"


class ExpectationWarning(UserWarning):
    """Rows, or a table, are not as they were expected to be."""


@dataclass(frozen=True)
class Expected:
    """What an expectation gives: nodes of a pipeline.

    Parameters
    ----------
    kept
        The rows that go on: those that keep all rules; all rows where the mode is ``"fail"`` or ``"warn"``.
    rejected
        The rows that break some, with the names of those rules in `reason`. ``gp.WriteParquet(path)(rejected)`` keeps them. They have the
        file and line they come from where the source adds those: ``gp.ReadCsv(path, file_column="file", line_column="line")``.
    counts
        ``{"read", "kept", "rejected", "<rule>": ...}``: how many rows there are, and break each rule.
    """

    kept: Table
    rejected: Table
    counts: Value


@dataclass(frozen=True, init=False, eq=False)
class Expect(WithOptions):
    """Holds a table to rules, each by a name of its own.

    A rule is an expression that is true of each row (an answer that is missing passes, as in SQL's CHECK), ``gp.Unique("id")``,
    ``gp.Within("age", 0, 120)``, ``gp.ForeignKey("zone", zones)``; or of the table, ``gp.AtMostMissing("zip", 0.1)``, ``gp.RowCount(1)``.

    Parameters
    ----------
    mode
        ``"fail"``: the run ends where a rule is broken, and no output is written. ``"warn"``: an `ExpectationWarning`, and all rows go on.
        ``"quarantine"``: rows that break a rule are rejected, the others go on; broken rules of the table end the run.
    at_most
        In quarantine, the share of rows that may be rejected: more end the run.
    rules
        By name. In modes ``"fail"`` and ``"warn"``, and where rules are of the table, the table is looked through, and held, before any
        row goes on.

    Examples
    --------
    >>> import polars as pl, narwhals.stable.v2 as nw, gpupipe as gp
    >>> rows = gp.FromFrame(pl.DataFrame({"id": [1, 2, 2], "fare": [5.0, -1.0, 3.0]})).node()
    >>> expected = gp.Expect(mode="quarantine", paid=nw.col("fare") > 0, once=gp.Unique("id"))(rows)
    >>> result = gp.Pipeline("p", kept=expected.kept, rejected=expected.rejected, counts=expected.counts).run()
    >>> result["counts"]
    {'read': 3, 'kept': 1, 'rejected': 2, 'paid': 1, 'once': 2}
    >>> result["rejected"]["reason"].to_list()
    ['paid, once', 'once']
    """

    mode: Literal["fail", "warn", "quarantine"]
    at_most: float | None
    rules: tuple[tuple[str, Any], ...]

    def __init__(self, *, mode: Literal["fail", "warn", "quarantine"] = "fail", at_most: float | None = None, **rules: Any) -> None:
        if mode not in ("fail", "warn", "quarantine"):
            msg = f"Expect has the modes 'fail', 'warn' and 'quarantine', got {mode!r}."
            raise UsageError(msg)
        if at_most is not None and (mode != "quarantine" or not 0 <= at_most <= 1):
            msg = f"Expect takes at_most, a share between 0 and 1, in mode 'quarantine', got {at_most!r} in mode {mode!r}."
            raise UsageError(msg)
        if not rules:
            msg = "Expect expects at least one rule by name: Expect(paid=nw.col('fare') > 0)."
            raise UsageError(msg)
        for name, rule in rules.items():
            _check_rule(name, rule)
        settle(self, mode=mode, at_most=at_most, rules=tuple(rules.items()))

    def __call__(self, table: Table) -> Expected:
        """Return the rows kept and rejected, and the counts."""
        marked = table
        of_rows = [(number, name, rule) for number, (name, rule) in enumerate(self.rules) if not isinstance(rule, AtMostMissing | RowCount)]
        for number, _, rule in of_rows:
            marked = _marked(marked, _MARK.format(number), rule)
        marks = [_MARK.format(number) for number, _, _ in of_rows]
        # Each name with the comma before it: of separators between what may be missing, narwhals 2.25 leaves one at the end on pandas.
        told = [
            nw.when(nw.col(mark)).then(nw.lit(f", {name}")).otherwise(nw.lit("")) for mark, (_, name, _) in zip(marks, of_rows, strict=True)
        ]
        reason = nw.concat_str(*told).str.slice(2) if told else nw.lit("")
        marked = WithColumns(**{REASON: reason})(marked)
        verdict = Verdict(self.mode, self.at_most, self.rules, tuple(marks))
        counts = cast(Value, verdict.wire((marked,)))
        gated = marked
        if self.mode != "quarantine" or self.at_most is not None or len(of_rows) < len(self.rules):
            known = cast(Any, Read().wire((counts,)))
            gated = Filter((nw.col(REASON) == "") | (nw.lit(known) >= 0))(marked)  # true of every row, once the verdict is known
        bad = nw.col(REASON) != ""
        kept = gated if self.mode != "quarantine" else Filter(~bad)(gated)
        return Expected(Drop(*marks, REASON)(kept), (Drop(*marks) if marks else Select(nw.all()))(Filter(bad)(gated)), counts)


def _check_rule(name: str, rule: Any) -> None:
    """Raise UsageError for what is no rule, or one of several rows."""
    if not isinstance(rule, nw.Expr | Unique | ForeignKey | Within | AtMostMissing | RowCount):
        msg = f"Expect takes for {name!r} an expression or a rule such as gp.Unique('id'), got {type(rule).__name__}."
        raise UsageError(msg)
    if isinstance(rule, nw.Expr) and (looks := other_rows(rule)) is not None:
        msg = f"Expect takes expressions of single rows, and {name!r} looks at others ({looks}). Put that into a column before."
        raise UsageError(msg)
    if name in ("read", "kept", "rejected"):
        msg = f"Expect counts what is {name!r} by itself. Give the rule another name."
        raise UsageError(msg)


def _marked(table: Table, mark: str, rule: Any) -> Table:
    """Return the table with a mark of the rows that break a rule."""
    if isinstance(rule, Unique):
        return Doubled(rule.columns, mark)(table)
    if isinstance(rule, ForeignKey):
        names = {there: here for here, there in zip(rule.columns, rule.other, strict=True) if here != there}
        known = Deduplicate()(Select(*rule.other)(rule.table))
        known = Rename(names)(known) if names else known
        joined = Join(list(rule.columns), how="left")(table, WithColumns(**{mark: nw.lit(False)})(known))
        there = [~nw.col(name).is_null() for name in rule.columns]
        return WithColumns(**{mark: nw.all_horizontal(nw.col(mark).is_null(), *there, ignore_nulls=False)})(joined)
    kept = rule.expression() if isinstance(rule, Within) else rule
    return WithColumns(**{mark: ~nw.coalesce(kept, nw.lit(True))})(table)


@dataclass(frozen=True, eq=False)
class Verdict(Barrier):
    """Counts the rows that break each rule, and says whether that ends the run."""

    kind: ClassVar[str] = "value"
    gives: ClassVar[type[Node]] = Value

    mode: str
    at_most: float | None
    rules: tuple[tuple[str, Any], ...]
    marks: tuple[str, ...]

    @property
    def name(self) -> str:
        """What it is a part of."""
        return "Expect"

    def wants(self, *specs: Any) -> tuple[Want | None, ...]:
        """Return the one want: the counts."""
        counts: dict[str, Any] = {"read": nw.len(), "rejected": (nw.col(REASON) != "").cast(nw.Int64).sum()}
        marks = iter(self.marks)
        for number, (_, rule) in enumerate(self.rules):
            if isinstance(rule, AtMostMissing):
                counts[f"{number}"] = nw.col(rule.column).is_null().cast(nw.Int64).sum()
            elif not isinstance(rule, RowCount):
                counts[f"{number}"] = nw.col(next(marks)).cast(nw.Int64).sum()
        named = tuple(counts.items())
        columns = frozenset({REASON, *self.marks, *(rule.column for _, rule in self.rules if isinstance(rule, AtMostMissing))})
        return (Want(lambda _, frame: frame.select(**counts), "arrow", aggregates=named, columns=columns),)

    def plan(self, *specs: Any) -> Any:
        """Return what stands for the counts in the plan; raise ColumnError for a column that is not there."""
        specs[0].require(rule.column for _, rule in self.rules if isinstance(rule, AtMostMissing))
        return {"read": 0}

    def conclude(self, engine: Engine, results: Sequence[Any], progress: Progress | None, planned: Any = None) -> dict[str, int]:
        """Return the counts; end the run, or warn, where rules are broken."""
        (found,) = results[0].to_pylist()
        read, rejected = int(found["read"]), int(found["rejected"] or 0)
        counts = {"read": read, "kept": read - rejected, "rejected": rejected}
        broken: list[str] = []
        for number, (name, rule) in enumerate(self.rules):
            counts[name] = read if isinstance(rule, RowCount) else int(found[f"{number}"] or 0)
            of_table = isinstance(rule, AtMostMissing | RowCount)
            wrong = _is_broken(rule, counts[name], read) if of_table else counts[name] > 0 and self.mode != "quarantine"
            broken += [_told(name, rule, counts[name], read)] if wrong else []
        if self.at_most is not None and rejected > self.at_most * read:
            broken.append(f"{rejected} of {read} rows are rejected, more than {self.at_most:.2%}")
        if broken and self.mode == "warn":
            warnings.warn("; ".join(broken), ExpectationWarning, stacklevel=2)
        elif broken:
            msg = f"The table is not as expected: {'; '.join(broken)}."
            raise StageError(f"{msg} Mend the rows, or put them aside with mode='quarantine' and look at what is rejected.")
        return counts

    def describe(self, result: Any) -> Mapping[str, Any]:
        """Return the counts for the report."""
        rows = [[name, _rule_text(rule), result[name]] for name, rule in self.rules]
        table = {"kind": "table", "title": "Rows that break each rule", "columns": ["rule", "what", "rows"], "rows": rows}
        facts = {name: result[name] for name in ("read", "kept", "rejected")} | {"mode": self.mode}
        return {"facts": facts, "cards": [{"title": "Expectations", "section": "Checks", "parts": [table]}]}


def _is_broken(rule: AtMostMissing | RowCount, count: int, read: int) -> bool:
    """Whether a rule of the table is broken."""
    if isinstance(rule, AtMostMissing):
        return count > rule.share * read
    return count < rule.low or (rule.high is not None and count > rule.high)


def _told(name: str, rule: Any, count: int, read: int) -> str:
    """Return how a rule is broken."""
    if isinstance(rule, AtMostMissing):
        return f"{name}: {count} of {read} values of {rule.column!r} are missing, more than {rule.share:.2%}"
    if isinstance(rule, RowCount):
        return f"{name}: there are {count} rows, expected {_rule_text(rule)}"
    return f"{name}: {count} of {read} rows break {_rule_text(rule)}"


def _rule_text(rule: Any) -> str:
    """Return a rule as a person reads it."""
    if isinstance(rule, Unique):
        return f"one row for each {', '.join(rule.columns)}"
    if isinstance(rule, ForeignKey):
        return f"{', '.join(rule.columns)} in {rule.table.title}"
    if isinstance(rule, Within):
        low, high = ("" if end is None else f"{end}" for end in (rule.low, rule.high))
        return f"{rule.column} in {low}..{high}"
    if isinstance(rule, AtMostMissing):
        return f"at most {rule.share:.2%} of {rule.column} missing"
    if isinstance(rule, RowCount):
        return f"{rule.low} or more rows" if rule.high is None else f"{rule.low} to {rule.high} rows"
    return text(((None, rule),))


@dataclass(frozen=True)
class Read(Barrier):
    """The number of rows that were looked through, so that what comes after waits for the verdict."""

    kind: ClassVar[str] = "value"
    takes: ClassVar[tuple[type[Node], ...]] = (Value,)
    gives: ClassVar[type[Node]] = Value

    @property
    def name(self) -> str:
        """What it is a part of."""
        return "Expect"

    def wants(self, *specs: Any) -> tuple[Want | None, ...]:
        """Return that nothing is wanted of tables."""
        return (None,)

    def plan(self, *specs: Any) -> Any:
        """Return the number's dtype."""
        return nw.Int64()

    def conclude(self, engine: Engine, results: Sequence[Any], progress: Progress | None, planned: Any = None) -> int:
        """Return the number."""
        return int(results[0]["read"])

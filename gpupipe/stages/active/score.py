"""Scores rows by how much a label would help."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import narwhals.stable.v2 as nw

from gpupipe.active import scorers
from gpupipe.core.errors import ColumnError, UsageError, listing, nearest
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema
from gpupipe.core.stage import RowStage, as_columns
from gpupipe.core.verbs import ArrayMap, Verbs

# From probabilities [n_classes, n_rows] of one model, and from those of several.
_OF_ONE: Mapping[str, Callable[[Any], Any]] = {
    "least_confidence": scorers.least_confidence,
    "margin": scorers.margin,
    "entropy": scorers.entropy,
}
_OF_MEMBERS: Mapping[str, Callable[[Any], Any]] = {
    "bald": scorers.bald,
    "mean_kl": scorers.mean_kl,
    "variation_ratio": scorers.variation_ratio,
    "vote_entropy": scorers.vote_entropy,
}
_OF_SEQUENCES = {"mnlp": 2, "sequence_confidence": 1}  # of so many columns
_NEEDS = {"variance": "columns", **dict.fromkeys(_OF_SEQUENCES, "columns"), "gradient_length": "features"}
STRATEGIES = (*_OF_ONE, *_OF_MEMBERS, *_OF_SEQUENCES, "variance", "gradient_length", "random")


@dataclass(frozen=True, init=False)
class Score(RowStage):
    """Appends a ``score`` to each row: how much its label would help; the higher, the sooner it should be asked.

    ================================================================ =====================================================================
    ``least_confidence``, ``margin``, ``entropy``                    of the columns that ``model.predict_proba(table)`` appends
    ``bald``, ``mean_kl``, ``variation_ratio``, ``vote_entropy``     of several models' columns, those of each under a prefix of its own
    ``variance``                                                     of several models' predictions of a number, in `columns`
    ``gradient_length``                                              of probabilities, and of `features`, which go into a linear last layer
    ``mnlp``, ``sequence_confidence``                                of any tagger's log-probabilities, in `columns`: a word's, a sentence's
    ``random``                                                       0 for each row: `Choose` then goes by its hash
    ================================================================ =====================================================================

    What each means is in `gpupipe.active.scorers`.

    Parameters
    ----------
    strategy
        One of these.
    prefix
        What the names of the probabilities' columns begin with: ``probability`` itself or with ``_class`` behind it. For several models a
        prefix each, such as ``["first_probability", "second_probability"]``.
    columns
        The predictions of several models, for ``variance``; the log-probability of a sentence's tags, in nats, for ``sequence_confidence``,
        and with it the number of words for ``mnlp``, whatever tagger told them. `TagSequences` has a score of its own.
    features
        For ``gradient_length``.
    name
        The column that is made.

    Examples
    --------
    >>> import polars as pl
    >>> scored = Score("margin").apply(pl.DataFrame({"probability_a": [0.5, 0.875], "probability_b": [0.5, 0.125]}))
    >>> scored["score"].to_list()
    [0.0, -0.75]
    """

    keeps_rows: ClassVar[bool] = True

    strategy: str
    prefixes: tuple[str, ...]
    columns: tuple[str, ...]
    features: tuple[str, ...]
    output: str

    def __init__(
        self,
        strategy: str,
        *,
        prefix: str | Sequence[str] = "probability",
        columns: Sequence[str] = (),
        features: Sequence[str] = (),
        name: str = "score",
    ) -> None:
        if strategy not in STRATEGIES:
            msg = f"There is no strategy {strategy!r}.{nearest(strategy, STRATEGIES)} The strategies are {listing(STRATEGIES)}."
            raise UsageError(msg)
        prefixes = as_columns(prefix, "Score's prefix")
        if len(prefixes) > 1 and strategy not in _OF_MEMBERS:
            msg = f"Score({strategy!r}) is of one model, got {len(prefixes)} prefixes. Of several are {listing(_OF_MEMBERS)}."
            raise UsageError(msg)
        for option, given in (("columns", columns), ("features", features)):
            if (_NEEDS.get(strategy) == option) != bool(given):
                whose = listing(name for name, needed in _NEEDS.items() if needed == option)
                msg = f"Score needs {option} for {whose} and for nothing else, got {option}={tuple(given)!r} for {strategy!r}."
                raise UsageError(msg)
        if strategy in _OF_SEQUENCES and len(as_columns(columns, "Score's columns")) != _OF_SEQUENCES[strategy]:
            msg = (
                f"Score({strategy!r}) expects {_OF_SEQUENCES[strategy]} of the columns: a sentence's log-probability, its number of words;"
            )
            raise UsageError(f"{msg} got {as_columns(columns, 'columns')!r}.")
        settle(self, strategy=strategy, prefixes=prefixes, columns=as_columns(columns, "Score's columns") if columns else ())
        settle(self, features=tuple(features), output=name)

    @property
    def name(self) -> str:
        """The stage's name with the strategy's."""
        return f"Score({self.strategy})"

    def plan(self, *schemas: Schema) -> None:
        """Raise ColumnError for columns that are not there, or one that is there already, DtypeError for those that hold no numbers."""
        schemas[0].require_numeric([*self.columns, *self.features], "Score")
        if self.output in schemas[0]:
            raise ColumnError(f"Score would make column {self.output!r}, and there is one. Give it another name: Score(..., name='other').")
        if self.strategy not in ("random", "variance", *_OF_SEQUENCES):
            for members in self._members(list(schemas[0])):
                schemas[0].require_numeric(members, "Score")

    def _members(self, names: Sequence[str]) -> list[list[str]]:
        """Return each model's columns of probabilities."""
        found = [[name for name in names if name == prefix or name.startswith(f"{prefix}_")] for prefix in self.prefixes]
        for prefix, members in zip(self.prefixes, found, strict=True):
            if not members:
                msg = f"Score({self.strategy!r}) expects columns {prefix!r} or '{prefix}_<class>', got {listing(names)}."
                raise ColumnError(f"{msg} Score what model.predict_proba(table) gives, or tell the prefix.")
        return found

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the frame with the scores."""
        if self.strategy == "random":
            return frames[0].with_columns(nw.lit(0.0).alias(self.output))
        if self.strategy in _OF_SEQUENCES:
            doubt = -nw.col(self.columns[0]).cast(nw.Float64)
            if self.strategy == "mnlp":
                words = nw.col(self.columns[1])
                doubt = nw.when(words > 0).then(doubt / words).otherwise(doubt * 0.0)  # nothing to ask of a sentence without words
            return frames[0].with_columns(doubt.alias(self.output))
        if self.strategy == "variance":
            columns: list[str] = list(self.columns)
            return verbs.map_arrays(frames[0], self._mapped(columns, lambda array: scorers.variance(_columns(array, range(len(columns))))))
        members = self._members(frames[0].collect_schema().names())
        columns = [*(name for member in members for name in member), *self.features]
        return verbs.map_arrays(frames[0], self._mapped(columns, lambda array: self._scored(array, [len(member) for member in members])))

    def _mapped(self, columns: Sequence[str], function: Callable[[Any], Any]) -> ArrayMap:
        """Return the function of arrays that gives the scores; a row of which something is missing has none."""
        return ArrayMap(tuple(columns), ((self.output, nw.Float64()),), lambda array: [function(array)], nan_as_null=True)

    def _scored(self, array: Any, widths: Sequence[int]) -> Any:
        """Return the scores of rows of probabilities, the models' side by side and then the features."""
        starts = [sum(widths[:number]) for number in range(len(widths))]
        members = [_both(_columns(array, range(start, start + width))) for start, width in zip(starts, widths, strict=True)]
        if self.strategy == "gradient_length":
            return scorers.gradient_length(members[0], array[:, widths[0] :])
        if self.strategy in _OF_MEMBERS:
            return _OF_MEMBERS[self.strategy](members)
        return _OF_ONE[self.strategy](members[0])


def _columns(array: Any, places: Sequence[int]) -> list[Any]:
    """Return columns of an array of rows."""
    return [array[:, place] for place in places]


def _both(columns: list[Any]) -> list[Any]:
    """Return the probabilities of two classes where those of the second alone are given."""
    return [1 - columns[0], columns[0]] if len(columns) == 1 else columns

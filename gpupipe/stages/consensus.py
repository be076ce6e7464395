"""Labels of several annotators made into one for each example."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa

from gpupipe.active.consensus import DawidSkene, cohen_kappa, dawid_skene, fleiss_kappa, majority, vote_counts
from gpupipe.core.arrow import plain_table
from gpupipe.core.errors import ColumnError, StageError, UsageError, listing
from gpupipe.core.options import settle
from gpupipe.core.present import as_text
from gpupipe.core.schema import Field, Schema
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.stages._keys import require_plain

_RULES = ("majority", "dawid_skene")
_MOST_SHOWN = 12


@dataclass(frozen=True, init=False)
class Consensus(TaskStage):
    """Gives a row for each example: the label that its annotators agree on, its probability, and how many labels it has.

    Columns: the example's, ``label`` under the label's own name, ``probability``, ``n_votes``. Rows without an annotator's label are left
    out. The report tells how far the annotators agree and, with ``"dawid_skene"``, what each of them takes for what.

    Parameters
    ----------
    example, annotator, label
        The columns of the examples' keys, of who gave a label, and of the label.
    rule
        ``"majority"``: the label that most give, its probability the share of those; where two are given as often, the label is missing:
        ask again. ``"dawid_skene"``: the likeliest one when annotators differ in how well they know each class; see
        `gpupipe.active.consensus.dawid_skene`.

    Raises
    ------
    StageError
        There is no label.

    Examples
    --------
    >>> import polars as pl
    >>> votes = pl.DataFrame({"id": list("aaabb"), "who": list("xyzxy"), "says": ["cat", "cat", "dog", "cat", "dog"]})
    >>> Consensus("id", "who", "says").apply(votes).rows()
    [('a', 'cat', 0.6666666666666666, 3), ('b', None, 0.5, 2)]
    """

    example: str
    annotator: str
    label: str
    rule: str

    def __init__(
        self,
        example: str = "example_id",
        annotator: str = "annotator",
        label: str = "answer",
        *,
        rule: Literal["majority", "dawid_skene"] = "majority",
    ) -> None:
        if rule not in _RULES:
            raise UsageError(f"Consensus expects rule to be one of {listing(_RULES)}, got {rule!r}.")
        names = [example, annotator, label]
        if len(set(names)) < 3:
            raise UsageError(f"Consensus expects three different columns, got {listing(names)}.")
        settle(self, example=example, annotator=annotator, label=label, rule=rule)

    def columns(self, *schemas: Schema) -> Sequence[Sequence[str]]:
        """Return the three columns."""
        return [[self.example, self.annotator, self.label]]

    def plan(self, *specs: Any) -> Schema:
        """Return the columns.

        Raise ColumnError for a column that is not there or whose name is taken, DtypeError for one of lists, arrays or records.
        """
        require_plain(specs[0], [self.example, self.annotator, self.label], "Consensus")
        taken = {"probability", "n_votes"} & {self.example, self.label}
        if taken:
            raise ColumnError(f"Consensus makes columns 'probability' and 'n_votes', got one of that name: {listing(taken)}. Rename it.")
        (schema,) = specs
        text = {name: _plain_dtype(schema[name].dtype) for name in (self.example, self.label)}
        made = {"probability": Field(nw.Float64(), nullable=False), "n_votes": Field(nw.Int64(), nullable=False)}
        return Schema(tuple({self.example: Field(text[self.example]), self.label: Field(text[self.label]), **made}.items()))

    def solve(self, tools: Tools, *inputs: Any) -> nw.DataFrame[Any]:
        """Return the labels."""
        names = [self.example, self.annotator, self.label]
        rows = as_text(inputs[0].select(names).drop_nulls(), names)
        if not len(rows):
            raise StageError(f"Consensus expects labels in column {self.label!r}, got none. Is the store answered?")
        coded = [tools.coded((rows, [name])) for name in names]
        example, annotator, label = (_on_host(codes.numbers[0]) for codes in coded)
        keys = [plain_table(codes.keys.to_arrow()).column(0).combine_chunks() for codes in coded]
        counts = vote_counts(example, label, len(keys[0]), len(keys[2]))
        _tell_agreement(tools, example, annotator, label, counts)
        if self.rule == "majority":
            best, probability = majority(counts), counts.max(axis=1) / counts.sum(axis=1)
        else:
            model = dawid_skene(example, annotator, label, len(keys[0]), len(keys[1]), len(keys[2]))
            best, probability = model.posterior.argmax(axis=1), model.posterior.max(axis=1)
            _tell_model(tools, model, keys[1].to_pylist(), keys[2].to_pylist(), np.bincount(annotator))
        labels = keys[2].take(pa.array(np.where(best < 0, 0, best), mask=best < 0))
        tools.note(unresolved=int((best < 0).sum()))
        made = {self.example: keys[0], self.label: labels, "probability": probability, "n_votes": counts.sum(axis=1)}
        result: nw.DataFrame[Any] = tools.adopted(pa.table({name: pa.array(column) for name, column in made.items()}))
        return result


def _plain_dtype(dtype: Any) -> Any:
    """Return the dtype that keys come out as."""
    return nw.String() if isinstance(dtype, nw.Categorical | nw.Enum) else dtype


def _on_host(array: Any) -> np.ndarray:
    """Return an array in the host's memory."""
    return np.asarray(array.get() if hasattr(array, "get") else array, dtype=np.int64)


def _tell_agreement(tools: Tools, example: np.ndarray, annotator: np.ndarray, label: np.ndarray, counts: np.ndarray) -> None:
    """Tell the report how far the annotators agree: two by Cohen's kappa on what both have labelled, more by Fleiss'."""
    n_annotators = int(annotator.max()) + 1
    tools.note(examples=len(counts), labels=len(label), annotators=n_annotators)
    if n_annotators == 2:
        sides = [dict(zip(example[annotator == one].tolist(), label[annotator == one].tolist(), strict=True)) for one in (0, 1)]
        both = sorted(sides[0].keys() & sides[1].keys())
        tools.note(cohen_kappa=cohen_kappa([sides[0][one] for one in both], [sides[1][one] for one in both], counts.shape[1]))
    elif n_annotators > 2:
        tools.note(fleiss_kappa=fleiss_kappa(counts))


def _tell_model(tools: Tools, model: DawidSkene, annotators: Sequence[Any], labels: Sequence[Any], n_votes: np.ndarray) -> None:
    """Tell the report how well each annotator knows each class."""
    tools.note(iterations=len(model.log_likelihood), log_likelihood=model.log_likelihood[-1])
    order = sorted(range(len(annotators)), key=lambda one: (-int(n_votes[one]), str(annotators[one])))
    rows = [[str(annotators[one]), int(n_votes[one]), round(float(model.accuracy[one]), 4)] for one in order]
    columns = ["annotator", "labels", "probability of being right"]
    parts: list[Mapping[str, Any]] = [{"kind": "table", "title": "Annotators", "columns": columns, "rows": rows}]
    if len(labels) <= _MOST_SHOWN:
        named = list(map(str, labels))
        for one in order[:_MOST_SHOWN]:
            confused = [[name, *(round(float(part), 4) for part in row)] for name, row in zip(named, model.confusion[one], strict=True)]
            title = f"What {annotators[one]} calls each class (rows: the class, columns: the label)"
            parts.append({"kind": "table", "title": title, "columns": ["class", *named], "rows": confused})
    tools.show("Annotators", *parts)

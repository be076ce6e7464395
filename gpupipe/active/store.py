"""Label stores: questions and answers, to which only is added.

A store keeps four tables: *examples* (a key, and what is shown of one), *questions* in rounds, *answers*, and the keys of a *hold-out*.
Nothing in it is changed: a correction is a new answer that names the one it ``replaces``, a withdrawal one of these without an answer. So
any number of processes and people write at once, the same answer may come twice and late, and whoever is killed loses what was not yet
added and nothing else.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gpupipe.active import belief
from gpupipe.active.parts import FolderParts, Parts
from gpupipe.active.round import Round
from gpupipe.active.rows import (
    VERSION,
    Rows,
    checked_answers,
    checked_examples,
    checked_questions,
    first_of_each,
    questions_schema,
    schemas_of,
)
from gpupipe.active.scheme import CLASS, KeyKind, Kind, Scheme
from gpupipe.active.spans import tags_of
from gpupipe.active.sql_parts import SqlParts, is_database
from gpupipe.active.waiting import waiting
from gpupipe.core.errors import SourceError, UsageError, listing

_VOTE = ["example_id", "annotator", "answer"]


class LabelStore:
    """Questions, answers, and what they imply, at one place.

    Parameters
    ----------
    place
        A folder (plain, or an address of fsspec's) or a database (``sqlite:///labels.db``, ``postgresql://...``) that `create` has made.

    Raises
    ------
    UsageError
        There is no label store.

    Examples
    --------
    >>> import tempfile
    >>> store = LabelStore.create(tempfile.mkdtemp(), ["cat", "dog", "oak"])
    >>> animal = store.scheme.set_question(["cat", "dog"], "animal")
    >>> asked = store.ask({"example_id": ["a", "b"], "question": [animal, animal]}, round=0, seed=1)
    >>> asked.questions["cost"].to_pylist()
    [1.0, 1.0]
    >>> names = store.append([
    ...     {"example_id": "a", "question": animal, "answer": "no", "annotator": "ann"},
    ...     {"example_id": "b", "question": animal, "answer": "yes", "annotator": "ann"},
    ... ])
    >>> known = store.beliefs(["a", "b", "c"])
    >>> known.states, known.possible.tolist()
    (['exact', 'partial', 'nothing'], [[False, False, True], [True, True, False], [True, True, True]])
    >>> _ = store.append({"example_id": ["a"], "question": [animal], "answer": ["yes"], "annotator": ["ann"], "replaces": names[:1]})
    >>> store.beliefs(["a"]).states
    ['partial']
    """

    def __init__(self, place: str | os.PathLike[str]) -> None:
        self._parts = _parts(place)
        held = self._parts.settings()
        if held is None:
            msg = f"Expected a label store at {self._parts.shown!r}, got none. Make one: gp.LabelStore.create(place, classes)."
            raise UsageError(msg)
        if held.get("schema_version") != VERSION:
            msg = f"{self._parts.shown}: expected a label store of version {VERSION}, got {held.get('schema_version')!r}."
            raise SourceError(f"{msg} Use the gpupipe that made it.")
        self.scheme = Scheme(tuple(held["classes"]), held["kind"], held["key"])
        self._kept: dict[str, tuple[pa.Table, pa.Table]] = {}

    @classmethod
    def create(
        cls, place: str | os.PathLike[str], classes: Sequence[str | int], *, kind: Kind = "class", key: KeyKind = "text"
    ) -> LabelStore:
        """Return the store at a place, made if there is none; see `Scheme` for what the options mean.

        Raises
        ------
        UsageError
            There is a store for other classes, or something else.
        """
        scheme = Scheme(tuple(one.item() if isinstance(one, np.generic) else one for one in classes), kind, key)  # type: ignore[arg-type]
        parts = _parts(place)
        if parts.settings() is None:
            parts.create({"schema_version": VERSION, **scheme.as_json()}, schemas_of(scheme))
        made = cls(place)
        if made.scheme != scheme:
            msg = f"Expected a label store for {scheme.as_json()} at {parts.shown!r}, got one for {made.scheme.as_json()}."
            raise UsageError(f"{msg} Name another place, and take the answers there: gp.export_labels, gp.import_labels.")
        return made

    @property
    def place(self) -> str:
        """Where the store is."""
        return self._parts.shown

    @property
    def identity(self) -> str:
        """What tells the store from every other one on this machine."""
        return self._parts.identity

    # What is known of examples.

    def add_examples(self, examples: Rows) -> None:
        """Add examples, so that answers about them are taken and the labelling page can show them; those that are there stay as they are.

        Parameters
        ----------
        examples
            Columns ``example_id`` and, for the page, any of ``text``, ``image`` (bytes of a PNG or JPEG), ``words`` (lists of texts, of
            which spans are made), ``row`` (a mapping, or JSON).
        """
        made = checked_examples(examples, self.scheme)
        self._append("examples", made.filter(pc.invert(pc.is_in(made["example_id"], self.examples()["example_id"].combine_chunks()))))

    def examples(self) -> pa.Table:
        """Return the examples that were added, each once."""
        return self._made("examples", first_of_each)

    def hold_out(self, ids: Any) -> None:
        """Keep examples out for good: none of them may be asked about or answered.

        Raises
        ------
        UsageError
            One of them was asked about or answered before.
        """
        made = pc.unique(self.scheme.ids(ids))
        for what, used in (("asked about", self.questions()), ("answered", self.answers())):
            self._refuse(made, pc.is_in(made, used["example_id"].combine_chunks()), f"that were never {what} as a hold-out", what)
        new = made.filter(pc.invert(pc.is_in(made, self.held_out())))
        self._append("holdout", pa.table({"example_id": new}))

    def held_out(self) -> pa.Array:
        """Return the keys of the hold-out."""
        return pc.unique(self._table("holdout")["example_id"])

    # Asking.

    def ask(
        self,
        questions: Rows,
        *,
        round: int,
        part: int = 0,
        seed: int | None = None,
        model: str | None = None,
        pool: str | None = None,
        strategy: str | None = None,
        budget: float | None = None,
        annotators: int = 1,
    ) -> Round:
        """Record a round with its questions, and return it; where it is recorded already, return that one: its selection stands.

        So a run that is killed and repeated asks nothing twice: it looks for the round first (`round`), and what it would ask anew is not
        asked.

        Parameters
        ----------
        questions
            Columns ``example_id``; ``question`` (the whole class or the spans where it is left out or None); ``score``; ``cost``, 1 unless
            given; ``guess``, what the model would answer; ``by_chance``, whether chance alone drew it.
        budget
            What the questions may cost together, for the page's progress.
        annotators
            How many annotators each question is for.

        Raises
        ------
        UsageError
            There is no question, one is broken or of the hold-out, or the recorded round has another seed, model or pool.
        """
        whole = all(isinstance(one, int) and not isinstance(one, bool) for one in (round, part, annotators))
        if not whole or round < 0 or part < 0 or annotators < 1:
            raise UsageError(f"Expected a round and a part from 0 on, and 1 annotator or more, got {round!r}, {part!r}, {annotators!r}.")
        made_with = {"seed": seed, "model": model, "pool": pool, "strategy": strategy, "budget": budget, "annotators": annotators}
        record: dict[str, Any] = {"round": round, "part": part, **made_with, "asked_at": datetime.now(UTC).isoformat()}
        there = self.round(round, part)
        if there is None:
            made, drawn = checked_questions(questions, self.scheme, record)
            if not made.num_rows:
                raise UsageError(f"Expected questions for round {round}, got none. Record no round: there is nothing to ask.")
            record |= {"by_chance": drawn} if drawn else {}
            self._refuse(made["example_id"], pc.is_in(made["example_id"], self.held_out()), "outside the hold-out", "of it")
            if self.scheme.kind == "spans":
                self._require_known(made["example_id"])
            self._parts.put_round(round, part, record, made)
            there = self.round(round, part)
            assert there is not None
        for name in ("seed", "model", "pool"):
            if there.record[name] != made_with[name]:
                old, new = there.record[name], made_with[name]
                msg = f"Round {round} was begun with {name} {old!r}, got {new!r}. Begin the next round, or repeat this one as it was."
                raise UsageError(msg)
        return there

    def round(self, number: int, part: int = 0) -> Round | None:
        """Return a round that was recorded, or None."""
        return next((one for one in self.rounds() if (one.number, one.part) == (number, part)), None)

    def rounds(self) -> list[Round]:
        """Return the recorded rounds in their order."""
        return [
            Round(record["round"], record["part"], record, questions)
            for record, questions in self._parts.rounds(questions_schema(self.scheme))
        ]

    @property
    def next_round(self) -> int:
        """The number of the round that a run would ask: the last one as long as something waits, so that repeated it draws the same."""
        last = max((one.number for one in self.rounds()), default=-1)
        return last if last >= 0 and self.waiting().num_rows else last + 1

    def by_chance(self) -> pa.Table:
        """Return the rows of `labels` whose examples chance alone drew: by these, accuracy is estimated without bias."""
        drawn = {name for one in self.rounds() for name in one.record.get("by_chance", ())}
        asked = self.questions()
        keys = asked.filter(pc.is_in(asked["question_id"], pa.array(sorted(drawn), pa.large_string())))["example_id"]
        labels = self.labels()
        return labels.filter(pc.is_in(labels["example_id"], keys.combine_chunks()))

    def questions(self) -> pa.Table:
        """Return all questions of all rounds."""
        return pa.concat_tables([questions_schema(self.scheme).empty_table(), *(one.questions for one in self.rounds())])

    def waiting(self, annotator: str | None = None) -> pa.Table:
        """Return the questions that still wait for an answer, from anybody or from one annotator, in the order they were asked.

        One waits for anybody until as many as it is for have answered or skipped it, and for an annotator who has done neither.
        """
        asked, told = self.questions(), self.answers()
        counted = belief.live(told)
        known, _ = belief.believe(counted, self.scheme, pc.unique(asked["example_id"]))
        return asked.filter(pa.array(waiting(asked, told, known, self.scheme, annotator), pa.bool_()))

    # Answering.

    def append(self, answers: Rows) -> list[str]:
        """Add answers, and return the ``answer_id`` of each; what is there already is not added again.

        Parameters
        ----------
        answers
            Columns ``example_id``, ``question``, ``answer``, ``annotator``; and ``asked_at``, ``answered_at`` (now unless given, and after
            all that the example has), ``seconds``, ``round``, ``model``, ``replaces`` (the ``answer_id`` of the one that this one corrects
            or, without an answer, withdraws).

        Raises
        ------
        UsageError
            One is broken: no answer to its question, an example nobody knows or of the hold-out, no annotator, a moment to come, nothing
            that it could replace. None of them is kept then.
        """
        there = self._table("answers")
        made = checked_answers(answers, self.scheme, self._n_words(), lambda moment: belief.latest(there, moment))
        self._refuse(made["example_id"], pc.is_in(made["example_id"], self.held_out()), "outside the hold-out", "of it")
        self._require_known(made["example_id"])
        self._check_replaces(made, there)
        names: list[str] = made["answer_id"].to_pylist()
        new = belief.distinct(made.filter(pc.invert(pc.is_in(made["answer_id"], there["answer_id"]))))
        self._append("answers", new)
        return names

    def answers(self) -> pa.Table:
        """Return every answer once, also those that were replaced, in the order of ``answered_at``, then of ``answer_id``."""
        return self._made("answers", belief.distinct)

    # What the answers imply.

    def beliefs(self, ids: Any = None) -> belief.Beliefs:
        """Return what the answers imply of some examples, in their order; without `ids` of all that were answered, in the order of keys."""
        counted = belief.live(self.answers())
        return belief.believe(counted, self.scheme, self._keys(counted, ids))[0]

    def conflicts(self) -> pa.Table:
        """Return the answers that contradict one another, for somebody to look at: as in `answers`, with the number of the ``conflict``."""
        counted = belief.live(self.answers())
        _, found = belief.believe(counted, self.scheme, self._keys(counted, None))
        rows = [row for _, listed in found for row in listed]
        numbers = [number for number, (_, listed) in enumerate(found) for _ in listed]
        return counted.take(pa.array(rows, pa.int64())).add_column(0, "conflict", pa.array(numbers, pa.int64()))

    def labels(self) -> pa.Table:
        """Return a row for each answered example: ``example_id``, ``label`` (null unless exact), ``state``, ``possible`` classes, counts.

        Of spans the label is a tag for each word: ``B-PER``, ``I-PER``, ``O``.
        """
        known = self.beliefs()
        columns: dict[str, Any] = {
            "example_id": known.ids,
            "label": self._labels(known),
            "state": pa.array(known.states, pa.large_string()),
        }
        if self.scheme.kind == "class":
            kept = [[self.scheme.classes[at] for at in np.flatnonzero(row)] for row in known.possible]
            columns["possible"] = pa.array(kept, pa.large_list(self.scheme.label_type))
        counts = {"n_answers": known.n_answers, "unresolved": known.unresolved, "n_conflicts": known.conflicts}
        return pa.table({**columns, **{name: pa.array(column) for name, column in counts.items()}})

    def votes(self) -> pa.Table:
        """Return the class that each annotator gives an example: ``example_id``, ``annotator``, ``label``; what `Consensus` takes."""
        counted = belief.live(self.answers())
        told = counted.filter(pc.equal(counted["question"], CLASS)) if self.scheme.kind == "class" else counted.slice(0, 0)
        last = {(row["example_id"], row["annotator"]): row["answer"] for row in told.select(_VOTE).to_pylist()}
        ids, annotators = zip(*last, strict=True) if last else ((), ())
        made = [self.scheme.classes[self.scheme.positions[answer]] for answer in last.values()]
        names = pa.array(annotators, pa.large_string())
        type_ = pa.int64() if isinstance(self.scheme.classes[0], int) else pa.large_string()
        return pa.table({"example_id": pa.array(ids, self.scheme.id_type), "annotator": names, "label": pa.array(made, type_)})

    def _labels(self, known: belief.Beliefs) -> pa.Array:
        """Return the label of each example, null where it is not exact."""
        if self.scheme.kind == "class":
            return pa.array([None if at < 0 else self.scheme.classes[at] for at in known.labels], self.scheme.label_type)
        counts = self._n_words()
        tags = [
            None if one is None else tags_of(one, counts(key) or 0) for key, one in zip(known.ids.to_pylist(), known.spans, strict=True)
        ]
        return pa.array(tags, self.scheme.label_type)

    # What these have in common.

    def _keys(self, counted: pa.Table, ids: Any) -> pa.Array:
        """Return the keys that are asked for."""
        if ids is not None:
            return self.scheme.ids(ids)
        return pc.unique(counted["example_id"]).sort()

    def _table(self, kind: str) -> pa.Table:
        """Return all rows of a table."""
        return self._parts.read(kind, schemas_of(self.scheme)[kind])

    def _made(self, kind: str, made: Callable[[pa.Table], pa.Table]) -> pa.Table:
        """Return what is made of all rows of a table; made anew when some were added."""
        table = self._table(kind)
        held = self._kept.get(kind)
        if held is None or held[0] is not table:
            self._kept[kind] = held = (table, made(table))
        return held[1]

    def _append(self, kind: str, table: pa.Table) -> None:
        """Add rows, if there are any."""
        if table.num_rows:
            self._parts.append(kind, table)

    def _n_words(self) -> Any:
        """Return what tells how many words an example has."""
        if self.scheme.kind != "spans":
            return lambda _: None
        found = self.examples()
        return dict(zip(found["example_id"].to_pylist(), pc.list_value_length(found["words"]).to_pylist(), strict=True)).get

    def _require_known(self, ids: pa.ChunkedArray) -> None:
        """Raise UsageError where an example was neither added nor asked about."""
        known = [self.examples()["example_id"]]
        if self.scheme.kind == "class":
            known.append(self.questions()["example_id"])
        chunks = [chunk for column in known for chunk in column.chunks]
        unknown = pc.invert(pc.is_in(ids, pa.concat_arrays(chunks) if chunks else pa.array([], self.scheme.id_type)))
        self._refuse(ids, unknown, "that were asked about or added (add_examples)", "unknown")

    def _refuse(self, ids: Any, refused: Any, expected: str, got: str) -> None:
        """Raise UsageError where some examples are refused."""
        found = pc.unique(ids.filter(refused)).to_pylist()
        if found:
            msg = f"Expected examples {expected}, got {len(found)} {got}: {listing(map(str, found), limit=5)}. Nothing was kept."
            raise UsageError(msg)

    def _check_replaces(self, made: pa.Table, there: pa.Table) -> None:
        """Raise UsageError where an answer replaces one that is not there, or one about another example."""
        if made["replaces"].null_count == made.num_rows:
            return
        both = pa.concat_tables([there, made])
        owners = dict(zip(both["answer_id"].to_pylist(), both["example_id"].to_pylist(), strict=True))
        for name, example, replaced in zip(*(made[column].to_pylist() for column in ("answer_id", "example_id", "replaces")), strict=True):
            if replaced is not None and (replaced == name or owners.get(replaced) != example):
                msg = f"Expected `replaces` to be an answer_id of example {example!r}, got {replaced!r}. Nothing was kept."
                raise UsageError(msg)


def _parts(place: str | os.PathLike[str]) -> Parts:
    """Return the tables at a place."""
    path = os.fspath(place)
    return SqlParts(path) if is_database(path) else FolderParts(path)

"""Trains an estimator on the words of documents, counted and kept sparse."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import narwhals.stable.v2 as nw
import numpy as np

from gpupipe.core._cells import Cells
from gpupipe.core.answers import answers
from gpupipe.core.errors import ArtefactError, DtypeError, PlanError, StageError, UsageError
from gpupipe.core.holding import Holding
from gpupipe.core.node import Fitted, Node, Table
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.models._estimator import made_columns, needs_target, require_estimator, takes_target, task_of
from gpupipe.models._labels import is_text
from gpupipe.models._words import Words, host, read_words
from gpupipe.models._words_answers import WordsAnswer

_METHODS = {"classifier": ("predict", "predict_proba"), "regressor": ("predict",), "clusterer": ("predict",), "transformer": ("transform",)}


@dataclass(frozen=True, eq=False, repr=False)
class LearnedWords(Holding):
    """An estimator that was trained on the words of documents, and answers for others.

    Parameters
    ----------
    model
        The fitted estimator; None in a plan.
    estimator, task, methods
        Its name, its kind, and what it can be asked for.
    document_column, word_column, count_column
        What the columns of the rows are called.
    known
        A frame of one column: the words in the order of the estimator's features.
    labels
        A frame of no rows, of one column: the target as it is called and its dtype; Float64 for a regressor.
    outputs
        The columns that a transformer makes.
    n_documents, n_cells
        How many documents it was trained on, and how many counts these have.
    """

    word: ClassVar[str] = "model of words"

    model: Any
    estimator: str
    task: str
    methods: tuple[str, ...]
    document_column: str
    word_column: str
    count_column: str
    known: Any
    labels: Any
    outputs: tuple[str, ...]
    n_documents: int
    n_cells: int

    @property
    def cells(self) -> Cells:
        """Which columns of the rows are what."""
        return Cells(self.document_column, self.word_column, self.count_column)

    @answers(Table, Table, optional=1)
    def predict(self) -> WordsAnswer:
        """Return a row for each document: ``prediction``, or ``cluster``."""
        return WordsAnswer(self, "predict")

    @answers(Table)
    def predict_proba(self) -> WordsAnswer:
        """Return a row for each document and label: ``probability``."""
        return WordsAnswer(self, "predict_proba")

    @answers(Table)
    def transform(self) -> WordsAnswer:
        """Return a row for each document: the transformer's columns."""
        return WordsAnswer(self, "transform")

    def check(self) -> None:
        """Raise ArtefactError unless the parts fit one another."""
        frames = all(isinstance(frame, nw.DataFrame) and len(frame.columns) == 1 for frame in (self.known, self.labels))
        sound = frames and self.known.columns == [self.word_column] and len(set(self.cells.names)) == 3
        sound = sound and not self.known[self.word_column].null_count() and bool(self.known[self.word_column].is_unique().all())
        sound = sound and self.task in _METHODS and set(self.methods) <= set(_METHODS[self.task])
        sound = sound and all(callable(getattr(self.model, name, None)) for name in self.methods)
        sound = sound and all(0 <= count < 2**63 for count in (self.n_documents, self.n_cells))
        if not sound or getattr(self.model, "n_features_in_", len(self.known)) != len(self.known):
            msg = "Expected an estimator of known words, each word once, got others. Save what was fitted again."
            raise ArtefactError(msg)

    def describe(self) -> Mapping[str, Any]:
        """Return what it was trained on, and that nothing of it was dense."""
        n_words = len(self.known)
        facts: dict[str, Any] = {"estimator": self.estimator, "documents": self.n_documents, "words": n_words, "counts": self.n_cells}
        if self.n_documents and n_words:
            share = self.n_cells / (self.n_documents * n_words)
            dense = f"{8 * self.n_documents * n_words:,} bytes"
            facts["matrix"] = f"sparse, {100 * share:.3g} % of its cells counted; a dense one would be {dense}, and none was made"
        return {"facts": facts}


@dataclass(frozen=True, init=False, eq=False)
class LearnWords(TaskStage):
    """Trains a copy of a scikit-learn estimator on the words of documents, of the rows (document, word, count) that `Tokenize` makes.

    The rows become a sparse matrix, a row for each document and a column for each word, and the estimator sees that: nothing of documents
    x words is ever dense. So estimators that take sparse matrices can be trained: ``make_pipeline(TfidfTransformer(),
    LogisticRegression())``, ``MultinomialNB()``, ``TruncatedSVD(100)``. What is fitted answers:

    ======================================  ==========================================================================
    ``fitted.predict(rows)``                 a row for each document: ``prediction`` (``cluster`` for a clusterer)
    ``fitted.predict(rows, documents)``      the same for the documents of a table, also those without a word
    ``fitted.predict_proba(rows)``           a row for each document and label: the label, ``probability``
    ``fitted.transform(rows)``               a row for each document: ``truncatedsvd0`` and so on
    ======================================  ==========================================================================

    Words that are not known are left out by answers, and the report says how many.

    Parameters
    ----------
    estimator
        Unfitted; it is never changed. A transformer must say how many columns it makes (``n_components``).
    target
        The column of the second table to predict. None for clusterers and transformers.
    document, word, count
        The columns of the rows. Counts may be any numbers that are finite; rows of one place are added up.

    Examples
    --------
    >>> import polars as pl
    >>> from sklearn.naive_bayes import MultinomialNB
    >>> rows = pl.DataFrame({"document": [1, 1, 2], "word": ["sun", "moon", "salt"], "count": [2, 1, 3]})
    >>> labels = pl.DataFrame({"document": [1, 2], "about": ["sky", "food"]})
    >>> fitted = LearnWords(MultinomialNB(), target="about").apply(rows, labels)
    >>> fitted.predict().apply(rows).rows()
    [(1, 'sky'), (2, 'food')]
    """

    takes: ClassVar[tuple[type[Node], ...]] = (Table, Table)
    optional: ClassVar[int] = 1
    gives: ClassVar[type[Node]] = Fitted
    fitted: ClassVar[type] = LearnedWords

    estimator: Any
    target: str | None
    document: str
    word: str
    count: str

    def __init__(
        self, estimator: Any, *, target: str | None = None, document: str = "document", word: str = "word", count: str = "count"
    ) -> None:
        require_estimator(estimator, "LearnWords", "fit", "MultinomialNB()")
        if (needs_target(estimator) and target is None) or (target is not None and not takes_target(estimator)):
            needs = "needs a target column" if target is None else "takes no target column"
            msg = f"{type(estimator).__name__} is a {task_of(estimator)}: it {needs}."
            raise UsageError(msg)
        if task_of(estimator) == "transformer":
            _outputs(estimator)
        Cells(document, word, count).require_distinct("LearnWords")
        settle(self, estimator=estimator, target=target, document=document, word=word, count=count)

    @property
    def name(self) -> str:
        """The stage's name with the estimator's."""
        return f"LearnWords({type(self.estimator).__name__})"

    @property
    def cells(self) -> Cells:
        """Which columns are what."""
        return Cells(self.document, self.word, self.count)

    def _require(self, *schemas: Schema) -> None:
        """Raise PlanError for columns that are not there or of a wrong dtype, and for a target without the table that has it."""
        self.cells.check(schemas[0], "LearnWords")
        if self.target is None:
            return
        if len(schemas) < 2:
            msg = f"LearnWords learns {self.target!r}, no column of words: give the table of documents that has it, fit(rows, documents)."
            raise PlanError(msg)
        schemas[1].require([self.document, self.target])
        dtype = schemas[1][self.target].dtype
        if not (dtype.is_numeric() or dtype == nw.Boolean or (is_text(dtype) and task_of(self.estimator) == "classifier")):
            msg = f"{self.name} expects numbers, or for a classifier text, in its target, got {dtype} in {self.target!r}. Cast it first."
            raise DtypeError(msg)
        if schemas[1][self.document].dtype != schemas[0][self.document].dtype:
            got = f"{schemas[0][self.document].dtype} and {schemas[1][self.document].dtype}"
            msg = f"LearnWords expects documents of one dtype in both tables, got {got} in {self.document!r}. Cast one of them."
            raise DtypeError(msg)

    def columns(self, *schemas: Schema) -> Sequence[Sequence[str]]:
        """Return document, word and count, and of the documents' table the document and the target."""
        return [self.cells.names, [self.document, *([] if self.target is None else [self.target])]][: len(schemas)]

    def plan(self, *specs: Any) -> LearnedWords:
        """Return the model of no words."""
        self._require(*specs)
        target = nw.Float64() if self.target is None else specs[1][self.target].dtype
        if task_of(self.estimator) != "classifier":
            target = nw.Float64()
        text = nw.String() if is_text(target) else target
        empty = nw.from_dict({self.word: []}, {self.word: specs[0][self.word].dtype}, backend="pyarrow")
        labels = nw.from_dict({self.target or "label": []}, {self.target or "label": text}, backend="pyarrow")
        return self._learned(None, empty, labels, (0, 0))

    def _learned(self, model: Any, known: Any, labels: Any, counted: tuple[int, int]) -> LearnedWords:
        """Return the model as it is held."""
        task = task_of(self.estimator)
        methods = tuple(name for name in _METHODS[task] if callable(getattr(self.estimator, name, None)))
        outputs = _outputs(self.estimator) if "transform" in methods else ()
        name = type(self.estimator).__name__
        return LearnedWords(model, name, task, methods, self.document, self.word, self.count, known, labels, outputs, *counted)

    def solve(self, tools: Tools, *inputs: Any) -> LearnedWords:
        """Return the trained model."""
        rows, documents = inputs[0], inputs[1] if len(inputs) > 1 else None
        words = read_words(tools, rows, self.cells, None, "LearnWords", documents)
        target = None if self.target is None or documents is None else self._target(tools, documents, words)
        estimator, matrix = copy.deepcopy(self.estimator), host(words.matrix)
        try:
            fitted = estimator.fit(matrix) if target is None else estimator.fit(matrix, target)
        except (ValueError, TypeError, RuntimeError) as error:
            msg = f"{type(estimator).__name__} could not be trained on {matrix.shape[0]} documents of {matrix.shape[1]} words: {error}"
            raise StageError(msg) from error
        specs = [Schema.of_names(dict(frame.schema.items())) for frame in inputs]
        words.tell(tools, "rows of documents left out, not in the table of documents")
        return self._learned(fitted, words.known, self.plan(*specs).labels, (int(matrix.shape[0]), int(matrix.nnz)))

    def _target(self, tools: Tools, documents: nw.DataFrame[Any], words: Words) -> Any:
        """Return the label of each of the matrix's documents."""
        assert self.target is not None
        if missing := int(documents[self.target].null_count()):
            msg = f"Expected a label in every row, got {missing} missing in target {self.target!r}. Drop those rows or fill them first."
            raise StageError(msg)
        column = documents[self.target]
        given = column.cast(nw.String) if is_text(column.dtype) else column
        made = np.empty(len(given), dtype=given.to_numpy().dtype)
        made[words.places] = given.to_numpy()
        return made


def _outputs(estimator: Any) -> tuple[str, ...]:
    """Return the columns that a transformer makes; raise UsageError where only the data tell, as where words themselves are kept."""
    last = estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator
    outputs, patterns = made_columns(last, ())
    if not outputs or outputs != patterns or any("*" in name for name in outputs):
        msg = (
            f"LearnWords expects a transformer that makes a number of columns that is known, such as TruncatedSVD(100), got "
            f"{type(last).__name__}. Put one behind it, or a classifier: make_pipeline({type(last).__name__}(), TruncatedSVD(100))."
        )
        raise UsageError(msg)
    return outputs

"""Which columns of a table are the document, the word and the count, as `Tokenize` gives them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw

from gpupipe.core.errors import DtypeError, StageError, UsageError, listing
from gpupipe.core.schema import Schema


@dataclass(frozen=True)
class Cells:
    """Which columns of a table are the document, the word and the count."""

    document: str
    word: str
    count: str

    @property
    def names(self) -> list[str]:
        """The three columns."""
        return [self.document, self.word, self.count]

    def require_distinct(self, stage: str) -> None:
        """Raise UsageError where a column is to be two things."""
        if len(set(self.names)) < 3:
            msg = f"{stage} expects different columns for document, word and count, got {listing(self.names)}."
            raise UsageError(msg)

    def check(self, schema: Schema, stage: str) -> None:
        """Raise ColumnError for a column that is not there, DtypeError for one of a dtype that it cannot have."""
        schema.require([self.document, self.word])
        schema.require_numeric([self.count], f"{stage}'s count")
        word, document = (schema[name].dtype for name in (self.word, self.document))
        if not (word.is_integer() or word == nw.String):
            msg = f"{stage} expects words as whole numbers, as Tokenize gives them, or as text, got {word} in {self.word!r}. Cast it first."
            raise DtypeError(msg)
        if document.is_float() or document == nw.Categorical or document.is_nested():
            msg = (
                f"{stage} expects documents that can be equal, got {document} in {self.document!r}. Cast it to whole numbers or text first."
            )
            raise DtypeError(msg)

    def require_present(self, frame: nw.DataFrame[Any], stage: str) -> None:
        """Raise StageError where one of the three is missing."""
        for name in self.names:
            if missing := int(frame[name].null_count()):
                msg = f"{stage} expects a document, a word and a count in every row, got {missing} missing in {name!r}. Drop those rows."
                raise StageError(msg)

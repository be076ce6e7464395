"""Sentences with tagged words, from files with a word a line."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from gpupipe.active.spans import FORMS, Form, convert_tags
from gpupipe.core.arrow import schema_of
from gpupipe.core.ends import Reading, Source
from gpupipe.core.errors import SourceError, UsageError, listing
from gpupipe.core.file_marks import file_marks
from gpupipe.core.files import Paths, Place, find_files, kept_paths, shown
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema
from gpupipe.sources.packed_text import BOM, opened

SUFFIXES = (".conll", ".iob", ".iob2", ".bio", ".conll.gz", ".iob.gz", ".iob2.gz", ".bio.gz")
_DOCUMENT = "-DOCSTART-"
_BATCH_ROWS = 4096
_TEXT = pa.large_string()


@dataclass(frozen=True, init=False)
class ReadConll(Source):
    r"""A row for each sentence of CoNLL files: ``id``, ``words``, ``tags``, ``n_words``.

    A line is a word with what is known of it, and an empty line ends a sentence. Lines of ``-DOCSTART-`` are left out. The id is the
    file's name and the sentence's number in it, so that it stays the same as long as the file does. Tags may stand in any of the forms of
    `gpupipe.active.spans`, also one that no form allows, such as an ``I-`` without a ``B-``. Files compressed by gzip, bzip2, xz or
    Zstandard are read through.

    Parameters
    ----------
    path
        A file, several, a glob, or a folder; plain paths, or fsspec's addresses.
    word, tag
        Which columns of a line these are, from 0 on, or from -1 back; without tags (``tag=None``) there is no column ``tags``.
    form
        The form that tags are given in: ``"IOBES"``, ``"IOB2"``, ``"IOB1"``, ``"IO"``.
    separator
        What stands between columns; any space unless given.
    comment
        What a line begins with that is none of a word, such as ``"# "`` in files of Universal NER.

    Raises
    ------
    SourceError
        There is no such file, a line has too few columns, a tag is none, or the text is not UTF-8.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp(), "a.conll")
    >>> _ = path.write_text("Ada I-PER\nByron I-PER\nleft O\n\nHi O\n")
    >>> [row["tags"] for row in ReadConll(path).batches(Reading(("tags",))).read_all().to_pylist()]
    [['B-PER', 'E-PER', 'O'], ['O']]
    """

    path: str | tuple[str, ...]
    word: int
    tag: int | None
    form: Form
    separator: str | None
    comment: str | None

    def __init__(
        self,
        path: Paths,
        *,
        word: int = 0,
        tag: int | None = -1,
        form: Form = "IOBES",
        separator: str | None = None,
        comment: str | None = None,
    ) -> None:
        if form not in FORMS:
            raise UsageError(f"ReadConll gives tags in one of {listing(FORMS)}, got {form!r}.")
        if word == tag or separator == "" or comment == "":
            raise UsageError(f"ReadConll expects two columns, and texts that are not empty, got {word}, {tag}, {separator!r}, {comment!r}.")
        settle(self, path=kept_paths(path), word=word, tag=tag, form=form, separator=separator, comment=comment)

    def origin(self) -> str:
        """Return the path."""
        return shown(self.path)

    def fingerprint(self) -> Any:
        """Return the files' marks."""
        return file_marks(self._files())

    def schema(self) -> Schema:
        """Return the columns."""
        self._files()
        return schema_of(self._columns())

    def declared_not_null(self) -> frozenset[str]:
        """Return no columns: what is read has no missing values, and nobody has declared so."""
        return frozenset()

    def batches(self, reading: Reading) -> pa.RecordBatchReader:
        """Return the sentences, some thousands at a time."""
        schema = pa.schema([self._columns().field(name) for name in reading.columns])
        return pa.RecordBatchReader.from_batches(schema, self._batches(schema))

    def _batches(self, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """Yield the sentences of all files."""
        rows: list[dict[str, Any]] = []
        for file in self._files():
            for row in self._sentences(file):
                rows.append(row)
                if len(rows) == _BATCH_ROWS:
                    yield pa.RecordBatch.from_pylist(rows, schema)
                    rows = []
        yield pa.RecordBatch.from_pylist(rows, schema)

    def _columns(self) -> pa.Schema:
        """Return the columns as Arrow has them."""
        tags = [] if self.tag is None else [("tags", pa.large_list(_TEXT))]
        return pa.schema([("id", _TEXT), ("words", pa.large_list(_TEXT)), *tags, ("n_words", pa.int64())])

    def _files(self) -> list[Place]:
        return find_files(self.path, SUFFIXES, "CoNLL files")

    def _sentences(self, file: Place) -> Iterator[dict[str, Any]]:
        """Yield the sentences of one file."""
        name = posixpath.basename(file.path).partition(".")[0]
        words: list[str] = []
        tags: list[str] = []
        n_sentences, number = 0, 0
        for number, line in enumerate(_lines(file), start=1):
            is_end = not line or line.split(self.separator, 1)[0] == _DOCUMENT
            if is_end and words:
                yield self._row(f"{name}-{n_sentences:06d}", words, tags, f"{file}, line {number - 1}")
                words, tags, n_sentences = [], [], n_sentences + 1
            if is_end or (self.comment is not None and line.startswith(self.comment)):
                continue
            cells = line.split(self.separator)
            try:
                words.append(cells[self.word])
                tags.append("" if self.tag is None else cells[self.tag])
            except IndexError:
                msg = f"{file}, line {number}: expected a word in column {self.word} and a tag in column {self.tag}, got {line[:80]!r}."
                raise SourceError(f"{msg} Say which columns they are, or what stands between columns.") from None
        if words:
            yield self._row(f"{name}-{n_sentences:06d}", words, tags, f"{file}, line {number}")

    def _row(self, name: str, words: list[str], tags: list[str], where: str) -> dict[str, Any]:
        """Return a sentence as a row."""
        row: dict[str, Any] = {"id": name, "words": words, "n_words": len(words)}
        if self.tag is None:
            return row
        try:
            return {**row, "tags": convert_tags(tags, self.form)}
        except UsageError as error:
            raise SourceError(f"{where}: in the sentence that ends here: {error} Is this the column of tags?") from error


def _lines(file: Place) -> Iterator[str]:
    """Yield the lines of a file without what ends them, and without spaces at their ends."""
    if file.fs is None:
        source: str | bytes = file.path
    else:
        with file.open() as remote:
            source = remote.read()
    with opened(source) as stream:
        for number, line in enumerate(stream):
            try:
                yield line.removeprefix(BOM if not number else b"").decode().strip()
            except UnicodeDecodeError as error:
                raise SourceError(f"{file}, line {number + 1}: expected text in UTF-8, got {line[:40]!r}. Write the file anew.") from error

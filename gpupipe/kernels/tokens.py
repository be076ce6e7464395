"""Words of texts, counted: Arrow's own operations on whole columns, no loop over texts.

A regular expression says what a word is. Arrow can replace what it finds but not list it, so each find is put between marks and the text is
cut at them: every second piece is a word. Counting goes by numbers: of a text and a word, sorted.

What is counted of parts of a corpus merges: tables of words with the number of documents they are in add up, and a vocabulary is chosen of
the sum.

Source: scikit-learn's CountVectorizer, whose meaning of stop words, n-grams and limits of document frequency is followed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gpupipe.core.errors import DtypeError, UsageError

WORD = r"[\p{L}\p{N}_]{2,}"
_MARK, _SPACE = "\x1e", " "
_BLOCK_BYTES = 1 << 25  # of text that is cut into words at a time
_COUNTED = pa.schema([("word", pa.large_string()), ("documents", pa.int64()), ("count", pa.int64())])
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, init=False)
class TokenRules:
    r"""What the words of a text are.

    Parameters
    ----------
    pattern
        A regular expression of a word, in RE2's syntax: two or more letters, digits or underscores by default. ``\w`` and ``\b`` know ASCII
        alone there; ``[\p{L}\p{N}_]`` is what Python's ``\w`` is.
    lowercase
        Texts are put into lower case first, letter by letter.
    stop_words
        Words that are left out; with `lowercase` in any case.
    n_grams
        From how many to how many words in a row are told as one, with spaces between them: ``(1, 2)`` are words and pairs. Stop words are
        left out before.

    Raises
    ------
    UsageError
        The pattern is none, or finds nothing at all as a word, or the n-grams are no two numbers from 1 on.
    """

    pattern: str
    lowercase: bool
    stop_words: frozenset[str]
    n_grams: tuple[int, int]

    def __init__(
        self, *, pattern: str = WORD, lowercase: bool = True, stop_words: Iterable[str] = (), n_grams: tuple[int, int] = (1, 1)
    ) -> None:
        if isinstance(stop_words, str):
            msg = f"stop_words must be words, got the text {stop_words!r}. Give a list, such as scikit-learn's ENGLISH_STOP_WORDS."
            raise UsageError(msg)
        words = pa.array(sorted(stop_words), pa.large_string())
        least, most = _checked_n_grams(n_grams)
        _require_pattern(pattern)
        object.__setattr__(self, "pattern", pattern)
        object.__setattr__(self, "lowercase", lowercase)
        object.__setattr__(self, "stop_words", frozenset((pc.utf8_lower(words) if lowercase else words).to_pylist()))
        object.__setattr__(self, "n_grams", (least, most))


def _checked_n_grams(given: Any) -> tuple[int, int]:
    """Return the least and the most words of an n-gram."""
    pair = tuple(given) if isinstance(given, list | tuple) else ()
    if len(pair) != 2 or not all(isinstance(one, int) and not isinstance(one, bool) for one in pair) or not 1 <= pair[0] <= pair[1]:
        msg = f"n_grams must be two whole numbers from 1 on, the smaller first, got {given!r}. (1, 1) are single words."
        raise UsageError(msg)
    return pair[0], pair[1]


def _require_pattern(pattern: Any) -> None:
    """Raise where a pattern is none, or takes nothing for a word."""
    try:
        is_empty = isinstance(pattern, str) and bool(
            pc.match_substring_regex(pa.scalar("", pa.large_string()), pattern=f"^(?:{pattern})$").as_py()
        )
        refusal = "" if isinstance(pattern, str) else "it is no text"
    except pa.ArrowInvalid as error:
        is_empty, refusal = False, str(error)
    if refusal:
        msg = f"Expected a regular expression of a word in RE2's syntax, got {pattern!r}: {refusal}. It has no look-around and no (?u)."
        raise UsageError(msg)
    if is_empty:
        msg = f"The pattern {pattern!r} finds words of no letters. Ask for one or more: + instead of *."
        raise UsageError(msg)


def count_words(texts: Any, rules: TokenRules | None = None) -> pa.Table:
    """Return which word is in which text how often: columns document (int64), word (text, as a dictionary), count (int64), sorted.

    A missing text has no words.

    Parameters
    ----------
    texts
        An Arrow array of texts, or one in chunks. Documents are numbered from 0 in its order.
    rules
        What a word is; `TokenRules` as they are by default.

    Raises
    ------
    DtypeError
        These are no texts.

    Examples
    --------
    >>> count_words(pa.array(["To be, or not to be", None, "Be!"])).to_pydict()["word"]
    ['be', 'not', 'or', 'to', 'be']
    >>> count_words(pa.array(["to be or not to be"]), TokenRules(n_grams=(2, 2))).to_pydict()["word"]
    ['be or', 'not to', 'or not', 'to be']
    """
    rules = TokenRules() if rules is None else rules
    chunks = texts.chunks if isinstance(texts, pa.ChunkedArray) else [texts]
    tables, start = [_counted(_no_texts(), 0, rules)], 0
    for chunk in chunks:
        for part in _blocks(_as_text(chunk)):
            tables.append(_counted(part, start, rules))
            start += len(part)
    return pa.concat_tables(tables).unify_dictionaries().combine_chunks()


def _no_texts() -> pa.Array:
    return pa.array([], pa.large_string())


def _as_text(texts: Any) -> pa.Array:
    if pa.types.is_dictionary(texts.type):
        texts = texts.dictionary_decode()
    is_text = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view, pa.types.is_null)
    if not any(is_one(texts.type) for is_one in is_text):
        msg = f"Words are found in texts, got {texts.type}. Cast the column to text first."
        raise DtypeError(msg)
    return texts.cast(pa.large_string())


def _blocks(texts: pa.Array) -> list[pa.Array]:
    """Return texts in blocks of a size that what is made of them fits into memory."""
    n_blocks = max(1, -(-texts.nbytes // _BLOCK_BYTES))
    size = max(1, -(-len(texts) // n_blocks))
    return [texts.slice(at, size) for at in range(0, len(texts), size)]


def _counted(texts: pa.Array, start: int, rules: TokenRules) -> pa.Table:
    """Return the counts of a block, whose first document has the number `start`."""
    documents, codes, words = _found(texts, rules)
    least, most = rules.n_grams
    pieces = []
    grams, at = codes, np.arange(len(codes))  # what an n-gram is, and which word it begins with
    names = words
    for length in range(1, most + 1):
        if length > 1:
            at, grams, names = _longer(documents, codes, words, at, grams, names, length)
        if length >= least:
            pieces.append((documents[at], grams, names))
    # All that was found gets one numbering, in the order of words; what is found as a word here may be an n-gram there.
    merged = pa.concat_arrays([names for _, _, names in pieces]).dictionary_encode()
    order = pc.sort_indices(merged.dictionary)
    ranks = np.empty(len(order), np.int64)
    ranks[order.to_numpy()] = np.arange(len(order))
    ranks = ranks[merged.indices.to_numpy()]
    shifts = np.cumsum([0, *(len(names) for _, _, names in pieces)])
    numbers = [ranks[grams + shift] for (_, grams, _), shift in zip(pieces, shifts[:-1], strict=True)]
    width = max(len(order), 1)
    keys = np.concatenate([one for one, _, _ in pieces]) * width + np.concatenate(numbers)
    keys.sort()
    firsts = np.flatnonzero(np.diff(keys, prepend=-1))
    counts, keys = np.diff(firsts, append=len(keys)), keys[firsts]
    document, number = np.divmod(keys, width)
    word = pa.DictionaryArray.from_arrays(pa.array(number, pa.int32()), merged.dictionary.take(order))
    return pa.table({"document": document + start, "word": word, "count": counts.astype(np.int64)})


def _found(texts: pa.Array, rules: TokenRules) -> tuple[Numbers, Numbers, pa.Array]:
    """Return of each word found, in order, its document, and its number among the words; and these."""
    if rules.lowercase:
        texts = pc.utf8_lower(texts)
    texts = pc.replace_substring(texts, pattern=_MARK, replacement=_SPACE)  # the mark must be ours alone
    marked = pc.replace_substring_regex(texts, pattern=rules.pattern, replacement=f"{_MARK}\\0{_MARK}")
    pieces = pc.split_pattern(marked, pattern=_MARK)
    documents = pc.list_parent_indices(pieces).to_numpy()
    n_pieces = pc.fill_null(pc.list_value_length(pieces), 0).to_numpy()
    within = np.arange(len(documents)) - (np.cumsum(n_pieces) - n_pieces)[documents]
    is_word = within % 2 == 1  # what stands between words comes first, and after each of them
    found = pc.list_flatten(pieces).filter(pa.array(is_word)).dictionary_encode()
    codes, words = found.indices.to_numpy().astype(np.int64), found.dictionary
    documents = documents[is_word].astype(np.int64)
    if rules.stop_words and len(words):
        is_kept = pc.invert(pc.is_in(words, value_set=pa.array(sorted(rules.stop_words), pa.large_string()))).to_numpy(zero_copy_only=False)
        documents, codes = documents[is_kept[codes]], codes[is_kept[codes]]
    return documents, codes, words


def _longer(
    documents: Numbers, codes: Numbers, words: pa.Array, at: Numbers, grams: Numbers, names: pa.Array, length: int
) -> tuple[Numbers, Numbers, pa.Array]:
    """Return n-grams with one more word each, where the document has one: their first words, their numbers, and what they are."""
    last = at + length - 1
    fits = last < len(codes)
    at, grams, last = at[fits], grams[fits], last[fits]
    is_within = documents[last] == documents[at]
    at, grams, last = at[is_within], grams[is_within], last[is_within]
    pairs, numbers = np.unique(grams * max(len(words), 1) + codes[last], return_inverse=True)
    first, second = np.divmod(pairs, max(len(words), 1))
    joined = pc.binary_join_element_wise(names.take(pa.array(first)), words.take(pa.array(second)), pa.scalar(" ", pa.large_string()))
    return at, numbers, joined


def count_documents(counted: pa.Table) -> pa.Table:
    """Return of each word in how many documents it is, and how often: columns word, documents, count, sorted by word.

    Examples
    --------
    >>> count_documents(count_words(pa.array(["be be", "to be"]))).to_pydict()
    {'word': ['be', 'to'], 'documents': [2, 1], 'count': [3, 1]}
    """
    word = counted["word"].combine_chunks()
    n_words, codes = len(word.dictionary), word.indices.to_numpy()
    documents = np.bincount(codes, minlength=n_words)
    counts = np.bincount(codes, counted["count"].to_numpy(), minlength=n_words).astype(np.int64)
    table = pa.Table.from_arrays([word.dictionary, documents.astype(np.int64), counts], schema=_COUNTED)
    return table.filter(pa.array(documents > 0)).sort_by("word")


def merge_documents(parts: Sequence[pa.Table]) -> pa.Table:
    """Return of parts of a corpus, each as by `count_documents`, the same table of the whole.

    Examples
    --------
    >>> parts = [count_documents(count_words(pa.array([text]))) for text in ("be be", "to be")]
    >>> merge_documents(parts).to_pydict()
    {'word': ['be', 'to'], 'documents': [2, 1], 'count': [3, 1]}
    """
    whole = pa.concat_tables([part.select(_COUNTED.names).cast(_COUNTED) for part in parts])
    summed = whole.group_by("word").aggregate([("documents", "sum"), ("count", "sum")])
    return summed.select(["word", "documents_sum", "count_sum"]).rename_columns(_COUNTED.names).sort_by("word")


def vocabulary(
    counted: pa.Table, n_documents: int, *, min_documents: float = 1, max_documents: float = 1.0, max_words: int | None = None
) -> pa.Table:
    """Return the words that are kept, with their numbers: columns word, number (from 0, in the order of words), documents, count.

    Parameters
    ----------
    counted
        As by `count_documents`.
    n_documents
        How many documents there are.
    min_documents, max_documents
        In how many documents a word is at least and at most: a whole number, or a share of all documents as a float.
    max_words
        Only so many of those, the most frequent ones; of equal ones the first.

    Raises
    ------
    UsageError
        A limit is no number or share, the least is above the most, or no word is left.

    Examples
    --------
    >>> counted = count_documents(count_words(pa.array(["to be", "to do", "to be or not"])))
    >>> vocabulary(counted, 3, min_documents=2).select(["word", "number"]).to_pydict()
    {'word': ['be', 'to'], 'number': [0, 1]}
    """
    require_limits(min_documents, max_documents, max_words)
    least, most = (_limit(given, n_documents) for given in (min_documents, max_documents))
    if least > most:
        msg = f"min_documents is {least:g} documents, more than max_documents, {most:g}. No word could be in as many."
        raise UsageError(msg)
    kept = counted.filter(pc.and_(pc.greater_equal(counted["documents"], least), pc.less_equal(counted["documents"], most)))
    if max_words is not None:
        kept = kept.sort_by([("count", "descending"), ("word", "ascending")])[:max_words]
    if not len(kept):
        msg = f"No word is in {least:g} to {most:g} of {n_documents} documents. Widen min_documents and max_documents."
        raise UsageError(msg)
    kept = kept.sort_by("word")
    return kept.add_column(1, "number", pa.array(np.arange(len(kept)), pa.int64()))


def require_limits(min_documents: Any, max_documents: Any, max_words: Any) -> None:
    """Raise UsageError where a limit of `vocabulary` is no number or share."""
    for name, given in (("min_documents", min_documents), ("max_documents", max_documents)):
        is_limit = given >= 1 if isinstance(given, int) else isinstance(given, float) and 0 <= given <= 1
        if isinstance(given, bool) or not is_limit:
            msg = f"{name} must be a whole number of documents from 1 on, or a share from 0.0 to 1.0, got {given!r}."
            raise UsageError(msg)
    if max_words is not None and (isinstance(max_words, bool) or not isinstance(max_words, int) or max_words < 1):
        msg = f"max_words must be a whole number from 1 on, got {max_words!r}."
        raise UsageError(msg)


def _limit(given: float, n_documents: int) -> float:
    """Return a limit as a number of documents."""
    return given if isinstance(given, int) else given * n_documents


def number_words(counted: pa.Table, words: pa.Table) -> pa.Table:
    """Return counts with the words' numbers instead of the words: columns document, word (int64), count; others are left out.

    Parameters
    ----------
    counted
        As by `count_words`.
    words
        As by `vocabulary`.

    Examples
    --------
    >>> counted = count_words(pa.array(["to be", "be!"]))
    >>> number_words(counted, vocabulary(count_documents(counted), 2)).to_pydict()
    {'document': [0, 0, 1], 'word': [0, 1, 0], 'count': [1, 1, 1]}
    """
    word = counted["word"].combine_chunks()
    places = pc.index_in(word.dictionary, value_set=words["word"].combine_chunks())
    numbers = words["number"].combine_chunks().take(places).take(word.indices)
    table = counted.set_column(counted.column_names.index("word"), "word", numbers)
    return table.filter(pc.is_valid(numbers))

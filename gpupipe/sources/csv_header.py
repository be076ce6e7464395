"""The names of the columns of delimited text: those in its header, and given ones where it has none, or one twice."""

from __future__ import annotations

from collections.abc import Sequence

from gpupipe.core.errors import SourceError


def names_of(fields: Sequence[bytes], name: str) -> tuple[str, ...]:
    """Return the texts of a header; `name` is what messages call the file.

    Raises
    ------
    SourceError
        They are no UTF-8, or have a NUL in them.
    """
    shown = b", ".join(fields)[:200]
    try:
        names = tuple(field.decode() for field in fields)
    except UnicodeDecodeError as error:
        msg = f"{name}: expected a header in UTF-8, got {shown!r} ({error.reason}). Pass the encoding that the file is written in, such as"
        raise SourceError(f"{msg} encoding='latin-1' or 'cp1252'.") from error
    if any("\0" in text for text in names):
        msg = f"{name}: expected a header of text, got {shown!r}, which has NUL characters in it."
        raise SourceError(f"{msg} Text in UTF-16 has: pass encoding='utf-16-le' or 'utf-16-be'. Else mend the file.")
    return names


def given_names(names: Sequence[str]) -> tuple[str, ...]:
    """Return names that are there and distinct: the position for one that is missing, a number behind one that was there before.

    Examples
    --------
    >>> given_names(["", "a", "a", "a_2"])
    ('column_1', 'a', 'a_3', 'a_2')
    """
    taken, made = set(names), dict[str, None]()
    next_number: dict[str, int] = {}
    for position, text in enumerate(names, start=1):
        chosen = text
        if not text or text in made:
            base, number = (text, next_number.get(text, 2)) if text else ("column", position)
            while (chosen := f"{base}_{number}") in taken:
                number += 1
            taken.add(chosen)
            next_number[text] = number + 1
        made[chosen] = None
    return tuple(made)


def told_names(names: Sequence[str], name: str) -> str | None:
    """Return what is to be told of the names that were given; None where none was.

    Examples
    --------
    >>> told_names(["id", "", "id"], "a.csv").partition(". ")[0]
    "a.csv: the header has no name for column 2 and 'id' again in column 3; they are called 'column_2', 'id_2'"
    """
    given = [(position, old, new) for position, (old, new) in enumerate(zip(names, given_names(names), strict=True), 1) if old != new]
    if not given:
        return None
    unnamed = [str(position) for position, old, _ in given if not old]
    again = [f"{old!r} again in column {position}" for position, old, _ in given if old]
    parts = [f"no name for column{'s' if len(unnamed) > 1 else ''} {_some(unnamed)}"] if unnamed else []
    parts += [_some(again)] if again else []
    called = _some([repr(new) for _, _, new in given])
    advice = "To choose names, pass header=False, skip_rows=1 and names=[...]; if the first row is no header, header=False."
    return f"{name}: the header has {' and '.join(parts)}; they are called {called}. {advice}"


def check_header(names: Sequence[str], name: str = "the file") -> None:
    """Raise where a column name is given twice; `name` is what the message calls the place.

    Raises
    ------
    SourceError
        A name is there more than once.

    Examples
    --------
    >>> check_header(["a", "b"])
    """
    places: dict[str, list[int]] = {}
    for position, column in enumerate(names, start=1):
        places.setdefault(column, []).append(position)
    twice = [f"{column!r} in columns {', '.join(map(str, at))}" for column, at in places.items() if len(at) > 1]
    if twice:
        raise SourceError(f"{name}: expected distinct column names, got {'; '.join(twice)}. Rename them.")


def check_named(wanted: Sequence[str], names: Sequence[str], name: str) -> None:
    """Raise where a column is wanted that has no name among all there are; `name` is what the message calls the file.

    Raises
    ------
    SourceError
        A wanted column's name is empty.

    Examples
    --------
    >>> check_named(["a"], ["", "a"], "a.csv")
    """
    if "" in wanted:
        where = f"got none for column {names.index('') + 1}" if "" in names else "got ''"
        msg = f"{name}: expected a name for every column, {where}. Name it, or leave it out by declaring a schema of the others."
        raise SourceError(msg)


def _some(texts: Sequence[str], limit: int = 5) -> str:
    """Return the first of some texts, and how many more there are."""
    more = f" and {len(texts) - limit} more" if len(texts) > limit else ""
    return ", ".join(texts[:limit]) + more

"""Databases through ADBC: from an address to a connection, and how errors and names are written."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from gpupipe.core.errors import GpupipeError, MissingExtraError, UsageError, listing, nearest
from gpupipe.core.extras import pip_install
from gpupipe.core.secret import masked

SQLITE = "adbc_driver_sqlite"
_DRIVERS = {"sqlite": SQLITE, "postgresql": "adbc_driver_postgresql", "postgres": "adbc_driver_postgresql"}


def driver_of(uri: str, driver: str | None) -> str:
    """Return the module of the ADBC driver for an address.

    Parameters
    ----------
    driver
        A name (``"sqlite"``, ``"postgresql"``) or any ADBC driver's module, where the address does not tell.

    Raises
    ------
    UsageError
        Neither tells.

    Examples
    --------
    >>> driver_of("postgresql://localhost/db", None), driver_of("a.db", "sqlite")
    ('adbc_driver_postgresql', 'adbc_driver_sqlite')
    """
    if driver is not None and driver.startswith("adbc_driver_"):
        return driver
    named = driver if driver is not None else uri.partition(":")[0] if ":" in uri else ""
    if driver is None and named not in _DRIVERS and uri.lower().endswith((".db", ".sqlite", ".sqlite3")):
        named = "sqlite"
    if named not in _DRIVERS:
        msg = (
            f"Expected an address that begins with sqlite:// or postgresql://, or a driver, got {masked(uri)!r}."
            f"{nearest(named, _DRIVERS)} The drivers known by name are {listing(sorted(_DRIVERS))}; any other goes by its module, "
            "adbc_driver_*."
        )
        raise UsageError(msg)
    return _DRIVERS[named]


def connect(uri: str, driver: str | None) -> Any:
    """Return an open connection, with transactions.

    Raises
    ------
    MissingExtraError
        The driver is not installed.
    """
    module = driver_of(uri, driver)
    try:
        dbapi = importlib.import_module(f"{module}.dbapi")
    except ImportError as error:
        package = module.replace("_", "-")
        if package in pip_install("sql"):
            raise MissingExtraError.of(f"{masked(uri)!r} needs {package}", "sql") from error
        msg = f"{masked(uri)!r} needs {package}, which is not installed. Install that driver of ADBC, or name another one: driver=..."
        raise MissingExtraError(msg) from error
    return dbapi.connect(sqlite_path(uri) if module == SQLITE else uri)


def sqlite_path(uri: str) -> str:
    """Return the path of SQLite's file in an address.

    Examples
    --------
    >>> sqlite_path("sqlite:///a.db"), sqlite_path("a.db")
    ('a.db', 'a.db')
    """
    return re.sub(r"^sqlite:(///|//)?", "", uri)


def quoted(name: str) -> str:
    """Return a name as SQL writes it; a dot parts a schema from a table.

    Examples
    --------
    >>> quoted('public.a"b')
    '"public"."a""b"'
    """
    return ".".join(quoted_part(part) for part in name.split("."))


def quoted_part(name: str) -> str:
    """Return one name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


_TOKENS = re.compile(
    r"""(?P<comment>--[^\n]*|/\*.*?(?:\*/|(?P<open>\Z)))
    | \b[eE]'(?:[^'\\]|\\.|\'\')*' | '(?:[^']|\'\')*' | "(?:[^"]|"")*" | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$ | .""",
    re.DOTALL | re.VERBOSE,
)


def one_statement(query: str) -> str:
    """Return a query without the semicolon that ends it.

    Raises
    ------
    UsageError
        Something other than comments comes after it, a bracket closes that none has opened, or a comment does not end.

    Examples
    --------
    >>> one_statement("SELECT ';' AS a; -- all")
    "SELECT ';' AS a"
    >>> one_statement("SELECT 1; DROP TABLE t")
    Traceback (most recent call last):
    gpupipe.core.errors.UsageError: Expected one SELECT statement, got more after it: 'DROP TABLE t'. Run the others by themselves.
    """
    depth, end = 0, None
    for token in _TOKENS.finditer(query):
        text = token[0]
        depth += (text == "(") - (text == ")")
        if "\0" in text or depth < 0 or token["open"] is not None:
            what = "a comment that does not end" if token["open"] is not None else f"{text!r} at character {token.start() + 1}"
            raise UsageError(f"Expected one SELECT statement, got {what}: {query[:200]!r}. Mend the query.")
        if end is None and text == ";":
            end = token.start()
        elif end is not None and text != ";" and not text.isspace() and token["comment"] is None:
            more = query[token.start() :].strip()
            raise UsageError(f"Expected one SELECT statement, got more after it: {more[:200]!r}. Run the others by themselves.")
    return query[:end].strip()


@contextmanager
def sql_errors(error_type: type[GpupipeError], what: str, advice: str) -> Iterator[None]:
    """Turn a driver's errors into one of gpupipe's; `what` says what was tried."""
    error_of_drivers = _error_of_drivers(what)
    try:
        yield
    except error_of_drivers as error:
        first = " ".join(str(error).split())
        msg = f"{what}: {first.rstrip('.')}. {advice}"
        raise error_type(msg) from error


def _error_of_drivers(what: str) -> type[Exception]:
    """Return the error that every driver raises, or say how to install one."""
    try:
        from adbc_driver_manager import Error  # local: databases are an extra
    except ImportError as error:
        raise MissingExtraError.of(f"{what}: this needs adbc-driver-manager", "sql") from error
    found: type[Exception] = Error
    return found

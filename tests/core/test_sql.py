"""Addresses of databases, and names in them."""

from __future__ import annotations

import pytest

from gpupipe.core.errors import UsageError
from gpupipe.core.secret import masked
from gpupipe.core.sql import connect, driver_of, quoted


@pytest.mark.parametrize(
    ("uri", "driver", "module"),
    [
        ("sqlite:///a.db", None, "adbc_driver_sqlite"),
        ("/data/a.sqlite3", None, "adbc_driver_sqlite"),
        ("postgres://h/d", None, "adbc_driver_postgresql"),
        ("x", "postgresql", "adbc_driver_postgresql"),
        ("x", "adbc_driver_flightsql", "adbc_driver_flightsql"),
    ],
)
def test_an_address_tells_its_driver(uri: str, driver: str | None, module: str) -> None:
    assert driver_of(uri, driver) == module


def test_an_address_that_tells_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match=r"got 'postgre://me:\*\*\*@h/d'\. Did you mean 'postgres'\? The drivers known by name are"):
        driver_of("postgre://me:secret@h/d", None)


@pytest.mark.parametrize("uri", ["sqlite:///{}/a.db", "sqlite:{}/a.db", "{}/a.db"])
def test_every_form_of_a_sqlite_address_is_the_same_file(uri: str, tmp_path: object) -> None:
    connection = connect(uri.format(tmp_path), None)
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA database_list")
        assert cursor.fetchall()[0][2] == f"{tmp_path}/a.db"
    connection.close()


def test_names_and_passwords() -> None:
    assert quoted("a b") == '"a b"' and quoted("s.t") == '"s"."t"'
    assert masked("postgresql://h/d") == "postgresql://h/d"
    assert masked("host=h password=x user=y") == "host=h password=*** user=y"

"""Other dialects are tried on the beginning of a file, and the one that makes it even is named."""

from __future__ import annotations

import pytest

from gpupipe.sources.csv_advice import advice, told_of_first_rows
from gpupipe.sources.csv_text import Dialect


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("a,b\n1,2,\n3,4,\n", "the header lacks a name: pass header=False, skip_rows=1, names=[...]"),
        ("a,b\n0,1,2\n1,3,4\n", "the header lacks a name: pass header=False, skip_rows=1, names=[...]"),
        ("a;b\n1,5;2\n3;4,5\n", "With separator=';' each of the first rows has 2 fields."),
        ("a,b\n'x,y',1\n'z',2\n", 'With quote="\'" each of the first rows has 2 fields.'),
        ("a, b\n1,5, 2\n", "With separator=', ' each of the first rows has 2 fields."),
        ("a,b\n1,2\n3\n", ""),
    ],
)
def test_the_option_that_helps_is_named(content: str, named: str) -> None:
    found = advice(content.encode(), Dialect(), content.partition("\n")[0].count(",") + 1)
    assert named in found and bool(named) == bool(found)


def test_a_long_file_is_judged_by_its_beginning() -> None:
    assert "separator='|'" in advice(b"a|b\n" + b"1|2,3\n" * 100_000, Dialect(), 1)
    assert advice(b"", Dialect(), 1) == "" and advice("a;b\n".encode("utf-16"), Dialect(), 1) == ""


def test_what_is_plain_is_not_told_of() -> None:
    for content in ("a\n1;2\n", "a b\n1\n", "name,2019,2020\nx,1,2\n", "a;b\n"):
        names = content.partition("\n")[0].split(",")
        assert told_of_first_rows(content.encode(), Dialect(), names, "a.csv") == [], content

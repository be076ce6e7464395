"""Names that are missing or there twice are given, and told."""

from __future__ import annotations

import time

import pytest

from gpupipe.core.errors import SourceError
from gpupipe.sources.csv_header import check_header, given_names, names_of, told_names


def test_given_names_are_distinct_and_keep_those_that_are_there() -> None:
    assert given_names(["a", "b"]) == ("a", "b") and told_names(["a", "b"], "a.csv") is None
    assert given_names(["", "", "column_2", "x", "x", "x_2", "x"]) == ("column_1", "column_3", "column_2", "x", "x_3", "x_2", "x_4")


def test_many_names_take_no_time() -> None:
    began = time.process_time()
    assert len(set(given_names(["x"] * 100_000 + [""] * 100_000))) == 200_000
    assert time.process_time() - began < 20, "the time is not that of every pair"


def test_only_some_of_many_names_are_told() -> None:
    told = told_names(["x"] * 100, "a.csv") or ""
    assert "'x' again in column 2, 'x' again in column 3" in told and "and 94 more" in told and len(told) < 500


def test_names_that_are_no_text_are_refused() -> None:
    with pytest.raises(SourceError, match=r"a\.csv: expected a header in UTF-8, got b'\\xe4, b'.*encoding='latin-1' or 'cp1252'"):
        names_of([b"\xe4", b"b"], "a.csv")
    with pytest.raises(SourceError, match="NUL characters"):
        names_of([b"a\0", b"b"], "a.csv")
    with pytest.raises(SourceError, match=r"names: expected distinct column names, got 'id' in columns 1, 4, 6; 'upb' in columns 2, 5"):
        check_header(["id", "upb", "x", "id", "upb", "id"], "names")

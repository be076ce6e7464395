"""Options that cannot be together are refused when the source is made."""

from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw
import pytest

from gpupipe.core.errors import DtypeError, SourceError, UsageError
from gpupipe.sources.read_csv import ReadCsv


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ragged": "quarantine"}, "ragged expected 'error' or 'fill', got 'quarantine'. quarantine='some/folder' puts rows aside."),
        ({"schema": {"a": nw.Int8}, "dtypes": {"a": nw.Int8}}, "schema and dtypes are both given"),
        ({"names": ["a"]}, "names expected header=False, got header=True"),
        ({"names": "a", "header": False}, "names expected several column names, got the one text 'a'"),
        ({"decimal": ",", "thousands": ","}, "two different characters, got ',' for both"),
    ],
)
def test_options_that_say_different_things(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        ReadCsv("a.csv", **options)


def test_names_and_dtypes_that_cannot_be() -> None:
    with pytest.raises(SourceError, match="names: expected distinct column names, got 'a' in columns 1, 2"):
        ReadCsv("a.csv", header=False, names=["a", "a"])
    with pytest.raises(DtypeError, match="expected a dtype that one field of text can hold"):
        ReadCsv("a.csv", dtypes={"a": nw.List(nw.Int8())})

"""Columns that folders hold."""

from __future__ import annotations

import narwhals.stable.v2 as nw
import pytest

from gpupipe.core.errors import SourceError
from gpupipe.core.files import Place
from gpupipe.core.schema import Field
from gpupipe.sources.hive import MISSING, hive_schema


def files(*folders: str) -> list[Place]:
    return [Place(f"/k=0/t/{folder}/x.parquet", root="/k=0/t") for folder in folders]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        (["1", "-2", "007"], Field(nw.Int64(), nullable=False)),
        (["1", MISSING], Field(nw.Int64())),
        (["2020-01-31"], Field(nw.Date(), nullable=False)),
        (["2020%2D01%2D31"], Field(nw.Date(), nullable=False)),
        (["2020-01-32"], Field(nw.String(), nullable=False)),
        (["9" * 30], Field(nw.String(), nullable=False)),
        ([MISSING], Field(nw.String())),
        (["a%2Fb", ""], Field(nw.String(), nullable=False)),
    ],
)
def test_all_values_make_the_dtype(values: list[str], field: Field) -> None:
    assert dict(hive_schema(files(*(f"k={value}" for value in values)))) == {"k": field}


def test_names_are_unquoted_and_agree() -> None:
    assert list(hive_schema(files("a%20b=1/plain/c=2"))) == ["a b", "c"]
    assert not hive_schema(files("plain"))
    with pytest.raises(SourceError, match=r"expected the partition folders 'a', as .*x\.parquet has, got 'b'\. Move the file, or pass"):
        hive_schema(files("a=1", "b=1"))


@pytest.mark.parametrize("folder", ["k=%ff", "%c3%28=1"])
def test_what_is_no_utf8_is_refused(folder: str) -> None:
    with pytest.raises(SourceError, match=r"expected the folders' keys and values in UTF-8, .* Rename the folder, or pass hive=False"):
        hive_schema(files(folder))

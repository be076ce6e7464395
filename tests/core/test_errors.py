"""The tree of errors, and what helps a reader of one."""

from __future__ import annotations

import pytest

from gpupipe.core import errors
from gpupipe.core.errors import ColumnError, GpupipeError, listing, nearest


def test_every_error_is_in_the_one_tree_and_in_its_drawing() -> None:
    own = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)]
    assert all(issubclass(kind, GpupipeError) for kind in own)
    assert all(kind.__name__ in (errors.__doc__ or "") for kind in own)


def test_a_missing_column_knows_its_name() -> None:
    error = ColumnError.of("loan", ["loan_id", "month"])
    assert error.missing == "loan"
    assert str(error) == "There is no column 'loan'. Did you mean 'loan_id'? The columns are 'loan_id', 'month'."


@pytest.mark.parametrize(("name", "known", "expected"), [("Y", ["y"], " Did you mean 'y'?"), ("abc", [], ""), ("q", ["xyz"], "")])
def test_nearest(name: str, known: list[str], expected: str) -> None:
    assert nearest(name, known) == expected


def test_a_long_listing_is_cut() -> None:
    assert listing(["a", "b", "c"], limit=2) == "'a', 'b' and 1 more"
    assert listing([]) == ""

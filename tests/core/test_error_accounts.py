"""Every error has an account, and the page is the one that is made of them."""

from __future__ import annotations

import inspect
from pathlib import Path

from gpupipe.core import errors
from gpupipe.core.error_accounts import ACCOUNTS, described

PAGE = Path(__file__).parents[2] / "docs" / "errors.md"


def test_every_error_but_the_root_has_an_account() -> None:
    kinds = {one for _, one in inspect.getmembers(errors, inspect.isclass) if issubclass(one, errors.GpupipeError)}
    assert kinds - {errors.GpupipeError} == {account.kind for account in ACCOUNTS}
    assert all(account.causes and account.means for account in ACCOUNTS)


def test_the_page_is_what_is_made() -> None:
    assert PAGE.read_text(encoding="utf-8") == "\n".join(described()) + "\n", "gpupipe explain --markdown > docs/errors.md"

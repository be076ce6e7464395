"""``gpupipe explain``: what an error means, and what to do."""

from __future__ import annotations

from typing import Annotated

import typer

from gpupipe.cli.failure import reported
from gpupipe.cli.options import Trace
from gpupipe.core.error_accounts import ACCOUNTS, Account, described
from gpupipe.core.errors import UsageError, listing, nearest


def complete_code(incomplete: str) -> list[str]:
    """Return the codes that an unfinished one may become."""
    return [account.code for account in ACCOUNTS if account.code.lower().startswith(incomplete.lower())]


def explain(
    code: Annotated[
        str | None,
        typer.Argument(metavar="CODE", show_default=False, autocompletion=complete_code, help="The name before an error's message."),
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print all of them as the page docs/errors.md.")] = False,
    traceback: Trace = False,
) -> None:
    """Tell what an error means, what brings it about and what to do; without CODE, list all errors.

    Example: gpupipe explain ColumnError
    """
    with reported(with_traceback=traceback):
        if markdown:
            typer.echo("\n".join(described()))
        elif code is None:
            for account in ACCOUNTS:
                typer.echo(f"{account.code:18} {account.means}")
        else:
            typer.echo(_told(_found(code)))


def _found(code: str) -> Account:
    """Return the account of a code, in any case, with or without a colon."""
    wanted = code.strip().rstrip(":").rpartition(".")[2].lower()
    for account in ACCOUNTS:
        if account.code.lower() == wanted:
            return account
    known = [account.code for account in ACCOUNTS]
    msg = f"Expected the name of an error, got {code!r}.{nearest(code, known)} They are {listing(known)}."
    raise UsageError(msg)


def _told(account: Account) -> str:
    """Return an account as text."""
    lines = [f"{account.code}: {account.means}", f"Found {account.found}. Exit code {account.exit_code}.", ""]
    for cause, way in account.causes:
        lines += [f"- {cause}", f"  {way.replace('`', '')}"]
    return "\n".join(lines)

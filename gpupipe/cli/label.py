"""``gpupipe label``: a page on which a person answers a label store's questions."""

from __future__ import annotations

import getpass
import secrets
import webbrowser
from typing import TYPE_CHECKING, Annotated

import typer

from gpupipe.cli.failure import reported
from gpupipe.cli.options import Trace

if TYPE_CHECKING:
    from gpupipe.active.page.server import PageServer


def label(
    store: Annotated[str, typer.Argument(metavar="STORE", help="The label store: a folder, or a database (labels.db, postgresql://...).")],
    annotator: Annotated[
        str | None, typer.Option(metavar="NAME", show_default=False, help="Who answers; on the page it can be changed. By default, you.")
    ] = None,
    port: Annotated[int, typer.Option(metavar="PORT", min=0, max=65535, help="Where the page is; 0 for any port that is free.")] = 8687,
    host: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="The address of this machine to listen at. Others than the loopback show your data to who has the token.",
        ),
    ] = "127.0.0.1",
    allow_host: Annotated[
        list[str] | None,
        typer.Option("--allow-host", metavar="NAME", show_default=False, help="A further name under which browsers may ask for the page."),
    ] = None,
    token: Annotated[
        bool, typer.Option("--token/--no-token", help="Whether a browser must bring the token that stands in the printed address.")
    ] = True,
    open_: Annotated[bool, typer.Option("--open/--no-open", help="Whether to open the page in a browser.")] = True,
    traceback: Trace = False,
) -> None:
    """Answer a label store's questions on a local page, by keyboard, until Ctrl-C.

    It shows texts, images, rows or words, asks for a class, yes or no, or spans of words, and keeps every answer at once. Several tabs,
    several people and a lost connection lose nothing and keep nothing twice. What the model would answer stays hidden until you ask for it.

    Example: gpupipe label labels/
    """
    with reported(with_traceback=traceback):
        from gpupipe.active.page.desk import Desk  # local: loads Arrow, which --help does without
        from gpupipe.active.page.server import PageServer  # local: as above
        from gpupipe.active.store import LabelStore  # local: as above

        desk = Desk(LabelStore(store), annotator or _login())
        with PageServer(desk, host, port, token=secrets.token_urlsafe(24) if token else None, hosts=allow_host or ()) as server:
            _serve(server, open_=open_)


def _serve(server: PageServer, *, open_: bool) -> None:
    """Say where the page is, and serve it until Ctrl-C."""
    desk = server.desk
    waiting = desk.store.waiting(desk.annotator).num_rows
    typer.echo(f"{waiting} questions wait in {desk.store.place}. The page: {server.address}")
    typer.echo("Ctrl-C ends it; what was answered is kept.")
    if not server.is_local:
        whoever = "Whoever reaches this machine" if server.token is None else "Whoever has that address"
        typer.echo(f"{whoever} sees the examples and can answer; the connection is not encrypted.", err=True)
    if open_:
        webbrowser.open(server.address)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        answered = waiting - desk.store.waiting(desk.annotator).num_rows
        typer.echo(f"{answered} questions fewer wait for {desk.annotator}.")


def _login() -> str:
    """Return the name of who runs the command."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "annotator"

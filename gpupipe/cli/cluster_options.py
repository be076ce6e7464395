"""The options that say where a cluster is; the certificates' are called as Dask's own commands call them."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, TypeAlias

import typer

from gpupipe.core.engine import EngineOptions
from gpupipe.core.errors import UsageError

_HELP = "local, local:4, tcp://host:8786, tls://host:8786, or file.py:function that returns a Dask cluster"

Where: TypeAlias = Annotated[
    str | None, typer.Option("--cluster", metavar="ADDRESS", show_default=False, help=f"Where the workers are: {_HELP}.")
]
Running: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--cluster", metavar="ADDRESS", envvar="GPUPIPE_CLUSTER", show_default=False, help="The address that `dask scheduler` printed."
    ),
]
Authority: TypeAlias = Annotated[
    str | None, typer.Option("--tls-ca-file", metavar="PEM", show_default=False, help="For tls://: the authority's certificate.")
]
Certificate: TypeAlias = Annotated[
    str | None, typer.Option("--tls-cert", metavar="PEM", show_default=False, help="For tls://: your certificate.")
]
Key: TypeAlias = Annotated[
    str | None,
    typer.Option("--tls-key", metavar="PEM", show_default=False, help="For tls://: its key, where that is not in the same file."),
]
Unencrypted: TypeAlias = Annotated[
    bool, typer.Option("--allow-unencrypted", help="Use an address on another machine without TLS, in a network that you trust.")
]
WorkerSeconds: TypeAlias = Annotated[float, typer.Option(metavar="SECONDS", min=0, help="How long to wait for the cluster's first worker.")]


def clustered(
    options: EngineOptions,
    cluster: str | None,
    tls: tuple[str | None, str | None, str | None],
    *,
    allow_unencrypted: bool,
    worker_seconds: float = 30.0,
) -> EngineOptions:
    """Return the options with the cluster that a command names.

    Raises
    ------
    UsageError
        Some of the certificates are named, and others are not.

    Examples
    --------
    >>> clustered(EngineOptions(), "tls://host:8786", ("ca.pem", "me.pem", None), allow_unencrypted=False).tls
    ('ca.pem', 'me.pem', 'me.pem')
    """
    authority, certificate, key = tls
    if not any(tls):
        files = None
    elif authority and certificate:
        files = (authority, certificate, key or certificate)
    else:
        msg = "--tls-ca-file and --tls-cert go together: the authority's certificate, and your own, for which there is also --tls-key."
        raise UsageError(msg)
    return replace(options, cluster=cluster, tls=files, allow_unencrypted=allow_unencrypted, worker_seconds=worker_seconds)

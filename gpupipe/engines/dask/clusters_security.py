"""What keeps rows that travel to a cluster private: TLS, or a reason to do without it."""

from __future__ import annotations

import ipaddress
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import distributed
import psutil

from gpupipe.core.errors import ClusterError, UsageError


def security_of(address: str, tls: tuple[str, str, str] | None) -> distributed.Security:
    """Return the security to connect with: of the files that are named, or else of Dask's own configuration.

    Raises
    ------
    UsageError
        Where a file is not there, or a ``tls://`` address comes without files.
    """
    if tls is not None:
        for path in tls:
            if not Path(path).is_file():
                msg = f"There is no TLS file {path!r}. Name the authority's certificate, your certificate and its key, as PEM files."
                raise UsageError(msg)
        authority, certificate, key = tls
        encrypted = address.startswith("tls://")
        return distributed.Security(
            tls_ca_file=authority, tls_client_cert=certificate, tls_client_key=key, require_encryption=encrypted or None
        )
    configured: Any = distributed.Security()
    if address.startswith("tls://") and not (configured.tls_ca_file and configured.tls_client_cert):
        msg = f"{address} needs certificates, and none are given. On the command line: --tls-ca-file, --tls-cert, --tls-key. In Python: "
        msg += "gp.EngineOptions(tls=(authority, certificate, key)). Or in Dask's configuration, under distributed.comm.tls."
        raise UsageError(msg)
    return configured  # type: ignore[no-any-return]


def check_encryption(address: str, *, allow_unencrypted: bool) -> None:
    """Refuse an address on another machine that is not encrypted.

    Raises
    ------
    ClusterError
        With what to do instead.
    """
    if allow_unencrypted or address.startswith(("tls://", "inproc://")):
        return
    host = urlsplit(address).hostname or ""
    if is_here(host):
        return
    msg = f"{address} is on another machine and not encrypted: anyone on the way could read the rows, and run code on the cluster. Start "
    msg += "scheduler and workers with TLS (--tls-ca-file, --tls-cert, --tls-key) and use tls://. In a network that you trust: "
    raise ClusterError(f"{msg}--allow-unencrypted, in Python gp.EngineOptions(allow_unencrypted=True).")


def is_here(host: str) -> bool:
    """Return whether a host's name or number is of this machine, whatever of its addresses the name stands for.

    Raises
    ------
    ClusterError
        Where the name is not known.

    Examples
    --------
    >>> is_here("127.0.0.1"), is_here("::1"), is_here("192.0.2.1")
    (True, True, False)
    """
    try:
        found = {str(one[4][0]).partition("%")[0] for one in socket.getaddrinfo(host, None)}
    except OSError as error:
        msg = f"There is no host {host!r}: {error.strerror or error}. Check the cluster's address."
        raise ClusterError(msg) from error
    own = {one.address.partition("%")[0] for many in psutil.net_if_addrs().values() for one in many}
    return all(number in own or ipaddress.ip_address(number).is_loopback for number in found)

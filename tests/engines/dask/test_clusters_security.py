from __future__ import annotations

import socket
from pathlib import Path

import dask
import pytest

pytest.importorskip("distributed")

from gpupipe.core.errors import ClusterError, UsageError
from gpupipe.engines.dask.clusters_security import check_encryption, is_here, security_of


def test_another_machine_without_encryption_is_refused_unless_told() -> None:
    with pytest.raises(ClusterError, match=r"tcp://192.0.2.1:8786 is on another machine and not encrypted.*tls://.*--allow-unencrypted"):
        check_encryption("tcp://192.0.2.1:8786", allow_unencrypted=False)
    check_encryption("tcp://192.0.2.1:8786", allow_unencrypted=True)
    check_encryption("tls://192.0.2.1:8786", allow_unencrypted=False)
    check_encryption("tcp://127.0.0.1:8786", allow_unencrypted=False)
    check_encryption("tcp://[::1]:8786", allow_unencrypted=False)


def test_this_machines_own_addresses_are_here() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
        found.connect(("192.0.2.1", 9))  # sends nothing: it asks which of the own addresses would be used
        own = found.getsockname()[0]
    assert is_here(own)
    assert is_here("localhost")
    assert not is_here("192.0.2.1")


def test_an_unknown_host_is_an_error() -> None:
    with pytest.raises(ClusterError, match=r"There is no host 'nowhere.invalid'"):
        check_encryption("tcp://nowhere.invalid:8786", allow_unencrypted=False)


def test_certificates_come_from_the_files_or_from_dasks_configuration(tmp_path: Path) -> None:
    paths = tuple(str(tmp_path / name) for name in ("ca.pem", "cert.pem", "key.pem"))
    for path in paths:
        Path(path).write_text("")
    made = security_of("tls://host:1", paths)  # type: ignore[arg-type]
    assert (made.tls_ca_file, made.tls_client_cert, made.tls_client_key) == paths
    with dask.config.set({"distributed.comm.tls.ca-file": paths[0], "distributed.comm.tls.client.cert": paths[1]}):
        assert security_of("tls://host:1", None).tls_client_cert == paths[1]
    with pytest.raises(UsageError, match=r"tls://host:1 needs certificates.*--tls-ca-file, --tls-cert, --tls-key"):
        security_of("tls://host:1", None)
    with pytest.raises(UsageError, match=r"There is no TLS file 'absent.pem'"):
        security_of("tls://host:1", (paths[0], "absent.pem", paths[2]))

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("distributed")

Command = Callable[..., Any]


def test_naming_a_cluster_runs_on_it(gpupipe: Command, flow: Path) -> None:
    ended = gpupipe("run", flow, "--cluster", "local:1", "--json", "-p", "rows=20")
    assert ended.code == 0, ended.err
    assert (ended.json["engine"], ended.json["outputs"]["n"]) == ("dask", 20)


def test_an_engine_of_one_process_takes_no_cluster(in_process: Command, flow: Path) -> None:
    ended = in_process("run", flow, "--cluster", "local:1", "--engine", "cpu")
    assert ended.code == 2 and "takes no cluster, got 'local:1'" in ended.err


def test_an_unencrypted_address_elsewhere_is_refused_with_what_to_do(in_process: Command, flow: Path) -> None:
    ended = in_process("run", flow, "--cluster", "tcp://192.0.2.1:8786")
    assert ended.code == 1
    assert "ClusterError: tcp://192.0.2.1:8786 is on another machine and not encrypted" in ended.err
    assert "--allow-unencrypted" in ended.err


def test_certificates_are_named_together_and_have_to_be_there(in_process: Command, flow: Path) -> None:
    half = in_process("run", flow, "--cluster", "tls://127.0.0.1:1", "--tls-ca-file", "ca.pem")
    assert half.code == 2 and "--tls-ca-file and --tls-cert go together" in half.err
    absent = in_process("run", flow, "--cluster", "tls://127.0.0.1:1", "--tls-ca-file", "ca.pem", "--tls-cert", "me.pem")
    assert absent.code == 2 and "There is no TLS file 'ca.pem'" in absent.err
    none = in_process("run", flow, "--cluster", "tls://127.0.0.1:1")
    assert none.code == 2 and "needs certificates, and none are given" in none.err

"""Stages after `prepare` cannot reach anything but this machine."""

import os
import socket
import subprocess
import sys

import pytest
from pytest_socket import enable_socket

from mae_bench.errors import DataError
from mae_bench.runner.memory import keep_freed_memory
from mae_bench.runner.network import closed_network


def test_a_connection_to_elsewhere_is_refused_with_the_stage_named():
    enable_socket()
    with closed_network("pretrain mlm, seed 0"), socket.socket() as closed:
        with pytest.raises(DataError, match=r"pretrain mlm, seed 0 tried to reach 192\.0\.2\.1"):
            closed.connect(("192.0.2.1", 80))
        with pytest.raises(DataError, match="mae-bench prepare"):
            closed.connect_ex(("192.0.2.1", 80))
        with pytest.raises(DataError, match=r"huggingface\.co"):
            socket.getaddrinfo("huggingface.co", 443)


def test_this_machine_and_what_comes_after_stay_reachable():
    enable_socket()
    before = socket.socket.connect, socket.getaddrinfo
    with closed_network("a stage"), socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()) as connected:
            assert connected.getpeername() == server.getsockname()
    assert (socket.socket.connect, socket.getaddrinfo) == before


def test_hugging_face_is_set_offline_and_restored(monkeypatch):
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    with closed_network("a stage"):
        assert os.environ["HF_HUB_OFFLINE"] == "1"
    assert "HF_HUB_OFFLINE" not in os.environ


IMPORTED_INSIDE = """
from mae_bench.runner.network import closed_network
with closed_network("a stage"):
    from huggingface_hub import constants
    assert constants.HF_HUB_OFFLINE
assert not constants.HF_HUB_OFFLINE
"""


def test_a_library_imported_inside_is_set_free_too():
    environment = {k: v for k, v in os.environ.items() if "OFFLINE" not in k}
    subprocess.run([sys.executable, "-c", IMPORTED_INSIDE], env=environment, check=True)


def test_raising_mallocs_thresholds_is_harmless():
    assert keep_freed_memory() in (True, False)

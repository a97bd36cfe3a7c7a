"""Closes the network for every stage but those that prepare data.

A training that quietly downloaded something would not be the one its id names.
"""

import ipaddress
import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from mae_bench.errors import DataError

_OFFLINE = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE")


@contextmanager
def closed_network(stage: str) -> Iterator[None]:
    """Refuse connections that leave this machine, and set Hugging Face's libraries offline.

    Args:
        stage: what the error calls the work that tried.
    """
    before = {name: os.environ.get(name) for name in _OFFLINE}
    connect, connect_ex, resolve = (
        socket.socket.connect,
        socket.socket.connect_ex,
        socket.getaddrinfo,
    )

    def refuse(host: object) -> None:
        if not _is_local(host):
            raise DataError(
                f"{stage} tried to reach {host}, but only `mae-bench prepare` may use the "
                "network; prepare the data, or give a local folder"
            )

    def guarded(call: Callable[..., Any]) -> Callable[..., Any]:
        def inner(self: socket.socket, address: Any) -> Any:
            if self.family in (socket.AF_INET, socket.AF_INET6):
                refuse(address[0])
            return call(self, address)

        return inner

    def resolved(host: Any, *args: Any, **kwargs: Any) -> Any:
        refuse(host)
        return resolve(host, *args, **kwargs)

    os.environ.update(dict.fromkeys(_OFFLINE, "1"))
    was_offline = _hub_offline(True)
    socket.socket.connect = guarded(connect)  # type: ignore[method-assign]
    socket.socket.connect_ex = guarded(connect_ex)  # type: ignore[method-assign]
    socket.getaddrinfo = resolved
    try:
        yield
    finally:
        socket.socket.connect = connect  # type: ignore[method-assign]
        socket.socket.connect_ex = connect_ex  # type: ignore[method-assign]
        socket.getaddrinfo = resolve
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        wanted = (before["HF_HUB_OFFLINE"] or "").upper() in ("1", "ON", "YES", "TRUE")
        _hub_offline(wanted if was_offline is None else was_offline)


def _is_local(host: object) -> bool:
    text = host.decode() if isinstance(host, bytes) else host
    if text in (None, "", "localhost"):
        return True
    try:
        return ipaddress.ip_address(str(text).partition("%")[0]).is_loopback
    except ValueError:
        return False


def _hub_offline(is_offline: bool) -> bool | None:
    """Set the switch that huggingface_hub read when it was imported; return what it was."""
    constants = sys.modules.get("huggingface_hub.constants")
    if constants is None:
        return None
    before = bool(getattr(constants, "HF_HUB_OFFLINE", False))
    constants.HF_HUB_OFFLINE = is_offline  # type: ignore[attr-defined]
    return before

"""What systemd is told: that the service is ready, that it is alive, that it ends. See sd_notify(3)."""

from __future__ import annotations

import contextlib
import os
import socket


def notify(state: str) -> None:
    """Tell the service manager a state such as READY=1; nothing happens where there is none."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        # An address that begins with @ is one of Linux' abstract namespace.
        line.sendto(state.encode(), "\0" + address[1:] if address.startswith("@") else address)


def watchdog_every() -> float | None:
    """How often the watchdog wants to hear of us, in seconds: twice in its time, as sd_watchdog_enabled(3) advises.
    None if it does not."""
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    owner = os.environ.get("WATCHDOG_PID", str(os.getpid()))
    if not microseconds.isdigit() or owner != str(os.getpid()):
        return None
    return int(microseconds) / 2_000_000

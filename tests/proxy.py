"""A TCP proxy that is a bad line: it drops, delays, cuts off and corrupts what goes through it."""

from __future__ import annotations

import contextlib
import random
import selectors
import socket
import threading
import time


class BadLine:
    """Between a client and a server on the loopback. ``fault`` is what happens to what comes from the server from now on."""

    FAULTS = ("refuse", "drop", "stall", "delay", "truncate", "corrupt")

    def __init__(self, port: int, chance: random.Random) -> None:
        self._to = port
        self._chance = chance
        self.fault = ""
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._over = False
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._over = True
        self._listening.close()
        self.cut()

    def cut(self) -> None:
        """Every line ends now."""
        for pair in list(self._pairs):
            for line in pair:
                with contextlib.suppress(OSError):
                    line.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while not self._over:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            if self.fault == "refuse":
                client.close()
                continue
            try:
                server = socket.create_connection(("127.0.0.1", self._to), 5)
            except OSError:
                client.close()
                continue
            self._pairs.add((client, server))
            threading.Thread(target=self._carry, args=(client, server), daemon=True).start()

    def _carry(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError), selectors.DefaultSelector() as both:
            both.register(client, selectors.EVENT_READ, server)
            both.register(server, selectors.EVENT_READ, client)
            while not self._over:
                for key, _ in both.select(0.5):
                    data = key.fileobj.recv(65_536)  # type: ignore[union-attr]
                    if not data or (key.fileobj is server and not self._passed(data, key.data)):
                        raise OSError
                    if key.fileobj is client:
                        key.data.sendall(data)
        self._pairs.discard((client, server))
        client.close()
        server.close()

    def _passed(self, data: bytes, to: socket.socket) -> bool:
        """Hand on what the server said, as the fault wants it; False if the line ends here."""
        match self.fault:
            case "drop":
                return False
            case "stall":
                while self.fault == "stall" and not self._over:
                    time.sleep(0.05)
                return False
            case "delay":
                time.sleep(self._chance.uniform(0.05, 0.4))
            case "truncate":
                to.sendall(data[: self._chance.randrange(len(data))])
                return False
            case "corrupt":
                broken = bytearray(data)
                for _ in range(3):
                    broken[self._chance.randrange(len(broken))] ^= 1 << self._chance.randrange(8)
                data = bytes(broken)
        to.sendall(data)
        return True

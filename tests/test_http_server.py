"""The HTTP face and those who read from it."""

from __future__ import annotations

import asyncio
import socket
import time
from pathlib import Path

from daemon.guard import Guard
from daemon.health import Health
from daemon.http_server import STOP_S, HttpServer
from tests.parts import make_parts

REQUESTS = b"GET /metrics HTTP/1.1\r\nHost: genred\r\n\r\n" * 400  # their answers fill any buffer between the two


def is_held_up(server: HttpServer) -> bool:
    """Whether an answer waits for its reader."""
    web = server._runner.server
    assert web is not None
    return any(
        connection.transport.get_write_buffer_size() > connection.transport.get_write_buffer_limits()[1]
        for connection in web.connections
        if connection.transport is not None
    )


def test_a_reader_that_has_gone_away_does_not_hold_the_end_up(tiny_model: Path) -> None:
    async def run() -> float:
        parts = make_parts(tiny_model)
        guard = Guard(parts.engine, 60.0)
        health = Health(parts.pipeline, parts.engine, [], [], parts.ledger, parts.metrics, guard)
        server = HttpServer(health, parts.metrics)
        await server.start("127.0.0.1", 0)
        host, _, port = server.address.removeprefix("http://").partition(":")
        with socket.socket() as reader:
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            reader.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(reader, (host, int(port)))
            await loop.sock_sendall(reader, REQUESTS)
            async with asyncio.timeout(30):
                while not is_held_up(server):  # noqa: ASYNC110 - a state of buffers, which say nothing
                    await asyncio.sleep(0.001)
            since_s = time.monotonic()
            await server.stop()
            return time.monotonic() - since_s

    assert asyncio.run(run()) < STOP_S + 5.0

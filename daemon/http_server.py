"""The HTTP face: /metrics /livez /readyz /status /version. Read-only, loopback by default."""

from __future__ import annotations

import errno

from aiohttp import web

from daemon.errors import DependencyUnavailable, PortTaken
from daemon.health import Health
from daemon.metrics import Metrics
from daemon.metrics_page import metrics_page
from daemon.version import genred_version

MAX_REQUEST_BYTES = 1024
STOP_S = 1.0  # a reader that has gone away must not hold the end of the process up


class HttpServer:
    """Serves health and metrics until `stop()`. Use `start()` on the event loop."""

    def __init__(self, health: Health, metrics: Metrics) -> None:
        self._health, self._metrics = health, metrics
        self._runner = web.AppRunner(
            self._application(), access_log=None, handle_signals=False, shutdown_timeout=STOP_S
        )
        self.address = ""

    async def start(self, host: str, port: int) -> None:
        """Listen. PortTaken when the address is in use; `address` is the base URL afterwards."""
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        try:
            await site.start()
        except OSError as error:
            await self._runner.cleanup()
            if error.errno == errno.EADDRINUSE:
                raise PortTaken(
                    f"http.port: {host}:{port} is in use; set http.port (0: any free one) or stop the other process"
                ) from None
            raise DependencyUnavailable(f"http: cannot listen on {host}:{port}: {error.strerror}") from None
        bound_host, bound_port = self._runner.addresses[0][:2]
        shown = f"[{bound_host}]" if ":" in bound_host else bound_host
        self.address = f"http://{shown}:{bound_port}"

    async def stop(self) -> None:
        """Stop listening; requests in progress are finished, if they can be in STOP_S."""
        await self._runner.cleanup()

    def _application(self) -> web.Application:
        application = web.Application(client_max_size=MAX_REQUEST_BYTES)
        application.add_routes(
            [
                web.get("/metrics", self._show_metrics),
                web.get("/livez", self._show_livez),
                web.get("/readyz", self._show_readyz),
                web.get("/status", self._show_status),
                web.get("/version", self._show_version),
            ]
        )
        return application

    async def _show_metrics(self, request: web.Request) -> web.Response:
        self._health.refresh_metrics()
        body, content_type = metrics_page(self._metrics.registry, request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type})

    async def _show_livez(self, _request: web.Request) -> web.Response:
        return _verdict(self._health.dead())

    async def _show_readyz(self, _request: web.Request) -> web.Response:
        return _verdict(self._health.unready())

    async def _show_status(self, _request: web.Request) -> web.Response:
        return web.json_response(self._health.status())

    async def _show_version(self, _request: web.Request) -> web.Response:
        return web.json_response({"name": "genred", "version": genred_version()})


def _verdict(problem: str | None) -> web.Response:
    return web.Response(text="ok\n") if problem is None else web.Response(status=503, text=f"{problem}\n")

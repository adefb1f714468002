"""/healthz and /readyz. Neither asks the API server: its outage must not restart its clients."""

from collections.abc import Awaitable, Callable

from aiohttp import web


class PortTaken(Exception):
    """Health cannot be served where it was told to be."""


class Health:
    """``alive`` and ``ready`` return an empty text where all is well, else what is wrong."""

    def __init__(self, *, port: int, alive: Callable[[], str], ready: Callable[[], str]) -> None:
        self._port = port
        self._runner: web.AppRunner | None = None
        self._checks = {"/healthz": alive, "/readyz": ready}

    async def start(self) -> None:
        """Raises PortTaken."""
        app = web.Application()
        for path, check in self._checks.items():
            app.router.add_get(path, _answer(check))
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        # All addresses, as kubelet's probes come from the node.
        try:
            await web.TCPSite(self._runner, host=None, port=self._port).start()
        except OSError as error:
            await self._runner.cleanup()
            raise PortTaken(f"--health-port {self._port}: {error.strerror or error}") from error

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()


def _answer(
    check: Callable[[], str],
) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_: web.Request) -> web.Response:
        problem = check()
        return web.Response(text=problem or "ok", status=503 if problem else 200)

    return answer

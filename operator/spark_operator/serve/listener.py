"""A port of ours, with a few paths to be read."""

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class PortTaken(Exception):
    """Nothing can be served where it was told to be."""


class Listener:
    """``flag`` is the option of the command line that names the port, for whoever finds it taken."""

    def __init__(self, *, port: int, flag: str, paths: Mapping[str, Handler]) -> None:
        self._port = port
        self._flag = flag
        self._paths = paths
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Raises PortTaken."""
        app = web.Application()
        for path, handler in self._paths.items():
            app.router.add_get(path, handler)
        # Whoever asks and hangs up is no concern of ours, and shall not hold up an end either.
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        # All addresses: kubelet's probes come from the node, Prometheus from its pod.
        try:
            await web.TCPSite(self._runner, host=None, port=self._port).start()
        except OSError as error:
            await self.stop()
            raise PortTaken(f"{self._flag} {self._port}: {error.strerror or error}") from error

    async def stop(self) -> None:
        """Also where it was never started."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

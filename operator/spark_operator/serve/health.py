"""/healthz and /readyz. Neither asks the API server: its outage must not restart its clients."""

from collections.abc import Callable

from aiohttp import web

from spark_operator.serve.listener import Handler, Listener


def health(*, port: int, alive: Callable[[], str], ready: Callable[[], str]) -> Listener:
    """``alive`` and ``ready`` return an empty text where all is well, else what is wrong."""
    return Listener(
        port=port,
        flag="--health-port",
        paths={"/healthz": _answer(alive), "/readyz": _answer(ready)},
    )


def _answer(check: Callable[[], str]) -> Handler:
    async def answer(_: web.Request) -> web.StreamResponse:
        problem = check()
        return web.Response(text=problem or "ok", status=503 if problem else 200)

    return answer

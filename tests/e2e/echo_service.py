"""The service of ``echo.py`` in the cluster."""

from __future__ import annotations

from dev.demo.place import Place
from dev.demo.run import NAMESPACE
from tests.e2e import service

ADDRESS = f"http://echo.{NAMESPACE}.svc"


def up(place: Place) -> None:
    """Ready when this returns."""
    service.up(place, "echo")


def seen(place: Place) -> str:
    """Every request of others so far."""
    script = (
        "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8000/seen').read().decode())"
    )
    return place.kubectl("exec", "-n", NAMESPACE, "echo", "--", "python3", "-c", script)

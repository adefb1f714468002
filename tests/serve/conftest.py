"""Coroutine tests in fake time: an hour passes in a moment, and exactly."""

from __future__ import annotations

import asyncio
import inspect

import looptime
import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a coroutine test in a loop of its own, closed afterwards with all that it started."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
        runner.run(pyfuncitem.obj(**arguments))
    return True

"""The conformance kit: a plugin, a destination, everything that goes wrong.

    class WeatherAdapter(Adapter): ...

    @pytest.mark.parametrize("check", checks(WeatherAdapter(), DuckDb()), ids=str)
    def test_weather_conforms(check, tmp_path):
        check.run(tmp_path)

Whatever happened, a clean fetch afterwards must leave every record exactly once, in its newest
version, and no credential may be seen outside of its Secret.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from spark_plugins.testing import faults
from spark_plugins.testing.adapter import Adapter
from spark_plugins.testing.faults import FAULTS, Fault
from spark_plugins.testing.interruptions import kills as kill_at_random_moments
from spark_plugins.testing.interruptions import sigterm
from spark_plugins.testing.pod import AMPLE_SECONDS, Ended
from spark_plugins.testing.scene import Scene
from spark_plugins.testing.service import Answer, Request
from spark_plugins.testing.stage import RECORDS, Counted, Nonconformity, Stage, stage
from spark_plugins.testing.targets import Target

__all__ = ["Check", "Counted", "Nonconformity", "checks", "not_applicable"]


@dataclass(frozen=True)
class Check:
    """One cell of the table."""

    adapter: Adapter
    target: Target
    name: str
    body: Callable[[Stage], Counted]

    def __str__(self) -> str:
        return f"{self.adapter.plugin}-{self.target.name}-{self.name.replace(' ', '_')}"

    def run(self, folder: Path) -> Counted:
        """What was counted, for the table; raises `Nonconformity`."""
        with stage(self.adapter, self.target, folder) as here:
            counted = self.body(here)
            return replace(counted, rows=here.rows().total())


def checks(
    adapter: Adapter,
    target: Target,
    *,
    kills: int = 3,
    seed: int = 1,
    only: Callable[[str], bool] = lambda _name: True,
) -> list[Check]:
    """All checks of a pair; `only` chooses by name."""
    left_out = not_applicable(adapter, target)
    bodies = {fault.name: partial(_fault, fault=fault) for fault in FAULTS} | _OTHERS
    if kills:
        bodies["kills"] = partial(kill_at_random_moments, count=kills, seed=seed)
    return [
        Check(adapter, target, name, body)
        for name, body in bodies.items()
        if name not in left_out and only(name)
    ]


def not_applicable(adapter: Adapter, target: Target) -> dict[str, str]:
    """The checks that mean nothing for a pair, each with the reason."""
    found: dict[str, str] = {}
    if not adapter.paged:
        one = "a fetch is one document, without pages"
        found = {fault.name: one for fault in FAULTS if fault.at > 1 or fault.name == EMPTY_PAGE}
    if adapter.skips == "nothing":
        found[UNCHANGED] = "the service tells no change: each fetch brings everything"
    if adapter.skips != "unchanged records":
        found[ONE_CHANGE] = "the service tells no change of a single record"
    if not adapter.removes:
        found[REMOVED] = "the service does not tell what was removed"
    if not target.locks:
        found[TWO_AT_ONCE] = "a bucket has no lock: of two writers the second is refused"
    return found | dict(adapter.without)


def _fault(here: Stage, *, fault: Fault) -> Counted:
    dice = random.Random(fault.name)  # noqa: S311
    if not fault.fresh:
        here.clean_fetch()
    before = here.rows()
    if fault.scene:
        if fault.fresh:
            here.scene = Scene()
            fault.scene(here.scene)
            here.scene.add(RECORDS)
            here.clean_fetch()
            here.scene.edit(dice, 3)
            here.clean_fetch()
        else:
            fault.scene(here.scene)
            here.scene.repeat_outdated = here.adapter.orders_versions
    here.scene.edit(dice, 5)
    here.scene.add(2)

    asked = Counter[str]()

    def spoil(_request: Request, answer: Answer) -> Answer:
        asked["requests"] += 1
        if fault.spoil is None or asked["requests"] < fault.at:
            return answer
        asked["spoilt"] += 1
        return fault.spoil(answer, here.scene)

    here.spoil = spoil
    seconds = fault.timeout_seconds
    ended = here.fetch(seconds)
    while fault.spoil and not asked["spoilt"] and ended.exit == faults.TIMEOUT and seconds < 300:
        # On a machine with too much to do the time was over before the first request.
        seconds *= 2
        asked.clear()
        ended = here.fetch(seconds)
    here.spoil = None
    if fault.spoil is not None and not asked["spoilt"]:
        raise here.wrong(f"no request number {fault.at} came to be answered with {fault.name}")
    _judge(here, fault, ended)
    here.unharmed(before, ended)
    if fault.exits == {faults.SUCCESS}:
        _drifted(here, ended)
    here.clean_fetch()
    return Counted()


def _judge(here: Stage, fault: Fault, ended: Ended) -> None:
    exits = here.adapter.exits.get(fault.name, fault.exits)
    if ended.exit not in exits:
        expected = " or ".join(map(str, sorted(exits)))
        raise here.wrong(
            f"{fault.name} ends with exit {ended.exit} instead of {expected}: {ended.said}", ended
        )
    if ended.exit != faults.SUCCESS and not ended.said:
        raise here.wrong(f"{fault.name} is not explained to the user", ended)
    if fault.asks_to_wait and faults.RATE_LIMITED in exits:
        asked = ended.message.get("retryAfterSeconds")
        if not isinstance(asked, int) or abs(asked - faults.ASKED_SECONDS) > 2:
            raise here.wrong(
                f"{fault.name}: told to wait for {faults.ASKED_SECONDS} s, it says {asked}", ended
            )


def _drifted(here: Stage, ended: Ended) -> None:
    column = here.adapter.drift_column
    if not here.scene.drift or column is None:
        return
    data = here.pod.base / "data"
    rows = here.target.rows(data, here.dataset, here.adapter.table, f'"{column}"')
    if not any(value is not None for (value,) in rows):
        raise here.wrong(f"what the new field {column} holds did not arrive", ended)


def _credentials(here: Stage) -> Counted:
    here.clean_fetch()
    here.no_credential_in_the_destination()
    return Counted()


def _two_at_once(here: Stage) -> Counted:
    here.clean_fetch()
    here.scene.edit(random.Random(2), 3)  # noqa: S311
    already = len(here.service.requests)
    here.spoil = lambda _request, _answer: Answer(hang=True)
    first = here.pod.start()
    try:
        here.service.wait_for(already + 1, AMPLE_SECONDS)
        here.spoil = None
        # Another pod of the same Integration: its own folders, but the claim.
        second = here.fetch_beside()
        if second.exit != faults.TRANSIENT:
            raise here.wrong(f"a second fetch at the same time ends with {second.exit}", second)
    finally:
        first.kill()
    here.clean_fetch()
    return Counted()


def _unchanged(here: Stage) -> Counted:
    here.clean_fetch()
    return _loads_at_most(here, RECORDS // 2, "nothing has changed")


def _one_change(here: Stage) -> Counted:
    here.clean_fetch()
    here.scene.edit(random.Random(3))  # noqa: S311
    return _loads_at_most(here, RECORDS // 2, "one record has changed")


def _loads_at_most(here: Stage, most: int, what: str) -> Counted:
    """Some are allowed: a cursor that includes its own moment gives the last ones again."""
    ended = here.clean_fetch()
    loaded = ended.message.get("rows")
    if not isinstance(loaded, int) or loaded > most:
        raise here.wrong(f"{what}, and {loaded} of {RECORDS} records are loaded again", ended)
    return Counted()


def _removed(here: Stage) -> Counted:
    dice = random.Random(4)  # noqa: S311
    here.clean_fetch()
    for _ in range(2):
        here.scene.remove(dice, 2)
        here.scene.add()
        here.clean_fetch()
    return Counted()


EMPTY_PAGE = "empty page"
UNCHANGED, ONE_CHANGE, REMOVED = "nothing has changed", "one record has changed", "records removed"
TWO_AT_ONCE = "two at once"

_OTHERS: dict[str, Callable[[Stage], Counted]] = {
    UNCHANGED: _unchanged,
    ONE_CHANGE: _one_change,
    REMOVED: _removed,
    "SIGTERM": sigterm,
    "no credential": _credentials,
    TWO_AT_ONCE: _two_at_once,
}

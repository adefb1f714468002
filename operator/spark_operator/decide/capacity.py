"""Who may start when places are few: limits by service and in total, and a fair order."""

from collections import Counter
from collections.abc import Iterable, Mapping

from spark_operator.model.record import record


@record(frozen=True, slots=True)
class Candidate:
    """One Integration that is due. ``overdue`` is in periods of its own frequency."""

    uid: str
    namespace: str
    name: str
    service: str
    requested: bool
    first: bool
    overdue: float

    @property
    def rank(self) -> tuple[bool, bool, float, str]:
        """Smaller goes first: requests, first fetches, the most overdue by its own frequency."""
        return not self.requested, not self.first, -self.overdue, self.name


@record(frozen=True, slots=True)
class Limits:
    total: int
    by_service: Mapping[str, int]


def in_turn(candidates: Iterable[Candidate], *, after: str) -> list[Candidate]:
    """Namespaces take turns, outermost, beginning with the one that follows ``after``.

    A namespace with a thousand due Integrations therefore delays another's single one by one place,
    not by a thousand.
    """
    queues: dict[str, list[Candidate]] = {}
    for candidate in sorted(candidates, key=lambda c: c.rank):
        queues.setdefault(candidate.namespace, []).append(candidate)
    names = sorted(queues)
    later = [n for n in names if n > after]
    turns = [queues[n] for n in later + [n for n in names if n <= after]]
    ordered: list[Candidate] = []
    for place in range(max(map(len, turns), default=0)):
        ordered.extend(queue[place] for queue in turns if place < len(queue))
    return ordered


def admit(
    candidates: Iterable[Candidate],
    *,
    in_flight: Iterable[str],
    limits: Limits,
    after: str,
) -> list[Candidate]:
    """Those that may start now. ``in_flight`` names the service of each run that goes on.

    A service at its limit holds back its own candidates only: the others move up.
    """
    by_service = Counter(in_flight)
    total = by_service.total()
    admitted: list[Candidate] = []
    for candidate in in_turn(candidates, after=after):
        if total >= limits.total:
            break
        if by_service[candidate.service] >= limits.by_service.get(candidate.service, 0):
            continue
        by_service[candidate.service] += 1
        total += 1
        admitted.append(candidate)
    return admitted

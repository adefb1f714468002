"""Who may start when places are few: limits by service and in total, and a fair order."""

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
    left = dict(limits.by_service)
    places = limits.total
    for service in in_flight:
        places -= 1
        left[service] = left.get(service, 0) - 1
    admitted: list[Candidate] = []
    # Asked at each end of a run: those whose service is full are left out before anything is sorted.
    waiting = [c for c in candidates if left.get(c.service, 0) > 0] if places > 0 else []
    for candidate in in_turn(waiting, after=after) if len(waiting) > 1 else waiting:
        if places <= 0:
            break
        if left[candidate.service] > 0:
            left[candidate.service] -= 1
            places -= 1
            admitted.append(candidate)
    return admitted

"""Integrations as they are followed: what has not changed is not read again."""

from spark_cli.gather.follow import Objects
from spark_operator.model import fields
from spark_operator.model import integration as integrations
from spark_operator.model.integration import Integration


class Parsed:
    """By uid. Of thousands that are followed each change is of one."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, Integration]] = {}

    def update(self, objects: Objects) -> None:
        """To the whole set that is known now."""
        for uid, body in objects.items():
            version = fields.text(fields.mapping(body.get("metadata")).get("resourceVersion"))
            if uid not in self._known or self._known[uid][0] != version:
                self._known[uid] = version, integrations.parse(body)
        for uid in self._known.keys() - objects.keys():
            del self._known[uid]

    def get(self, uid: str) -> Integration | None:
        known = self._known.get(uid)
        return None if known is None else known[1]

    def all(self) -> list[Integration]:
        return [integration for _, integration in self._known.values()]

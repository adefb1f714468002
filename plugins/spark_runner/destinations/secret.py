"""The mounted Secret of a destination, and what is said of its keys."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from spark_plugins.errors import PermanentError
from spark_runner.secrets import MAX_BYTES, read_key


@dataclass(frozen=True)
class DestinationSecret:
    """``wants``: what a destination of this kind must and may be given, as the end of a sentence."""

    folder: Path
    name: str
    namespace: str
    wants: str

    def read(self, key: str, max_bytes: int = MAX_BYTES) -> str | None:
        return read_key(self.folder, key, self.name, max_bytes)

    def need(self, key: str) -> str:
        """Raises `PermanentError` where it is missing."""
        value = self.read(key)
        if value is None:
            raise PermanentError(
                f'Secret "{self.name}" in namespace {self.namespace} has no key "{key}" or does not '
                f"exist: {self.wants}.",
                reason="InvalidCredentials",
            )
        return value

    def wrong(self, key: str, what: str) -> PermanentError:
        """To raise where the value of a key is not ``what`` it must be."""
        return PermanentError(
            f'The key "{key}" of Secret "{self.name}" in namespace {self.namespace} must be {what}.',
            reason="InvalidCredentials",
        )

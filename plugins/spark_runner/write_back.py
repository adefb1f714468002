"""Renewed credentials into their Secret, as safe as it can be made.

A server that rotates refresh tokens voids the old one when it gives the new one. Between its answer and
our write the new one is in this process alone, and `kill -9` then loses it: no order of steps mends that.
What is done:

* Before the renewal the Secret is read, so that the newest token is used, and marked. The mark is the
  same kind of write by the same right: where it is refused, nothing is renewed and nothing is lost.
* From the mark to the save, SIGTERM and the end of the budget wait, for some seconds.
* The save removes the mark. Who finds one, and is then refused by the service, knows that a token was
  lost on the way, and says so, instead of "invalid credentials".
* Each write is a compare-and-set. What a user has put there meanwhile is newer than what we have.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from spark_plugins import rotation
from spark_plugins.errors import PermanentError, TransientError
from spark_runner.document import Document
from spark_runner.scrub import Scrubber
from spark_runner.secret_api import ApiProblem, Found, SecretApi
from spark_runner.stage import Stage

MARK = "spark-integrations.dev/renewing"
# Within what is kept back of the pod's time to end; see Ending.
SAVE_SECONDS = 6.0
_PAUSE_SECONDS = 0.5
_CONFLICTS = 5
_MIDWAY = 'kubectl patch secret {secret} -n {namespace} -p \'{{"stringData":{{"{key}":"VALUE"}}}}\''


class WriteBack:
    """See `spark_plugins.rotation.Rotation`."""

    def __init__(
        self,
        api: SecretApi,
        document: Document,
        credentials: Any,
        scrubber: Scrubber,
        stage: Stage,
        note: Callable[[str], None],
    ) -> None:
        self._api = api
        self._document = document
        self._credentials = credentials
        self._scrubber = scrubber
        self._stage = stage
        self._note = note
        self._found = Found("", {}, {})
        self._lost = ""
        self._open = False
        self._renewed: set[str] = set()

    # --- before the renewal

    def __enter__(self) -> Self:
        self._stage.settled.clear()
        try:
            self._mark()
        except BaseException:
            self._stage.settled.set()
            raise
        return self

    def _mark(self) -> None:
        mark = f"run {self._document.run} at {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}"
        try:
            for attempt in range(_CONFLICTS):
                self._found = self._api.read()
                self._lost = self._found.annotations.get(MARK, "")
                try:
                    self._found = self._api.change(
                        self._found.version, data={}, annotations={MARK: mark}
                    )
                except ApiProblem as problem:
                    if problem.status != 409 or attempt == _CONFLICTS - 1:
                        raise
                else:
                    self._open = True
                    break
        except ApiProblem as problem:
            raise self._not_allowed(problem) from None
        self._scrubber.add(self._found.values[key] for key in self._keys())

    def _keys(self) -> list[str]:
        part = self._document.credentials
        return [key.name for key in part.keys if key.name in self._found.values] if part else []

    @property
    def _secret(self) -> str:
        return f'Secret "{self._api.name}" in namespace {self._api.namespace}'

    def _not_allowed(self, problem: ApiProblem) -> Exception:
        part = self._document.credentials
        account = part.write_back_account if part else ""
        if problem.status in (401, 403, 404):
            return PermanentError(
                f"Renewed credentials could not be saved, so none were renewed: {problem}. "
                f'ServiceAccount "{account}" needs the verbs get and patch on {self._secret} (example: '
                f"credentials-write-back.yaml), then {self._document.force_command}",
                reason="InvalidCredentials",
            )
        return TransientError(
            f"Renewed credentials could not be saved in {self._secret}, so none were renewed: "
            f"{problem}."
        )

    # --- the renewal

    def current(self, key: str) -> str | None:
        self._renewed.add(key)
        return self._found.values.get(key) or rotation.text(self._credentials, key)

    def save(self, **values: str) -> None:
        self._scrubber.add(values.values())
        known = dict(self._found.values)
        new = {key: value for key, value in values.items() if value != known.get(key)}
        end = time.monotonic() + SAVE_SECONDS
        while True:
            try:
                self._found = self._api.change(
                    self._found.version, data=new, annotations={MARK: None}
                )
            except ApiProblem as problem:
                if problem.status in (0, 409) and self._settled_by_reading(new, known):
                    return
                if problem.status in (401, 403, 404, 422) or time.monotonic() > end:
                    raise self._not_saved(problem, new) from None
                time.sleep(_PAUSE_SECONDS)
            else:
                self._open = False
                return

    def _settled_by_reading(self, new: dict[str, str], known: dict[str, str]) -> bool:
        """Whether nothing is left to write: it arrived after all, or another has written since."""
        try:
            found = self._api.read()
        except ApiProblem:
            return False
        self._found = found
        if all(found.values.get(key) == value for key, value in new.items()):
            self._open = MARK in found.annotations
            return not self._open
        if any(found.values.get(key) != known.get(key) for key in new):
            self._open = False
            self._note(
                f"{self._secret} was changed while its token was renewed, and is left as it is now."
            )
            return True
        return False

    def _not_saved(self, problem: ApiProblem, new: dict[str, str]) -> TransientError:
        return TransientError(
            f"The service gave a new {' and '.join(new)}, which could not be saved in {self._secret} "
            f"({problem}): it is lost with this pod, and the old one may be void. If the next fetch is "
            "refused, authorise anew and put the new one there."
        )

    # --- after the renewal

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            answered = error is None or _status(error) is not None
            if self._open and answered and not isinstance(error, TransientError):
                # Nothing new was given. Without an answer nobody knows, and the mark stays.
                self._unmark()
            if self._lost and error is not None and _status(error) in (400, 401, 403):
                raise self._lost_midway() from error
        finally:
            self._stage.settled.set()

    def _unmark(self) -> None:
        try:
            self._api.change(self._found.version, data={}, annotations={MARK: None})
        except ApiProblem:
            # The next renewal writes another over it.
            return
        self._open = False

    def _lost_midway(self) -> PermanentError:
        mend = _MIDWAY.format(
            secret=self._api.name,
            namespace=self._api.namespace,
            key=next(iter(self._renewed)) if len(self._renewed) == 1 else "KEY",
        )
        return PermanentError(
            f"The service refuses the token. It was being renewed by {self._lost[:60]}, and that pod "
            f"ended before the new one was saved: authorise anew, then {mend}, then "
            f"{self._document.force_command}",
            reason="InvalidCredentials",
        )


def _status(error: BaseException) -> int | None:
    """Of an exception that carries an answer of the service, or was made of one that does."""
    for one in (error, error.__cause__):
        status = getattr(getattr(one, "response", None), "status_code", None)
        if isinstance(status, int):
            return status
    return None


def rotations(
    document: Document,
    credentials: Any,
    scrubber: Scrubber,
    stage: Stage,
    api: Callable[[str], SecretApi],
    note: Callable[[str], None],
) -> Callable[[Any], rotation.Rotation]:
    """What `context.rotation` is: into the Secret where that is allowed, else with a warning."""
    part = document.credentials
    if part is not None and part.write_back_account and part.secret_name:
        secret = api(part.secret_name)
        return lambda given: WriteBack(
            secret, document, given or credentials, scrubber, stage, note
        )

    def changed(key: str, value: str) -> None:
        scrubber.add([value])
        note(
            f"The service gave a new {key}, which was not saved: if it refuses the old one next time, "
            "authorise anew and set spec.credentialsWriteBack."
        )

    return lambda given: rotation.Unsaved(given or credentials, changed)

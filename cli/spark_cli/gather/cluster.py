"""The API server, as the user who types: requests, their failures in one line, and its clock."""

import builtins
import email.utils
import functools
import json
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pykube
import requests
import urllib3

from spark_cli.exits import Exit, Failure, NoAccess
from spark_cli.gather import credentials, kinds, kubeconfig, proxies
from spark_cli.gather.kinds import Kind
from spark_operator.model import fields, nesting
from spark_operator.model.result import clean

MERGE_PATCH = "application/merge-patch+json"
PAGE = 500
# An overloaded server says when to come again (429, or 503 while it starts); as often, and no longer.
_RETRIES = 3
_MAX_REST_SECONDS = 10.0
# A list of many pages may take longer than its server remembers where it began.
_LISTS = 3
# The Date header has whole seconds, and the answer was under way: less is no difference of clocks.
_CLOCK_NOISE = timedelta(seconds=3)


class ApiFailure(Failure):
    """The API server answered with an error."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        access = status in (401, 403)
        super().__init__(message, exit=Exit.NO_ACCESS if access else Exit.FAILED)
        self.status, self.reason = status, reason

    @property
    def not_found(self) -> bool:
        return self.status == 404

    @property
    def forbidden(self) -> bool:
        return self.status == 403

    @property
    def conflict(self) -> bool:
        return self.status == 409

    @property
    def gone(self) -> bool:
        return self.status == 410


class Cluster:
    """One API server and the namespace that was chosen (``everywhere``: all of them).

    ``exec_seconds``: how long a command may take that gives the credentials, which then asks nobody; None:
    as long as it takes somebody to log in.
    """

    def __init__(
        self,
        config: pykube.KubeConfig,
        *,
        namespace: str | None = None,
        everywhere: bool = False,
        timeout_seconds: float = 30,
        exec_seconds: float | None = None,
        rest: Callable[[float], object] = time.sleep,
    ) -> None:
        self._rest = rest
        self.server: str = str(config.cluster["server"]).rstrip("/")
        self.namespace: str = namespace or config.namespace or "default"
        self.everywhere = everywhere
        self.ahead = timedelta(0)
        self._timeout = timeout_seconds
        self._client = pykube.HTTPClient(
            config,
            timeout=timeout_seconds,
            http_adapter=credentials.Adapter(config, exec_seconds=exec_seconds),
        )
        session = self._client.session
        session.headers["User-Agent"] = "kubectl-spark"
        # Else ~/.netrc would be who we are, and the environment's proxy stand before the kubeconfig's.
        session.trust_env = False
        session.proxies = proxies.of(config.cluster, self.server)
        session.headers.update(credentials.impersonation(config.user))

    @classmethod
    def connect(
        cls,
        path: str | None,
        context: str | None,
        *,
        namespace: str | None = None,
        everywhere: bool = False,
        timeout_seconds: float = 30,
        exec_seconds: float | None = None,
    ) -> "Cluster":
        """By the kubeconfig; nothing is asked yet. Raises NoAccess."""
        try:
            config = kubeconfig.load(path, context)
            return cls(
                config,
                namespace=namespace,
                everywhere=everywhere,
                timeout_seconds=timeout_seconds,
                exec_seconds=exec_seconds,
            )
        except pykube.exceptions.PyKubeError as error:
            raise NoAccess(f"the kubeconfig cannot be used: {clean(str(error), 300)}") from error

    @property
    def scope(self) -> str | None:
        """The namespace to list in; None means all."""
        return None if self.everywhere else self.namespace

    def now(self) -> datetime:
        """The time by the API server's clock, as far as its answers have told it: what is due is
        decided by the cluster's clock, whatever this machine's says."""
        return datetime.now(UTC) + self.ahead

    # --- requests

    def send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
        stream: bool = False,
        read_seconds: float | None = None,
    ) -> requests.Response:
        """One request, made again where the server asks for that. Raises ApiFailure for an answer that is
        an error, NoAccess for none."""
        once = functools.partial(
            self._send, method, path, params, body, content_type, stream, read_seconds
        )
        response = once()
        for _ in range(_RETRIES):
            seconds = _come_again(response)
            if seconds is None or seconds > self._timeout:
                break
            response.close()
            self._rest(seconds)
            response = once()
        if not response.ok:
            raise _failure(response)
        return response

    def ask(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        """The document that a request (`send`) is answered with, cut where it nests too deep to be read.
        Raises ApiFailure, and NoAccess also for an answer that is none of an API server."""
        response = self.send(method, path, **more)
        try:
            return dict(fields.mapping(_parsed(response)))
        except ValueError as error:
            raise NoAccess(
                f"{self.server} answers with what is no JSON: what the kubeconfig names is no API server, "
                "or something in between answers in its place"
            ) from error

    def _send(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        body: Mapping[str, Any] | None,
        content_type: str,
        stream: bool,
        read_seconds: float | None,
    ) -> requests.Response:
        try:
            response: requests.Response = self._client.session.request(
                method,
                self.server + path,
                params=params,
                data=None if body is None else json.dumps(body),
                headers={} if body is None else {"Content-Type": content_type},
                timeout=(self._timeout, read_seconds or self._timeout),
                stream=stream,
                # Whoever is sent elsewhere would take the token along.
                allow_redirects=False,
            )
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise self._unreachable(error) from error
        except (NotImplementedError, ImportError) as error:
            raise NoAccess(f"the kubeconfig cannot be used: {clean(str(error), 300)}") from error
        self._read_clock(response)
        if 300 <= response.status_code < 400:
            response.close()
            raise NoAccess(
                f"the API server {self.server} sends us elsewhere ({response.status_code}), where the "
                "credentials of the kubeconfig do not go: name in it the address of the API server itself"
            )
        return response

    def _unreachable(self, error: Exception) -> NoAccess:
        if isinstance(error, requests.exceptions.SSLError):
            why = "its certificate is not the one that the kubeconfig expects, or ours is refused"
        elif isinstance(error, requests.Timeout):
            why = f"no answer within {self._timeout:g} s"
        elif isinstance(error, requests.ConnectionError):
            why = "no connection"
        else:
            why = clean(str(error), 200) or type(error).__name__
        return NoAccess(f"the API server {self.server} cannot be reached: {why}")

    def _read_clock(self, response: requests.Response) -> None:
        date = response.headers.get("Date")
        try:
            told = email.utils.parsedate_to_datetime(date) if date else None
        except ValueError:
            told = None
        if told is not None and told.tzinfo is not None:
            ahead = told - datetime.now(UTC)
            self.ahead = ahead if abs(ahead) > _CLOCK_NOISE else timedelta(0)

    def get(self, kind: Kind, name: str, namespace: str | None = None) -> dict[str, Any]:
        """One object. Raises ApiFailure, with ``not_found`` where it is not there."""
        where = (namespace or self.namespace) if kind.namespaced else None
        return self.ask("GET", kind.path(where, name))

    def find(self, kind: Kind, name: str, namespace: str | None = None) -> dict[str, Any] | None:
        """One object, or None where it is not there, or can be none of that name."""
        if not kinds.is_name(name):
            return None
        try:
            return self.get(kind, name, namespace)
        except ApiFailure as error:
            if error.not_found:
                return None
            raise

    def pages(
        self,
        kind: Kind,
        namespace: str | None,
        *,
        selector: str | None = None,
        field_selector: str | None = None,
    ) -> Iterator[dict[str, Any]]:
        """A collection, page by page; ``namespace`` None means all."""
        params = {"limit": str(PAGE)}
        if selector:
            params["labelSelector"] = selector
        if field_selector:
            params["fieldSelector"] = field_selector
        while True:
            page = self.ask("GET", kind.path(namespace), params=params)
            yield page
            following = fields.text(fields.mapping(page.get("metadata")).get("continue"))
            if not following:
                return
            params["continue"] = following

    def list(
        self,
        kind: Kind,
        namespace: str | None,
        *,
        selector: str | None = None,
        field_selector: str | None = None,
    ) -> list[dict[str, Any]]:
        """All objects of a collection."""
        for left in reversed(range(_LISTS)):
            try:
                return self._whole(kind, namespace, selector, field_selector)
            except ApiFailure as error:
                # From the beginning: what was read is of a state that is no more known.
                if not (error.gone and left):
                    raise _explained(kind, error) from error
        raise AssertionError("the last attempt returns or raises")

    def _whole(
        self, kind: Kind, namespace: str | None, selector: str | None, field_selector: str | None
    ) -> builtins.list[dict[str, Any]]:
        return [
            item
            for page in self.pages(
                kind, namespace, selector=selector, field_selector=field_selector
            )
            for item in fields.items(page.get("items"))
        ]


def _parsed(response: requests.Response) -> Any:
    """Raises ValueError."""
    return json.loads(nesting.shallow(response.content))


def _come_again(response: requests.Response) -> float | None:
    """In so many seconds, where the server took nothing of the request and says so."""
    if response.status_code not in (429, 503):
        return None
    told = response.headers.get("Retry-After", "")
    return min(float(told), _MAX_REST_SECONDS) if told.isdecimal() else None


def _failure(response: requests.Response) -> ApiFailure:
    try:
        status = fields.mapping(_parsed(response))
    except ValueError:
        status = {}
    message = clean(fields.text(status.get("message")), 600)
    code = response.status_code
    if code == 401:
        message = "the API server does not accept the credentials of the kubeconfig (401)"
    return ApiFailure(
        code,
        fields.text(status.get("reason")),
        message or f"the API server answered {code} {response.reason}",
    )


def _explained(kind: Kind, error: ApiFailure) -> ApiFailure:
    """A collection that is not there: the kind is not known."""
    if not error.not_found:
        return error
    return ApiFailure(
        404,
        error.reason,
        f"the API server does not know {kind.resource}: spark-integrations is not installed there "
        "(kubectl spark doctor tells more)",
    )

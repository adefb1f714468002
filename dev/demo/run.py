"""The demonstration, step by step: bounded, repeatable, and honest about what failed."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dev import paths
from dev.cluster import Cluster
from dev.demo import place as places
from dev.demo.place import Place, manifest
from dev.errors import RefusalError
from dev.toolchain import Toolchain
from dev.waiting import until

RELEASE = "spark-integrations"
SYSTEM = "spark-integrations"
NAMESPACE = "spark-demo"
GROUP = "spark-integrations.dev"
EXPECTED = {
    "orders-to-postgres": "Fetched",
    "orders-to-duckdb": "Fetched",
    "news-to-duckdb": "Fetched",
    "orders-wrong-token": "InvalidCredentials",
}
# What stays until somebody acts, or the next fetch is due: waiting longer would change nothing.
_SETTLED = {"Fetched", "InvalidCredentials", "InvalidConfig", "UnknownService", "Failed"}
_FETCH_SECONDS = 120
_READER_SECONDS = 60


class Demo:
    """``say`` prints a line; fetches may ask the Services of ``namespaces``.

    Each method is a step and may be repeated.
    """

    def __init__(
        self,
        place: Place,
        say: Callable[[str], None] = print,
        began: float | None = None,
        namespaces: Sequence[str] = (NAMESPACE,),
    ) -> None:
        self.place = place
        self._say = say
        self._namespaces = namespaces
        self._began = time.monotonic() if began is None else began

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """One line a step, with the seconds since the beginning."""
        self._say(f"[{time.monotonic() - self._began:6.1f} s] {what}")
        yield

    # --- steps

    def install(self) -> None:
        """The chart, with the images of this checkout, as an administrator does."""
        place = self.place
        values = {
            **_image("operator", place.operator_image),
            **_image("runner", place.runner_image),
            # What is fetched from here are Services of this cluster, which have private addresses.
            **{
                f"plugins.overrides.{plugin}.egressHosts[{at}]": f"*.{namespace}.svc"
                for plugin in ("github", "ical", "rest", "rss")
                for at, namespace in enumerate(self._namespaces)
            },
        }
        place.run(
            "helm",
            *("upgrade", "--install", RELEASE, str(paths.ROOT / "charts" / "spark-integrations")),
            *("--namespace", SYSTEM, "--create-namespace", "--wait", "--timeout", "120s"),
            *(word for key, value in values.items() for word in ("--set-string", f"{key}={value}")),
        )
        if place.images_are_new:
            # The tag is the same, so Kubernetes sees no change; a first install loses a second.
            place.kubectl("rollout", "restart", "deployment", "-n", SYSTEM)
            place.kubectl("rollout", "status", "deployment", "-n", SYSTEM, "--timeout=120s")
            place.images_are_new = False

    def source(self) -> None:
        """The shop, with its token."""
        place = self.place
        if not place.kubectl("get", "namespace", NAMESPACE, "--ignore-not-found"):
            place.kubectl("create", "namespace", NAMESPACE)
        script = (Path(__file__).parent / "source.py").read_text(encoding="utf-8")
        config = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "shop"},
            "data": {"source.py": script},
        }
        self.apply(json.dumps(config))
        self.apply(self._secrets())
        # The hash of the script makes new pods when it changes: a pod reads it once, at its start.
        known_by = hashlib.sha256(script.encode()).hexdigest()[:12]
        self.apply(manifest("shop", RUNNER_IMAGE=place.runner_image, SOURCE_HASH=known_by))

    def destinations(self) -> None:
        """A claim for DuckDB and, on the local cluster, a PostgreSQL."""
        place = self.place
        if place.local is not None:
            place.volume(NAMESPACE)
            self.apply(manifest("claim").replace("spec:\n", 'spec:\n  storageClassName: ""\n'))
            self.apply(json.dumps(place.warehouse(NAMESPACE)))
        else:
            self._say("           no PostgreSQL here: orders-to-postgres needs a Secret")
            self._say(f"           warehouse in the namespace {NAMESPACE} (host, dbname, username,")
            self._say("           password), and is left out without one")
            self._claim()

    def _claim(self) -> None:
        """The claim on a user's cluster: the user's own if there is one, else of its usual volumes."""
        place = self.place
        claims = {c["metadata"]["name"]: c for c in place.get("pvc", NAMESPACE)}
        if "spark-data" not in claims:
            usual = "storageclass.kubernetes.io/is-default-class"
            classes = [c["metadata"] for c in place.get("storageclasses", NAMESPACE)]
            if not any(c.get("annotations", {}).get(usual) == "true" for c in classes):
                raise RefusalError(
                    "this cluster has no default StorageClass: make a PersistentVolumeClaim "
                    f"spark-data in the namespace {NAMESPACE}, then run this again"
                )
            self.apply(manifest("claim"))

    def integrations(self) -> None:
        """Apply them; those of an earlier demonstration are asked for a fetch now."""
        self.place.kubectl("rollout", "status", "deployment/shop", "-n", NAMESPACE, "--timeout=90s")
        known = {body["metadata"]["name"] for body in self.place.get("integrations", NAMESPACE)}
        self.apply(self._wanted())
        token = str(time.time_ns())
        for name in self.expected().keys() & known:
            self.force(name, token)
        self._wait_for(token, known)

    def force(self, name: str, token: str) -> None:
        """What a user does to have it fetched now."""
        self.place.kubectl(
            *("annotate", "integration", name, "-n", NAMESPACE, "--overwrite"),
            f"{GROUP}/requestedAt={token}",
        )

    def expected(self) -> dict[str, str]:
        """The Ready reason that each Integration must end with."""
        if self.place.local is not None or self._has_warehouse():
            return EXPECTED
        return {k: v for k, v in EXPECTED.items() if k != "orders-to-postgres"}

    def _has_warehouse(self) -> bool:
        found = self.place.kubectl(
            "get", "secret", "warehouse", "-n", NAMESPACE, "--ignore-not-found"
        )
        return bool(found)

    def _secrets(self) -> str:
        parts = manifest("integrations").split("\n---\n")
        return "\n---\n".join(part for part in parts if "kind: Secret" in part)

    def _wanted(self) -> str:
        parts = manifest("integrations").split("\n---\n")
        left_out = EXPECTED.keys() - self.expected().keys()
        return "\n---\n".join(p for p in parts if not any(f"name: {n}\n" in p for n in left_out))

    def apply(self, text: str) -> None:
        self.place.kubectl("apply", "-n", NAMESPACE, "-f", "-", stdin=text)

    def _wait_for(self, token: str, forced: set[str]) -> None:
        """Until each state is settled; RefusalError when one is not as it must be."""
        expected = self.expected()
        told: dict[str, str] = {}

        def settled() -> bool:
            done = True
            for body in self.place.get("integrations", NAMESPACE):
                name = body["metadata"]["name"]
                if name not in expected:
                    continue
                reason = ready(body).get("reason", "not seen yet")
                if told.get(name) != reason:
                    told[name] = reason
                    self._say(f"           {name}: {reason}")
                handled = body.get("status", {}).get("lastHandledRequest") == token
                done = done and (handled or name not in forced) and reason in _SETTLED
            return done and expected.keys() <= told.keys()

        began = time.monotonic()
        in_time = True
        try:
            until(settled, _FETCH_SECONDS, "the fetches", every=0.3)
        except TimeoutError:
            in_time = False
        if not in_time or told != expected:
            raise RefusalError(self._missing(expected, time.monotonic() - began))

    def _missing(self, expected: dict[str, str], seconds: float) -> str:
        """Who is not as expected, and what the operator says about it."""
        found = {
            body["metadata"]["name"]: ready(body)
            for body in self.place.get("integrations", NAMESPACE)
        }
        lines = [f"not as expected after {seconds:.0f} s:"]
        for name, reason in expected.items():
            got = found.get(name, {})
            if got.get("reason") != reason:
                said = got.get("message", "the operator says nothing about it")
                lines.append(f"  {name}: {got.get('reason', 'no state')}, not {reason}: {said}")
        if len(lines) == 1:
            lines.append("  each state is as expected, but a request was not taken")
        return "\n".join(lines)

    # --- what arrived

    def rows(self) -> list[dict[str, Any]]:
        """What lies in the destinations: table, number of rows, the newest keys."""
        found: list[dict[str, Any]] = []
        if self.place.local is not None:
            count = self.place.query("SELECT count(*) FROM shop.orders")[0][0]
            newest = self.place.query("SELECT id FROM shop.orders ORDER BY id DESC LIMIT 3")
            found.append(
                {
                    "table": "PostgreSQL warehouse: shop.orders",
                    "rows": int(count),
                    "some": [row[0] for row in newest],
                }
            )
        reader = f"reader-{time.time_ns()}"
        pod = manifest("reader", READER=reader, RUNNER_IMAGE=self.place.runner_image)
        self.apply(pod)
        try:
            until(lambda: self._ended(reader), _READER_SECONDS, f"the pod {reader} to end")
            for line in self.place.kubectl("logs", reader, "-n", NAMESPACE).splitlines():
                found.append(json.loads(line))
        finally:
            self.place.kubectl("delete", "pod", reader, "-n", NAMESPACE, "--wait=false")
        return found

    def _ended(self, pod: str) -> bool:
        phase = self.place.kubectl(
            "get", "pod", pod, "-n", NAMESPACE, "-o", "jsonpath={.status.phase}"
        )
        if phase == "Failed":
            raise RefusalError(self.place.kubectl("logs", pod, "-n", NAMESPACE))
        return phase == "Succeeded"

    def show(self) -> None:
        """The state, the rows, and what to try next."""
        self._say("")
        self._say("$ kubectl get integrations -n spark-demo")
        self._say(self.place.kubectl("get", "integrations", "-n", NAMESPACE).rstrip())
        self._say("")
        for body in self.place.get("integrations", NAMESPACE):
            if ready(body).get("status") == "False":
                self._say(f"{body['metadata']['name']}: {ready(body)['message']}")
        self._say("")
        self._say("What arrived:")
        for row in self.rows():
            newest = ", ".join(row["some"])
            self._say(f"  {row['table']}: {row['rows']} rows; the last ids: {newest}")
        self._say(self.advice())

    def explain(self) -> None:
        """After a failure: states, Events and logs, as far as they can be had."""
        warnings = ("get", "events", "--field-selector=type=Warning", "-n")
        logs = ("logs", "--prefix", "--all-containers", "--ignore-errors", "--tail=40", "-l")
        for title, arguments in (
            ("integrations", ("get", "integrations", "-n", NAMESPACE, "-o", "wide")),
            ("pods", ("get", "pods", "-A", "-o", "wide")),
            (f"warnings in {NAMESPACE}", (*warnings, NAMESPACE)),
            (f"warnings in {SYSTEM}", (*warnings, SYSTEM)),
            ("the operator's log", (*logs, "app.kubernetes.io/component=operator", "-n", SYSTEM)),
            ("the fetches' logs", (*logs, "app.kubernetes.io/component=fetch", "-n", NAMESPACE)),
            ("the shop's log", (*logs, "app=shop", "-n", NAMESPACE)),
        ):
            said = self.place.kubectl(*arguments, check=False).strip().splitlines()[-80:]
            self._say(f"--- {title}")
            self._say("\n".join(said))

    def advice(self) -> str:
        """What to try next, as commands that work as they stand."""
        local = self.place.local is not None
        lines = ["", "Try next:"]
        if shutil.which("kubectl") is None:
            lines.append(f'  export PATH="{Toolchain().path("kubectl").parent}:$PATH"')
        if local:
            lines.append("  export KUBECONFIG=$(make -s kubeconfig)")
        lines.append(_ADVICE)
        if local:
            lines += [_ADVICE_POSTGRES, "  # and when you have seen enough:", "  make cluster-down"]
        else:
            lines += [
                "  # and when you have seen enough:",
                f"  kubectl delete namespace {NAMESPACE}",
                f"  helm uninstall {RELEASE} --namespace {SYSTEM}",
                f"  kubectl delete namespace {SYSTEM}",
            ]
        return "\n".join(lines)


def ready(body: dict[str, Any]) -> dict[str, Any]:
    """The Ready condition of an Integration, or nothing."""
    conditions: list[dict[str, Any]] = body.get("status", {}).get("conditions", [])
    return next((c for c in conditions if c["type"] == "Ready"), {})


def _image(which: str, image: str) -> dict[str, str]:
    """Chart values for an image reference with a tag or a digest."""
    if "@" in image:
        repository, _, digest = image.partition("@")
        return {f"image.{which}.repository": repository, f"image.{which}.digest": digest}
    repository, _, tag = image.rpartition(":")
    return {f"image.{which}.repository": repository, f"image.{which}.tag": tag}


_ADVICE = """\
  kubectl get integrations -n spark-demo --watch
  # a customer orders something, and you want it now:
  kubectl exec -n spark-demo deploy/shop -- python3 -c \\
    "import urllib.request as u; print(u.urlopen(u.Request('http://127.0.0.1:8000/orders', method='POST')).read())"
  kubectl annotate integration orders-to-duckdb -n spark-demo \\
    spark-integrations.dev/requestedAt=$(date +%s) --overwrite
  # mend the wrong token:
  kubectl patch secret shop-wrong-token -n spark-demo -p '{"stringData":{"token":"open-sesame"}}'
  kubectl annotate integration orders-wrong-token -n spark-demo \\
    spark-integrations.dev/requestedAt=$(date +%s) --overwrite
  # logs of the operator, and of the fetches of feeds:
  kubectl logs -n spark-integrations -l app.kubernetes.io/component=operator --ignore-errors
  kubectl logs -n spark-demo -l spark-integrations.dev/service=rss --ignore-errors"""
_ADVICE_POSTGRES = """\
  # what is new into PostgreSQL, and a few seconds later its rows:
  kubectl annotate integration orders-to-postgres -n spark-demo \\
    spark-integrations.dev/requestedAt=$(date +%s) --overwrite
  python3 -m dev postgres psql -c 'SELECT count(*), max(id) FROM shop.orders'"""


def run(*, on_current: bool) -> int:
    """All of it. 0, or 1 with what failed and what the parts said about it."""
    began = time.monotonic()

    def say(line: str) -> None:
        print(line, flush=True)

    demo: Demo | None = None
    try:
        say("[   0.0 s] the cluster and the images")
        place = places.current() if on_current else places.local(Cluster.from_environment())
        demo = Demo(place, say, began)
        with demo.step("helm install"):
            demo.install()
        with demo.step("a shop to fetch from"):
            demo.source()
        with demo.step("somewhere to put it: PostgreSQL, and a volume for DuckDB"):
            demo.destinations()
        with demo.step("four Integrations: kubectl apply -f dev/demo/manifests/integrations.yaml"):
            demo.integrations()
        with demo.step("all as expected"):
            demo.show()
    except (RefusalError, TimeoutError) as error:
        say(f"\nThe demonstration failed: {error}\n")
        if demo is not None:
            demo.explain()
            say(f"\nThe demonstration failed: {error}")
        return 1
    say(f"\nDone in {time.monotonic() - began:.0f} s.")
    return 0

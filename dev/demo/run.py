"""The demonstration, step by step: bounded, repeatable, and honest about what failed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dev import paths
from dev.cluster import Cluster
from dev.demo import place as places
from dev.demo.place import Place, manifest
from dev.errors import RefusalError
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
_FETCH_SECONDS = 120
_READER_SECONDS = 60


class Demo:
    """``say`` prints a line. Each method is a step and may be repeated."""

    def __init__(self, place: Place, say: Callable[[str], None] = print) -> None:
        self.place = place
        self._say = say
        self._began = time.monotonic()

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
        self.apply(manifest("shop", RUNNER_IMAGE=place.runner_image))

    def destinations(self) -> None:
        """A claim for DuckDB and, on the local cluster, a PostgreSQL."""
        place = self.place
        if place.local is not None:
            folder = place.volume_folder(NAMESPACE)
            volume = manifest("storage", NAMESPACE=NAMESPACE, VOLUME_FOLDER=folder)
            claim = manifest("claim").replace("spec:\n", 'spec:\n  storageClassName: ""\n')
            place.kubectl("apply", "-f", "-", stdin=volume)
            self.apply(claim)
            self.apply(json.dumps(place.warehouse(NAMESPACE)))
        else:
            self._say("           no PostgreSQL here: orders-to-postgres needs a Secret")
            self._say(f"           warehouse in the namespace {NAMESPACE} (host, dbname, username,")
            self._say("           password), and is left out without one")
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
        expected = self.expected()
        told: dict[str, str] = {}

        def all_there() -> bool:
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
                done = done and (handled or name not in forced) and reason == expected[name]
            return done and expected.keys() <= told.keys()

        until(all_there, _FETCH_SECONDS, f"expected {expected}, and got {told}", every=0.3)

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
        self._say(NEXT)

    def explain(self) -> None:
        """After a failure: states, Events and logs, as far as they can be had."""
        place = self.place
        for title, arguments in (
            ("integrations", ("get", "integrations", "-n", NAMESPACE, "-o", "wide")),
            ("pods", ("get", "pods", "-A", "-o", "wide")),
            ("warnings", ("get", "events", "-n", NAMESPACE, "--field-selector=type=Warning")),
            (
                "the operator's log",
                ("logs", "-n", SYSTEM, "-l", "app.kubernetes.io/component=operator"),
            ),
            (
                "the fetches' logs",
                (*("logs", "-n", NAMESPACE, "-l", "app.kubernetes.io/component=fetch"), "--prefix"),
            ),
        ):
            said = place.kubectl(*arguments, check=False).strip().splitlines()[-40:]
            self._say(f"--- {title}")
            self._say("\n".join(said))


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


NEXT = """
Try next:
  export KUBECONFIG=$(make -s kubeconfig)
  kubectl get integrations -n spark-demo --watch
  # a customer orders something, and you want it now:
  kubectl exec -n spark-demo deploy/shop -- python3 -c \\
    "import urllib.request as u; print(u.urlopen(u.Request('http://127.0.0.1:8000/orders', method='POST')).read())"
  kubectl annotate integration orders-to-postgres -n spark-demo \\
    spark-integrations.dev/requestedAt=$(date +%s) --overwrite
  python3 -m dev postgres psql -c 'SELECT count(*), max(id) FROM shop.orders'
  # mend the wrong token:
  kubectl patch secret shop-wrong-token -n spark-demo -p '{"stringData":{"token":"open-sesame"}}'
  kubectl annotate integration orders-wrong-token -n spark-demo \\
    spark-integrations.dev/requestedAt=$(date +%s) --overwrite
  # logs of the operator, and of one fetch:
  kubectl logs -n spark-integrations -l app.kubernetes.io/component=operator
  kubectl logs -n spark-demo -l spark-integrations.dev/service=rss
  # and when you have seen enough:
  make cluster-down"""


def run(*, on_current: bool) -> int:
    """All of it. 0, or 1 with what failed and what the parts said about it."""
    began = time.monotonic()
    print("[   0.0 s] the cluster and the images", flush=True)
    place = places.current() if on_current else places.local(Cluster.from_environment())
    demo = Demo(place, lambda line: print(line, flush=True))
    demo._began = began
    try:
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
        print(f"\nThe demonstration failed: {error}\n", flush=True)
        demo.explain()
        print(f"\nThe demonstration failed: {error}", flush=True)
        return 1
    print(f"\nDone in {time.monotonic() - began:.0f} s.", flush=True)
    return 0

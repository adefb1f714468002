"""The figures of the limits are those of the code."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from tests.docs.test_kinds import table
from tests.support import crds
from tests.support.pages import DOCS

from spark_operator.act import job_manifest
from spark_operator.decide import conditions, request, schedule, validity
from spark_operator.model import result, status
from spark_operator.serve import leader
from spark_operator.serve.elector import Terms
from spark_plugins import http
from spark_runner import chunks, secrets, termination
from spark_runner.destinations import duckdb

PAGE = DOCS / "limits.md"
KIB, MIB = 1024, 1024 * 1024


def hours(seconds: float) -> str:
    return f"{seconds / 3600:.0f} h"


SIZES = {
    "levels of spec.config": f"{validity.MAX_CONFIG_LEVELS} levels",
    "spec.config": f"{validity.MAX_CONFIG_BYTES // KIB} KiB",
    "a message of a fetch": f"{result.MAX_TEXT} characters",
    "the whole message of a pod": f"{result.MAX_BYTES} bytes",
    "a message of a condition or an Event": f"{status.MESSAGE_LENGTH} characters",
    "a token of a request": f"{request.MAX_TOKEN} characters",
    "rows": str(result.MAX_ROWS),
    "a key of a Secret": f"{secrets.MAX_BYTES // KIB} KiB",
    "the body of one answer of a service": f"{http.MAX_BODY_BYTES // MIB} MiB",
    "redirects of one request": str(http.MAX_REDIRECTS),
    "/tmp of a fetch": job_manifest._TMP_SIZE.replace("Gi", " GiB"),
    "memory of DuckDB in a fetch": duckdb.settings(DOCS)["memory_limit"].replace("MB", " MB"),
    "records between two commits of a large, ordered fetch": (
        f"{chunks.ROWS} records or {chunks.MAX_SECONDS:.0f} s"
    ),
    "the name of a dataset": (
        f"{crds.fields('Integration')['spec.destination.dataset']['maxLength']} characters"
    ),
    "the operator's writes at once": f"{leader.WORKERS} requests",
}
TIMES = {
    "the operator looks at everything that is due": (
        f"every {leader.TICK_SECONDS} s, and at each due time"
    ),
    "a look is given up after": f"{leader._TICK_LIMIT_SECONDS} s",
    "what nothing seems to concern is looked at": f"every {leader._SWEEP_SECONDS} s",
    "another replica leads, after one that fell silent, in": f"{Terms().lease_seconds} s",
    "Retry-After is kept up to": hours(status.MAX_RETRY_AFTER_SECONDS),
    "the pause after failed cycles grows to": (
        f"{hours(schedule.MAX_PAUSE.total_seconds())}, or the frequency if that is longer"
    ),
    "after a lost pod nothing starts for": f"{schedule.LOST_GRACE.total_seconds():.0f} s",
    "finished Jobs are deleted by Kubernetes, operator or not, after": hours(
        job_manifest._TTL_SECONDS
    ),
}


@pytest.mark.parametrize(
    ("header", "of_the_code"),
    [(("what", "at most", "beyond"), SIZES), (("what", "figure"), TIMES)],
    ids=["sizes", "times"],
)
def test_each_figure_is_that_of_the_code(
    header: tuple[str, ...], of_the_code: Mapping[str, str]
) -> None:
    assert {name: row[0] for name, row in table(PAGE, *header).items()} == of_the_code


def test_both_sides_of_the_contract_have_the_same_bounds() -> None:
    """The page names one figure for what operator and runner each hold to."""
    assert (termination.MAX_BYTES, termination.MAX_MESSAGE) == (result.MAX_BYTES, result.MAX_TEXT)
    assert conditions._MESSAGE_LENGTH == status.MESSAGE_LENGTH


def test_the_services_that_the_scheduler_can_count_are_those_of_the_crd() -> None:
    bound = crds.schema("Scheduler")["status"]["properties"]["byService"]["maxProperties"]
    assert f"holds {bound} services" in PAGE.read_text(encoding="utf-8")

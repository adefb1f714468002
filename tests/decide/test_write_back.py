"""Writing credentials back: the account's name, and what is said where it cannot work."""

from __future__ import annotations

import pytest
from tests.decide.make import NOW, ago, fetched, fetching, job, plugin, spec, view

from spark_operator.decide.decision import Wait
from spark_operator.decide.fetch import decide
from spark_operator.model import write_back
from spark_operator.model.plugin import CredentialKey
from spark_operator.model.pod import PodReport

KEYS = (CredentialKey("refresh_token"),)


def message(wait: object) -> str:
    assert isinstance(wait, Wait)
    condition = wait.status.condition("Ready")
    assert condition is not None
    return condition.message


def test_the_account_is_named_after_the_integration_and_a_long_name_is_cut_with_its_hash() -> None:
    assert write_back.service_account("alice") == "spark-fetch-alice"
    long = [write_back.service_account("a" * 252 + last) for last in "bc"]
    assert all(len(name) == 253 for name in long)
    assert long[0] != long[1]
    assert write_back.service_account("a" * 241) == "spark-fetch-" + "a" * 241


@pytest.mark.parametrize(
    ("writes", "secret", "said"),
    [
        (
            False,
            "s",
            "credentialsWriteBack has no effect, since writesCredentials is not set in Pl",
        ),
        (True, None, "credentialsWriteBack has no effect, since there is no spec.credentialsSecre"),
        (True, "s", ""),
    ],
)
def test_a_wish_without_effect_is_said(writes: bool, secret: str | None, said: str) -> None:
    wish = spec(credentials_write_back=True, credentials_secret_name=secret)
    service = plugin(writes_credentials=writes, credentials=KEYS)
    told = message(decide(view(fetched(ago(minutes=1), spec=wish), plugin=service), NOW))
    assert (said or "credentialsWriteBack") in told if said else "WriteBack" not in told


def test_a_pod_that_is_not_made_names_the_account_that_must_exist() -> None:
    wish = spec(credentials_write_back=True, credentials_secret_name="s")
    waits = decide(
        view(
            fetching(spec=wish),
            plugin=plugin(writes_credentials=True, credentials=KEYS),
            jobs=(job(),),
            pod=PodReport(),
            pod_looks=1,
            job_age_seconds=16.0,
        ),
        NOW,
    )
    assert 'It runs as ServiceAccount "spark-fetch-alice", which must exist.' in message(waits)

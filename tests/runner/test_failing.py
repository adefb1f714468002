"""How a fetch fails: the class, and a sentence that tells the user what to do."""

import email.utils
import json
import time

import pytest

from spark_plugins import registry
from spark_plugins.testing import Answer, json_answer

BEARER = {"auth": {"type": "bearer"}}


def test_a_missing_key_names_the_secret_and_how_to_add_it(rest, service):
    rest.config |= BEARER
    rest.secret()
    ended = rest.fetch()
    assert (ended.exit, ended.message["reason"]) == (10, "InvalidCredentials")
    assert 'Secret "alice-secret" has no key "token"' in ended.said
    assert (
        "kubectl create secret generic alice-secret -n team-a --from-literal=token=" in ended.said
    )
    assert "requestedAt=$(date +%s) --overwrite" in ended.said
    assert service.requests == []


def test_without_a_secret_the_message_says_where_to_name_one(rest):
    rest.config |= BEARER
    ended = rest.fetch()
    assert (ended.exit, ended.message["reason"]) == (10, "InvalidCredentials")
    assert "spec.credentialsSecretName" in ended.said


def test_refused_credentials_name_the_host_the_secret_and_the_command_that_retries(rest, service):
    rest.config |= BEARER
    rest.secret(token="canary-5f0c")
    service.on("/items", Answer(401, b"who are you"))
    ended = rest.fetch()
    assert (ended.exit, ended.message["reason"]) == (10, "InvalidCredentials")
    assert "127.0.0.1 does not accept the credentials (status 401)" in ended.said
    assert 'Secret "alice-secret" in namespace team-a' in ended.said
    assert (
        "kubectl annotate integration alice -n team-a spark-integrations.dev/requestedMode=fetch "
        "spark-integrations.dev/requestedAt=$(date +%s) --overwrite" in ended.said
    )


def test_a_service_that_asks_to_wait_is_obeyed_to_the_second(rest, service):
    service.on("/items", Answer(429, b"", {"Retry-After": "120"}))
    ended = rest.fetch()
    assert (ended.exit, ended.message["retryAfterSeconds"]) == (11, 120)
    assert "reason" not in ended.message
    # The operator waits, not the pod.
    assert len(service.requests) == 1


def test_a_service_that_names_a_date_is_obeyed(rest, service):
    date = email.utils.formatdate(time.time() + 3600, usegmt=True)
    service.on("/items", Answer(503, b"", {"Retry-After": date}))
    ended = rest.fetch()
    assert ended.exit == 11
    assert 3500 <= ended.message["retryAfterSeconds"] <= 3601


def test_an_outage_is_tried_twice_and_then_left_to_the_operator(rest, service):
    service.on("/items", Answer(502, b"<html>token=s3cret</html>"))
    ended = rest.fetch()
    assert ended.exit == 1
    assert "127.0.0.1 answers with status 502" in ended.said
    assert len(service.requests) == 2


def test_a_host_that_cannot_be_reached_is_named_with_the_cause(rest):
    rest.config["baseUrl"] = "http://nowhere.invalid"
    ended = rest.fetch()
    assert ended.exit == 1
    assert "nowhere.invalid cannot be reached: its name cannot be resolved" in ended.said


def test_a_page_for_people_instead_of_json_is_explained(rest, service):
    service.on("/items", Answer(200, b"<!doctype html>hello", {"Content-Type": "text/html"}))
    ended = rest.fetch()
    assert (ended.exit, ended.message["reason"]) == (10, "InvalidConfig")
    assert "/items answers with text/html instead of JSON" in ended.said


def test_json_that_breaks_off_is_transient(rest, service):
    service.on("/items", Answer(200, b'[{"id": 1}, {"i', {"Content-Type": "application/json"}))
    assert rest.fetch().exit == 1


def test_an_unknown_field_of_the_config_is_named(rest):
    rest.config["resources"][0]["dataselector"] = "$"
    ended = rest.fetch()
    assert (ended.exit, ended.message["reason"]) == (10, "InvalidConfig")
    assert "resources.0.dataselector" in ended.said


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"service": "nope"}, f'no plugin "nope"; it has: {", ".join(registry.names())}'),
        ({"destination": {"type": "bigquery", "dataset": "x"}}, 'type "bigquery"'),
        ({"destination": {"type": "duckdb", "dataset": "x_staging"}}, "_staging"),
        ({"version": 2}, "different versions"),
        ({"mode": "mend"}, 'mode "mend"'),
    ],
)
def test_what_this_image_does_not_know_is_an_error_of_the_config(rest, change, fault):
    ended = rest.fetch(json.dumps(rest.document() | change))
    assert (ended.exit, ended.message["reason"]) == (10, "InvalidConfig")
    assert fault in ended.said


@pytest.mark.parametrize(
    ("key", "text", "exit_code", "fault"),
    [
        ("host", "/var/run/postgresql", 10, "one host name or address"),
        ("host", "a.example,b.example", 10, "one host name or address"),
        ("dbname", "host=elsewhere", 10, "the name of a database"),
        ("sslmode", "off", 10, "one of disable"),
        ("password", "", 10, 'has no key "password"'),
        ("port", "1", 1, 'Secret "warehouse"'),
    ],
)
def test_a_wrong_warehouse_secret_is_named(warehouse, key, text, exit_code, fault):
    warehouse.warehouse(**{key: text})
    ended = warehouse.fetch()
    assert ended.exit == exit_code
    assert fault in ended.said


def test_the_environment_of_libpq_does_not_lead_elsewhere(warehouse, service, tmp_path):
    service.on("/items", json_answer([{"id": 1}]))
    (tmp_path / "services").write_text("[x]\nhost=nowhere.invalid\n")
    warehouse.environment = {
        "PGHOSTADDR": "127.0.0.9",
        "PGSERVICE": "x",
        "PGSERVICEFILE": str(tmp_path / "services"),
        "PGOPTIONS": "-c default_transaction_read_only=on",
    }
    assert warehouse.fetch().exit == 0


def test_a_dataset_of_another_integration_is_refused(warehouse, service, postgres):
    service.on("/items", json_answer([{"id": 1}]))
    assert warehouse.fetch().exit == 0
    warehouse.name = "bob"
    ended = warehouse.fetch()
    assert (ended.exit, ended.message["reason"]) == (10, "InvalidConfig")
    assert "belongs to the Integration team-a/alice" in ended.said
    assert len(service.requests) == 1


def test_a_file_of_another_integration_is_refused(rest, service):
    service.on("/items", json_answer([{"id": 1}]))
    assert rest.fetch().exit == 0
    rest.name = "bob"
    ended = rest.fetch()
    assert (ended.exit, ended.message["reason"]) == (10, "InvalidConfig")
    assert "belongs to the Integration team-a/alice" in ended.said


def test_tables_that_were_there_before_are_not_touched(warehouse, postgres):
    dataset = warehouse.destination["dataset"]
    postgres.rows(f"CREATE SCHEMA {dataset}")
    postgres.rows(f"CREATE TABLE {dataset}.items (id int)")
    ended = warehouse.fetch()
    assert (ended.exit, ended.message["reason"]) == (10, "InvalidConfig")
    assert "tables that no Integration has made" in ended.said


def test_a_dataset_that_is_being_written_is_busy(warehouse, service):
    service.on("/items", Answer(hang=True))
    running = warehouse.start()
    service.wait_for(1)
    ended = warehouse.fetch()
    assert ended.exit == 1
    assert "Another fetch is writing" in ended.said
    running.kill()
    warehouse.end(running)
    # The lock went with the process.
    service.on("/items", json_answer([{"id": 1}]))
    assert warehouse.fetch().exit == 0


def test_a_file_that_is_being_written_is_busy(rest, service):
    service.on("/items", Answer(hang=True))
    running = rest.start()
    service.wait_for(1)
    ended = rest.fetch()
    assert ended.exit == 1
    assert "Another fetch is writing" in ended.said
    running.kill()
    rest.end(running)
    service.on("/items", json_answer([{"id": 1}]))
    assert rest.fetch().exit == 0


def test_a_lock_that_was_lost_on_the_way_stops_the_load(warehouse, service, postgres):
    def answer(_request):
        gone = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = "
        assert postgres.rows(gone + "'spark-fetch lock'") == [(True,)]
        return json_answer([{"id": 1}])

    service.on("/items", answer)
    ended = warehouse.fetch()
    assert ended.exit == 1
    assert "is not available" in ended.said
    dataset = warehouse.destination["dataset"]
    assert postgres.rows(f"SELECT to_regclass('{dataset}.items')") == [(None,)]


def test_a_redirect_that_leads_nowhere_is_no_empty_answer(rest, service):
    service.on("/items", Answer(302))
    ended = rest.fetch()
    assert (ended.exit, ended.message["reason"]) == (10, "InvalidConfig")
    assert "leads nowhere" in ended.said


def test_an_unexpected_exception_leaves_its_traceback_in_the_log_only(rest, service):
    service.on("/items", Answer(302, headers={"Location": "ftp://x.example/"}))
    ended = rest.fetch()
    assert ended.exit == 1
    assert ended.said.startswith("Unexpected InvalidSchema")
    assert "Traceback" in ended.stderr
    assert all(line.startswith("{") for line in ended.stderr.splitlines())

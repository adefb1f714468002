"""Every field of the CRDs is used: each has a test that fails when the code ignores it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.support import crds

ROOT = Path(__file__).parents[1]

_JOB = "tests/act/test_job_manifest.py"
_DURING = "tests/operator/test_during_a_run.py"
_OUTCOMES = "tests/operator/test_outcomes.py"
_REQUESTS = "tests/operator/test_requests.py"
_SETTINGS = "tests/operator/test_settings.py"
_SUSPENDING = "tests/operator/test_suspending.py"
_WAITING = "tests/operator/test_waiting_for_the_next.py"
_SERVED = "tests/chart/test_crds_served.py"
_WHOLE = f"{_OUTCOMES}::test_a_success_is_recorded_whole"
_FAILURE = f"{_OUTCOMES}::test_a_failure_is_recorded_with_its_class_and_said_in_condition_and_event"
_COUNTS = "tests/operator/test_counts.py::test_each_state_is_counted_in_total_and_by_service_and_a_service_that_went_is_not_named"
_FREQUENCY = f"{_SETTINGS}::test_the_frequency_is_the_users_or_the_plugins_and_never_below_the_plugins_minimum"
_CONDITION = f"{_SETTINGS}::test_a_condition_tells_its_generation_and_keeps_its_transition_time_until_its_status_changes"
_HISTORY = "tests/operator/test_history.py::test_as_many_jobs_are_kept_as_the_scheduler_says_and_fewer_once_it_says_fewer"
_LADDER = f"{_WAITING}::test_the_ladder_is_climbed_to_its_end_and_then_the_pause_doubles_with_each_failed_cycle"
_HEARTBEAT = "tests/operator/test_counts.py::test_the_report_tells_who_leads_when_it_looked_and_how_long_it_took"
_POD = f"{_JOB}::test_the_administrators_pod_template_is_applied"
_WRITE_BACK = f"{_JOB}::test_where_one_does_not_want_it_the_pod_has_neither_account_nor_token"
_MODES = "tests/decide/test_modes.py"
_RESET = "tests/decide/test_reset.py"
_CLAIM = f"{_MODES}::test_the_claim_takes_what_was_asked_for_with_its_token"
_CHECK = f"{_MODES}::test_a_check_leaves_successes_failures_and_the_next_fetch_as_they_were"
_RESOURCES = f"{_JOB}::test_the_administrators_resources_are_the_containers"

# The record of the fetch before a check is kept whole.
_RUN = [
    "number",
    "attempt",
    "trigger",
    "mode",
    "since",
    "request",
    "generation",
    "jobName",
    "startedAt",
    "finishedAt",
    "outcome",
    "errorClass",
    "reason",
    "message",
    "rows",
    "retryAfterSeconds",
    "failureCleared",
]

TESTS = {
    "Integration": {
        "spec.service": f"{_DURING}::test_the_plugin_deleted_during_a_run_the_outcome_is_recorded_then_the_service_unknown",
        "spec.updateFrequencyMinutes": _FREQUENCY,
        "spec.suspend": f"{_SUSPENDING}::test_a_suspended_integration_waits_with_its_request_until_it_is_resumed",
        "spec.config": "tests/model/test_fetch_document.py::test_the_document_is_the_one_of_the_contract",
        "spec.credentialsSecretName": f"{_JOB}::test_only_the_keys_that_the_plugin_declares_are_mounted_and_may_be_missing",
        "spec.credentialsWriteBack": _WRITE_BACK,
        "spec.destination.type": f"{_JOB}::test_the_destination_is_the_integrations_or_the_schedulers",
        "spec.destination.secretName": f"{_JOB}::test_the_destination_is_the_integrations_or_the_schedulers",
        "spec.destination.claimName": f"{_JOB}::test_duckdb_gets_a_folder_of_its_own_on_the_claim",
        "spec.destination.bucketUrl": f"{_JOB}::test_files_go_to_the_claim_or_to_the_bucket_with_its_keys",
        "spec.destination.dataset": f"{_JOB}::test_duckdb_gets_a_folder_of_its_own_on_the_claim",
        "spec.timeoutSeconds": f"{_JOB}::test_the_deadline_is_the_users_timeout_and_the_operator_alone_retries",
        "spec.retryDelaysSeconds": f"{_WAITING}::test_a_retry_follows_its_delay_and_a_spec_change_comes_before_it",
        "status.observedGeneration": _WHOLE,
        "status.lastTriggeredAt": _WHOLE,
        "status.lastSuccessfulUpdateAt": f"{_WAITING}::test_a_missed_slot_is_caught_up_once",
        "status.lastFailedAt": _FAILURE,
        "status.nextUpdateAt": _WHOLE,
        "status.lastHandledRequest": f"{_REQUESTS}::test_a_request_is_a_job_in_under_a_second_and_is_acknowledged",
        "status.lastHandledReset": f"{_RESET}::test_one_token_clears_once",
        "status.consecutiveFailures": _LADDER,
        "status.run.number": _WHOLE,
        "status.run.attempt": _LADDER,
        "status.run.trigger": f"{_REQUESTS}::test_a_request_is_a_job_in_under_a_second_and_is_acknowledged",
        "status.run.mode": _CLAIM,
        "status.run.since": f"{_MODES}::test_a_backfill_begins_at_a_date_or_a_time",
        "status.run.request": _CLAIM,
        "status.run.generation": f"{_DURING}::test_the_spec_changed_during_a_run_that_fails_is_tried_at_once_and_as_the_first_attempt",
        "status.run.jobName": _WHOLE,
        "status.run.startedAt": _WHOLE,
        "status.run.finishedAt": f"{_OUTCOMES}::test_the_retry_is_announced_by_ladder_and_retry_after",
        "status.run.outcome": _WHOLE,
        "status.run.errorClass": _FAILURE,
        "status.run.reason": f"{_OUTCOMES}::test_the_reason_of_a_permanent_failure_stands_in_the_run",
        "status.run.message": f"{_OUTCOMES}::test_the_reason_of_a_permanent_failure_stands_in_the_run",
        "status.run.rows": _WHOLE,
        "status.run.retryAfterSeconds": f"{_OUTCOMES}::test_the_retry_is_announced_by_ladder_and_retry_after",
        "status.run.failureCleared": f"{_RESET}::test_one_token_clears_once",
        **{f"status.lastFetch.{name}": _CHECK for name in _RUN},
        "status.conditions.type": _WHOLE,
        "status.conditions.status": _WHOLE,
        "status.conditions.reason": _FAILURE,
        "status.conditions.message": _FAILURE,
        "status.conditions.observedGeneration": _CONDITION,
        "status.conditions.lastTransitionTime": _CONDITION,
    },
    "Plugin": {
        # Title and description are for people: kubectl shows them, and the generator writes them.
        "spec.title": f"{_SERVED}::test_kubectl_shows_a_plugin_in_a_line",
        "spec.description": "tests/plugins/test_manifests.py::test_the_files_in_the_chart_are_those_of_the_code",
        "spec.image": f"{_JOB}::test_the_image_is_the_plugins_or_the_installations_and_never_the_users",
        "spec.configSchema": "tests/operator/test_bad_input.py::test_a_config_that_the_schema_refuses_is_fetched_once_it_is_mended",
        "spec.credentials.name": f"{_JOB}::test_only_the_keys_that_the_plugin_declares_are_mounted_and_may_be_missing",
        "spec.credentials.required": f"{_JOB}::test_only_the_keys_that_the_plugin_declares_are_mounted_and_may_be_missing",
        "spec.credentials.description": "tests/plugins/test_manifests.py::test_the_files_in_the_chart_are_those_of_the_code",
        "spec.writesCredentials": _WRITE_BACK,
        "spec.egressHosts": "tests/runner/test_egress.py::test_a_private_address_is_refused_where_the_plugin_does_not_open_it",
        "spec.defaultUpdateFrequencyMinutes": _FREQUENCY,
        "spec.minUpdateFrequencyMinutes": _FREQUENCY,
        "spec.maxConcurrentFetches": f"{_SETTINGS}::test_no_more_go_on_at_once_than_there_are_places",
    },
    "Scheduler": {
        "spec.suspend": f"{_SUSPENDING}::test_the_suspended_scheduler_dispatches_nothing_and_says_so_everywhere",
        "spec.maxConcurrentFetches": f"{_SETTINGS}::test_no_more_go_on_at_once_than_there_are_places",
        "spec.destination.type": f"{_JOB}::test_the_destination_is_the_integrations_or_the_schedulers",
        "spec.destination.secretName": f"{_JOB}::test_the_destination_is_the_integrations_or_the_schedulers",
        "spec.destination.claimName": f"{_JOB}::test_the_schedulers_claim_is_the_default_of_duckdb",
        "spec.destination.bucketUrl": f"{_JOB}::test_the_schedulers_bucket_is_the_default",
        "spec.history.succeeded": _HISTORY,
        "spec.history.failed": _HISTORY,
        "spec.podTemplate.resources.requests": _RESOURCES,
        "spec.podTemplate.resources.limits": _RESOURCES,
        "spec.podTemplate.nodeSelector": _POD,
        "spec.podTemplate.tolerations.key": _POD,
        "spec.podTemplate.tolerations.operator": _POD,
        "spec.podTemplate.tolerations.value": _POD,
        "spec.podTemplate.tolerations.effect": _POD,
        "spec.podTemplate.tolerations.tolerationSeconds": _POD,
        "spec.podTemplate.labels": f"{_JOB}::test_the_administrators_labels_are_added_and_never_replace_ours",
        "spec.podTemplate.priorityClassName": _POD,
        "spec.podTemplate.imagePullSecrets.name": _POD,
        "status.lastCheckAt": _HEARTBEAT,
        "status.leader": _HEARTBEAT,
        "status.lastCheckSeconds": _HEARTBEAT,
        "status.counts.total": _COUNTS,
        "status.counts.due": _COUNTS,
        "status.counts.fetching": _COUNTS,
        "status.counts.failing": _COUNTS,
        "status.counts.suspended": _COUNTS,
        "status.byService.*.total": _COUNTS,
        "status.byService.*.due": _COUNTS,
        "status.byService.*.fetching": _COUNTS,
        "status.byService.*.failing": _COUNTS,
        "status.byService.*.suspended": _COUNTS,
    },
}


@pytest.mark.parametrize("kind", TESTS)
def test_each_field_has_a_test_and_each_test_a_field(kind: str) -> None:
    assert set(TESTS[kind]) == set(crds.fields(kind))


@pytest.mark.parametrize("name", sorted({t for tests in TESTS.values() for t in tests.values()}))
def test_each_named_test_is_there(name: str) -> None:
    file, _, function = name.partition("::")
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    assert function in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}

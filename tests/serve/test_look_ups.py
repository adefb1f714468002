"""What was looked up for one run is not taken for the next one's."""

from __future__ import annotations

from spark_operator.serve.gather import LookUps


def test_the_refusal_of_a_job_ends_with_its_run() -> None:
    """Where the next run is due at once, as after a changed spec, it is claimed in the same evaluation."""
    looked_up = LookUps(rejection="exceeded quota", job_is_live=True)
    looked_up.claimed()
    assert looked_up.rejection is None
    assert not looked_up.job_is_live
    assert looked_up.job_absent
    assert looked_up.status_is_live

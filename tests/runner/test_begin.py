"""A time in the form of a cursor."""

import datetime as dt

import pytest

from spark_runner.begin import as_cursor

SINCE = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
TWO_HOURS = dt.timezone(dt.timedelta(hours=2))


@pytest.mark.parametrize(
    ("like", "expected"),
    [
        ("2020-05-05T00:00:00Z", "2026-01-02T03:04:05Z"),
        ("2020-05-05T00:00:00.123Z", "2026-01-02T03:04:05.000Z"),
        ("2020-05-05T00:00:00.123456+00:00", "2026-01-02T03:04:05.000000+00:00"),
        ("2020-05-05T00:00:00+02:00", "2026-01-02T05:04:05+02:00"),
        ("2020-05-05 00:00:00", "2026-01-02 03:04:05"),
        ("2020-05-05", "2026-01-02"),
        ("20200505", None),
        ("abc", None),
        ("17", None),
        (None, None),
        (True, None),
        ([1], None),
        (17, None),
        (1_600_000_000, 1767323045),
        (1_600_000_000.5, 1767323045.0),
        (1_600_000_000_000, 1767323045000),
        (dt.date(2020, 5, 5), dt.date(2026, 1, 2)),
        (SINCE.replace(tzinfo=None), SINCE.replace(tzinfo=None)),
        (dt.datetime(2020, 5, 5, tzinfo=TWO_HOURS), SINCE),
    ],
)
def test_a_time_takes_the_form_of_the_cursors_values_and_a_cursor_of_none_takes_none(
    like, expected
):
    assert as_cursor(like, SINCE) == expected

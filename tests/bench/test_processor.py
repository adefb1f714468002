"""The table of where the processor's time goes."""

from __future__ import annotations

from bench.processor import Spent, table


def test_the_sum_tells_what_the_cores_allow() -> None:
    rows = table(
        {
            "operator": Spent({"apiserver": 12.0, "operator": 3.0, "kwok": 5.0}, 90.4),
            "CronJob controller": Spent({"apiserver": 13.0, "operator": 0.0, "kwok": 12.0}, 70.2),
        },
        2,
    ).splitlines()
    assert rows[0] == "| CPU of a dispatch, ms | operator | CronJob controller |"
    assert "| API server | 12.0 | 13.0 |" in rows
    assert "| **sum** | 20.0 | 25.0 |" in rows
    assert "| a second, if 2 cores never wait | 100 | 80 |" in rows
    assert "| a second, measured | 90 | 70 |" in rows


def test_an_unknown_process_is_counted_and_an_idle_one_has_no_row() -> None:
    text = table({"operator": Spent({"apiserver": 8.0, "new-thing": 2.0, "etcd": 0.0}, 1.0)}, 2)
    assert "| others | 2.0 |" in text
    assert "etcd" not in text
    assert "| **sum** | 10.0 |" in text

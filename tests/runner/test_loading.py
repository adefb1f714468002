"""What arrives in the destination, and what is left behind."""

import json
import signal

import pytest

from spark_plugins.testing import Answer, json_answer

PAGE = [{"id": 1, "v": "$(X) {b} ü", "tags": ["a"], "at": {"q": 1}}, {"id": 2, "v": None}]


def test_records_arrive_in_postgres_once_however_often_they_are_fetched(
    warehouse, service, postgres
):
    service.on("/items", json_answer(PAGE))
    first = warehouse.fetch()
    assert (first.exit, first.message) == (0, {"rows": 2})
    service.on("/items", json_answer([{"id": 2, "v": "newer"}]))
    assert warehouse.fetch().message == {"rows": 1}
    dataset = warehouse.destination["dataset"]
    assert postgres.rows(f"SELECT id, v FROM {dataset}.items ORDER BY id") == [
        (1, "$(X) {b} ü"),
        (2, "newer"),
    ]
    # Lists and objects stay in the record's own table.
    tables = postgres.rows(
        f"SELECT table_name FROM information_schema.tables WHERE table_schema = '{dataset}'"
    )
    assert {name for (name,) in tables if not name.startswith("_")} == {"items"}
    assert postgres.rows(f"SELECT owner FROM {dataset}._spark_owner") == [("team-a/alice",)]


def test_records_arrive_in_duckdb_once_however_often_they_are_fetched(rest, service):
    service.on("/items", json_answer(PAGE))
    assert rest.fetch().message == {"rows": 2}
    service.on("/items", json_answer([{"id": 2, "v": "newer"}]))
    assert rest.fetch().exit == 0
    # By the name of the dataset, as in PostgreSQL.
    assert rest.rows("SELECT id, v FROM team_a_alice.items ORDER BY id") == [
        (1, "$(X) {b} ü"),
        (2, "newer"),
    ]
    assert rest.leftovers() == []


# What makes the second half of a merge fail: one of the two versions does not fit the index.
TWINS = [{"id": 1, "v": "twin"}, {"id": 2, "v": "twin"}]


def test_a_merge_in_duckdb_that_ends_midway_leaves_the_records_as_they_were(rest, service):
    import duckdb

    service.on("/items", json_answer([{"id": 1, "v": "one"}, {"id": 2, "v": "two"}]))
    assert rest.fetch().exit == 0
    file = rest.base / "data" / "team_a_alice.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("CREATE UNIQUE INDEX no_twins ON items (v)")
    service.on("/items", json_answer(TWINS))
    assert rest.fetch().exit != 0
    assert rest.rows("SELECT id, v FROM items ORDER BY id") == [(1, "one"), (2, "two")]


def test_a_merge_in_postgres_that_ends_midway_leaves_the_records_as_they_were(
    warehouse, service, postgres
):
    service.on("/items", json_answer([{"id": 1, "v": "one"}, {"id": 2, "v": "two"}]))
    assert warehouse.fetch().exit == 0
    dataset = warehouse.destination["dataset"]
    postgres.rows(f"CREATE UNIQUE INDEX no_twins ON {dataset}.items (v)")
    service.on("/items", json_answer(TWINS))
    assert warehouse.fetch().exit != 0
    assert postgres.rows(f"SELECT id, v FROM {dataset}.items ORDER BY id") == [
        (1, "one"),
        (2, "two"),
    ]


def test_the_second_fetch_asks_only_for_what_is_new(warehouse, service, postgres):
    warehouse.config["resources"][0]["incremental"] = {
        "cursorPath": "changed",
        "startParam": "since",
        "initialValue": "2026-01-01T00:00:00Z",
    }
    old = [
        {"id": 1, "changed": "2026-01-02T00:00:00Z"},
        {"id": 2, "changed": "2026-01-03T00:00:00Z"},
    ]
    service.on("/items", json_answer(old))
    assert warehouse.fetch().message == {"rows": 2}
    # The service ignores the parameter or not; the boundary record comes again, changed within
    # the same second.
    service.on(
        "/items",
        json_answer(
            [*old[:1], {**old[1], "v": "again"}, {"id": 3, "changed": "2026-01-04T00:00:00Z"}]
        ),
    )
    assert warehouse.fetch().message == {"rows": 2}
    assert [request.query["since"] for request in service.requests] == [
        "2026-01-01T00:00:00Z",
        "2026-01-03T00:00:00Z",
    ]
    dataset = warehouse.destination["dataset"]
    assert postgres.rows(f"SELECT id, v FROM {dataset}.items ORDER BY id") == [
        (1, None),
        (2, "again"),
        (3, None),
    ]


def test_of_a_record_that_comes_twice_in_a_fetch_the_newest_version_stays(
    warehouse, service, postgres
):
    warehouse.config["resources"][0]["incremental"] = {
        "cursorPath": "changed",
        "startParam": "since",
    }
    service.on(
        "/items",
        json_answer(
            [
                {"id": 1, "changed": day, "v": day}
                for day in ("2026-01-02", "2026-01-09", "2026-01-05")
            ]
        ),
    )
    assert warehouse.fetch().exit == 0
    dataset = warehouse.destination["dataset"]
    assert postgres.rows(f"SELECT id, v FROM {dataset}.items") == [(1, "2026-01-09")]


def test_signs_that_no_database_holds_are_replaced(warehouse, service, postgres):
    body = b'[{"id": "\\ud83d\\ude00", "nul": "a\\u0000b", "half": "a\\ud800b", "csv": "a,\\"b\\"\\n\\\\N"}]'
    service.on("/items", Answer(200, body, {"Content-Type": "application/json"}))
    assert warehouse.fetch().message == {"rows": 1}
    dataset = warehouse.destination["dataset"]
    assert postgres.rows(f"SELECT id, nul, half, csv FROM {dataset}.items") == [
        ("😀", "a\ufffdb", "a\ufffdb", 'a,"b"\n\\N')
    ]


def test_a_fetch_killed_while_loading_leaves_no_doubles(warehouse, service, postgres):
    records = [{"id": number, "v": "x" * 50} for number in range(2000)]
    service.on("/items", json_answer(records[:1000]))
    assert warehouse.fetch().exit == 0
    dataset = warehouse.destination["dataset"]

    # The merge waits for this lock, so the kill comes in the middle of the load for certain.
    connection = postgres.connect()
    connection.autocommit = False
    with connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {dataset}.items IN ACCESS EXCLUSIVE MODE")
        service.on("/items", json_answer(records))
        process = warehouse.start()
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        while postgres.rows(waiting) == [(0,)]:
            assert process.poll() is None
        process.send_signal(signal.SIGKILL)
        killed = warehouse.end(process)
    connection.rollback()
    connection.close()
    assert (killed.exit, killed.raw) == (-signal.SIGKILL, b"")

    after = warehouse.fetch()
    assert after.message == {"rows": 2000}
    assert postgres.rows(f"SELECT count(*), count(DISTINCT id) FROM {dataset}.items") == [
        (2000, 2000)
    ]


def test_a_first_fetch_without_records_succeeds_with_a_warning(rest, service):
    service.on("/items", json_answer([]))
    ended = rest.fetch()
    assert ended.exit == 0
    assert ended.message["rows"] == 0
    assert "no records" in ended.said
    service.on("/items", json_answer([{"id": 1}]))
    assert rest.fetch().message == {"rows": 1}
    service.on("/items", Answer(204))
    assert rest.fetch().message == {"rows": 0}


def test_records_without_their_primary_key_are_an_error_of_the_config(rest, service):
    service.on("/items", json_answer([{"id": 1}, {"id": None}]))
    ended = rest.fetch()
    assert (ended.exit, ended.message["reason"]) == (10, "InvalidConfig")
    assert 'Resource "items": a record has no value in "id"' in ended.said


def test_braces_and_dollars_in_the_config_are_sent_as_they_stand(rest, service):
    rest.config["resources"][0] |= {
        "path": "items/{x}",
        "method": "POST",
        "params": {"filter": "{incremental.last} $HOME $(X) ü", "all": True},
        "body": {"q": ["{}", {"{a}": 1}]},
    }
    service.on("/items/%7Bx%7D", json_answer([{"id": 1}]))
    assert rest.fetch().exit == 0
    (asked,) = service.requests
    assert asked.query == {"filter": "{incremental.last} $HOME $(X) ü", "all": "true"}
    assert json.loads(asked.body) == {"q": ["{}", {"{a}": 1}]}


def test_a_file_survives_a_kill_while_it_is_loaded(rest, service):
    records = [{"id": number, "v": "x" * 100} for number in range(20_000)]
    service.on("/items", json_answer(records[:10_000]))
    assert rest.fetch().message == {"rows": 10_000}
    service.on("/items", json_answer(records))
    process = rest.start()
    for line in process.stderr:
        if "Loading" in line:
            break
    process.send_signal(signal.SIGKILL)
    assert rest.end(process).exit == -signal.SIGKILL
    assert rest.fetch().message == {"rows": 20_000}
    assert rest.rows("SELECT count(*), count(DISTINCT id) FROM team_a_alice.items") == [
        (20_000, 20_000)
    ]


def test_numbers_of_more_than_64_bits_arrive_as_text(warehouse, service, postgres):
    service.on("/items", json_answer([{"id": 1, "n": 2**63}, {"id": 2, "n": -(10**30)}]))
    assert warehouse.fetch().message == {"rows": 2}
    dataset = warehouse.destination["dataset"]
    assert postgres.rows(f"SELECT n FROM {dataset}.items ORDER BY id") == [
        (str(2**63),),
        (str(-(10**30)),),
    ]


@pytest.mark.parametrize("kind", ["postgres", "duckdb"])
@pytest.mark.parametrize(
    ("first", "later"),
    [
        (1, 2**63),
        (1, "-99999999999999999999"),
        ("2026-01-01T00:00:00Z", 10**18),
        ("2026-01-01T00:00:00Z", "0001-01-01T00:00:00+01:00"),
        ("0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00"),
    ],
)
def test_a_value_that_the_columns_type_cannot_hold_does_not_stop_the_records(
    warehouse, service, postgres, kind, first, later
):
    if kind == "duckdb":
        warehouse.destination = {"type": "duckdb", "dataset": "team_a_alice"}
    for number, value in enumerate((first, later)):
        service.on("/items", json_answer([{"id": number, "v": value}]))
        assert warehouse.fetch().message == {"rows": 1}
    query = f"SELECT count(*) FROM {warehouse.destination['dataset']}.items"
    assert (postgres if kind == "postgres" else warehouse).rows(query) == [(2,)]


@pytest.mark.parametrize("kind", ["postgres", "duckdb"])
@pytest.mark.parametrize("pages", [[[1], ["a"]], [[1, "a"]], [[1], [1.5]], [[1], [2**64]]])
def test_a_primary_key_of_two_types_is_an_error_of_the_config(warehouse, service, kind, pages):
    if kind == "duckdb":
        warehouse.destination = {"type": "duckdb", "dataset": "team_a_alice"}
    for page in pages:
        service.on("/items", json_answer([{"id": value} for value in page]))
        ended = warehouse.fetch()
    assert (ended.exit, ended.message.get("reason")) == (10, "InvalidConfig")
    assert '"items": the field "id" of the primary key has values of more' in ended.said
    assert "columns: {id: text}" in ended.said


def test_a_primary_key_that_is_declared_as_text_takes_both(warehouse, service, postgres):
    warehouse.config["resources"][0]["columns"] = {"id": "text"}
    for _ in range(2):
        service.on("/items", json_answer([{"id": 1}, {"id": "a"}, {"id": 2**64}]))
        assert warehouse.fetch().exit == 0
    dataset = warehouse.destination["dataset"]
    assert postgres.rows(f"SELECT id FROM {dataset}.items ORDER BY id") == [
        ("1",),
        (str(2**64),),
        ("a",),
    ]


@pytest.mark.parametrize("other", ["ID", "Id", " id"])
def test_a_field_that_is_named_almost_like_the_primary_key_does_not_take_its_place(
    rest, service, other
):
    for record in ({"id": 1, other: 7, "v": "old"}, {other: 7, "id": 1, "v": "new"}):
        service.on("/items", json_answer([record]))
        assert rest.fetch().message == {"rows": 1}
    assert rest.rows("SELECT id, v FROM team_a_alice.items") == [(1, "new")]

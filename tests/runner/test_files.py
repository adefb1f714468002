"""Parquet files on a claim and in a bucket: a file holds every record once, in its newest version."""

import secrets
import signal

import duckdb
import pytest
from tests.support import bucket as buckets

from spark_plugins.testing import Answer, Service, json_answer

PAGE = [{"id": 1, "v": "ü", "tags": ["a"], "at": {"q": 1}}, {"id": 2, "v": None}]
SECRET_KEY = "canary/secret+key/7d2f"


@pytest.fixture
def files(rest):
    rest.destination = {"type": "filesystem", "claimName": "data", "dataset": "team_a_alice"}
    return rest


@pytest.fixture(scope="session")
def storage():
    with buckets.running() as running:
        yield running


@pytest.fixture
def bucket(rest, storage):
    rest.destination = {
        "type": "filesystem",
        "bucketUrl": f"s3://{storage.bucket}/lake/raw",
        "secretName": "warehouse",
        "dataset": f"team_a_{secrets.token_hex(4)}",
    }
    rest.warehouse(
        endpoint=storage.endpoint, access_key_id="canary-id", secret_access_key=SECRET_KEY + "\n"
    )
    return rest


def folder(pod):
    return pod.base / "data" / pod.destination["dataset"]


def read(file, columns="id, v"):
    return duckdb.sql(f"SELECT {columns} FROM read_parquet('{file}') ORDER BY id").fetchall()


def read_object(storage, pod, tmp_path, table="items", columns="id, v"):
    file = tmp_path / "object.parquet"
    key = f"lake/raw/{pod.destination['dataset']}/{table}.parquet"
    file.write_bytes(storage.read(key))
    return read(file, columns)


def test_a_file_holds_each_record_once_however_often_it_is_fetched(files, service):
    service.on("/items", json_answer(PAGE))
    assert files.fetch().message == {"rows": 2}
    service.on("/items", json_answer([{"id": 2, "v": "newer", "size": 3}]))
    assert files.fetch().message == {"rows": 1}
    file = folder(files) / "items.parquet"
    assert read(file) == [(1, "ü"), (2, "newer")]
    assert read(file, 'tags::VARCHAR, "at"::VARCHAR, size') == [
        ('["a"]', '{"q":1}', None),
        (None, None, 3),
    ]
    assert files.leftovers() == []
    assert not list(folder(files).glob(".*.part"))


def test_an_object_holds_each_record_once_however_often_it_is_fetched(
    bucket, service, storage, tmp_path
):
    service.on("/items", json_answer(PAGE))
    first = bucket.fetch()
    assert first.message == {"rows": 2}
    service.on("/items", json_answer([{"id": 2, "v": "newer"}]))
    assert bucket.fetch().message == {"rows": 1}
    assert read_object(storage, bucket, tmp_path) == [(1, "ü"), (2, "newer")]
    assert SECRET_KEY not in first.stderr + first.stdout


@pytest.mark.parametrize("place", ["files", "bucket"])
def test_the_second_fetch_asks_only_for_what_is_new(place, request, service):
    pod = request.getfixturevalue(place)
    pod.config["resources"][0]["incremental"] = {"cursorPath": "at", "startParam": "since"}
    service.on("/items", json_answer([{"id": 1, "at": "2026-01-02T00:00:00Z"}]))
    assert pod.fetch().exit == 0
    assert pod.fetch().exit == 0
    assert service.requests[-1].query["since"] == "2026-01-02T00:00:00Z"


def test_a_table_that_did_not_change_is_not_written_again(files, service):
    service.on("/items", json_answer(PAGE))
    files.config["resources"].append({"name": "others", "path": "others", "primaryKey": ["id"]})
    service.on("/others", json_answer([{"id": 7}]))
    assert files.fetch().exit == 0
    before = (folder(files) / "items.parquet").stat().st_ino
    service.on("/items", json_answer([]))
    service.on("/others", json_answer([{"id": 8}]))
    assert files.fetch().message == {"rows": 1}
    assert (folder(files) / "items.parquet").stat().st_ino == before
    assert read(folder(files) / "others.parquet", "id") == [(7,), (8,)]


def test_values_keep_their_kind_over_many_fetches(files, service):
    record = {
        "id": 1,
        "big": 2**62,
        "huge": 10**30,
        "real": 0.1,
        "yes": True,
        "moment": "2026-01-02T03:04:05.678901+02:00",
        "object": {"a": [1, {"b": None}]},
    }
    service.on("/items", json_answer([record]))
    assert files.fetch().exit == 0
    file = folder(files) / "items.parquet"
    columns = "big, huge, real, yes, moment::VARCHAR, object::VARCHAR, typeof(object)"
    first = read(file, columns)
    assert first[0][:4] == (2**62, str(10**30), 0.1, True)
    for number in range(2, 4):
        service.on("/items", json_answer([{**record, "id": number}]))
        assert files.fetch().exit == 0
    assert read(file, columns) == first * 3


@pytest.mark.parametrize("place", ["files", "bucket"])
def test_a_dataset_of_another_integration_is_left_alone(place, request, service):
    pod = request.getfixturevalue(place)
    service.on("/items", json_answer(PAGE))
    assert pod.fetch().exit == 0
    pod.name = "bob"
    ended = pod.fetch()
    assert (ended.exit, ended.message["reason"]) == (10, "InvalidConfig")
    assert "belongs to the Integration team-a/alice" in ended.said


def test_files_that_no_integration_has_made_are_left_alone(files, service):
    folder(files).mkdir()
    (folder(files) / "items.parquet").write_bytes(b"mine")
    ended = files.fetch()
    assert (ended.exit, ended.message["reason"]) == (10, "InvalidConfig")
    assert (folder(files) / "items.parquet").read_bytes() == b"mine"


def test_a_file_that_somebody_broke_is_named(files, service):
    service.on("/items", json_answer(PAGE))
    assert files.fetch().exit == 0
    (folder(files) / "items.parquet").write_bytes(b"PAR1 broken PAR1")
    ended = files.fetch()
    assert ended.exit == 10
    assert "items.parquet" in ended.said


def test_two_fetches_into_one_folder_do_not_run_at_once(files, service):
    service.on("/items", json_answer(PAGE))
    assert files.fetch().exit == 0
    service.on("/items", Answer(hang=True))
    process = files.start()
    service.wait_for(2)
    ended = files.fetch()
    process.send_signal(signal.SIGKILL)
    files.end(process)
    assert ended.exit == 1
    assert "Another fetch" in ended.said


def test_of_two_fetches_into_one_bucket_the_second_to_write_is_refused(
    bucket, service, storage, tmp_path
):
    service.on("/items", json_answer(PAGE))
    assert bucket.fetch().exit == 0
    key = f"lake/raw/{bucket.destination['dataset']}/items.parquet"

    def overtaken(_request):
        # What another fetch writes while this one waits for the service.
        storage.write(key, b"written by another fetch")
        return json_answer([{"id": 3}])

    service.on("/items", overtaken)
    ended = bucket.fetch()
    assert ended.exit == 1
    assert "Another fetch has written items.parquet" in ended.said
    assert storage.read(key) == b"written by another fetch"


def test_a_killed_fetch_is_made_good_by_the_next(bucket, service, storage, tmp_path):
    """Killed after the records and before the cursors: the worst moment."""
    bucket.config["resources"][0]["incremental"] = {"cursorPath": "at", "startParam": "since"}
    service.on("/items", json_answer([{"id": 1, "v": "a", "at": "2026-01-01T00:00:00Z"}]))
    assert bucket.fetch().exit == 0
    prefix = f"lake/raw/{bucket.destination['dataset']}"
    state = {key: storage.read(key) for key in storage.objects(f"{prefix}/_dlt")}
    assert len(state) == 3
    service.on(
        "/items",
        json_answer(
            [
                {"id": 1, "v": "b", "at": "2026-01-02T00:00:00Z", "new": 1},
                {"id": 2, "v": "c", "at": "2026-01-03T00:00:00Z"},
            ]
        ),
    )
    assert bucket.fetch().exit == 0
    for key, content in state.items():
        storage.write(key, content)
    assert bucket.fetch().message == {"rows": 2}
    assert read_object(storage, bucket, tmp_path) == [(1, "b"), (2, "c")]


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc",
        "s3://warehouse/../other",
        "s3://warehouse/a/./b",
        "s3://Warehouse",
        "s3://warehouse?x=y",
        "s3://user@warehouse",
        "gs://warehouse",
        "s3://warehouse/a//b",
        "/var/lib",
        "s3://warehouse/a\n",
    ],
)
def test_an_address_that_is_no_bucket_is_refused(bucket, url):
    bucket.destination["bucketUrl"] = url
    ended = bucket.fetch()
    assert (ended.exit, ended.message["reason"]) == (10, "InvalidConfig")
    assert "spec.destination.bucketUrl" in ended.said


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("endpoint", "file:///etc"),
        ("endpoint", "http://user:word@host"),
        ("endpoint", "https://host/path"),
        ("endpoint", "host"),
        ("region", "x y"),
        ("access_key_id", "a\nb"),
        ("session_token", "a\r\nX-Evil: b"),
    ],
)
def test_a_key_of_the_secret_that_leads_astray_is_named(bucket, key, text):
    bucket.warehouse(**{key: text})
    ended = bucket.fetch()
    assert (ended.exit, ended.message["reason"]) == (10, "InvalidCredentials")
    assert f'The key "{key}" of Secret "warehouse"' in ended.said


def test_a_missing_key_and_a_missing_bucket_are_named(bucket, storage):
    bucket.destination["bucketUrl"] = "s3://nowhere"
    ended = bucket.fetch()
    assert (ended.exit, ended.message["reason"]) == (10, "InvalidConfig")
    assert 'there is no bucket "nowhere"' in ended.said
    (bucket.base / "destination" / "secret_access_key").unlink()
    ended = bucket.fetch()
    assert (ended.exit, ended.message["reason"]) == (10, "InvalidCredentials")
    assert 'has no key "secret_access_key"' in ended.said


@pytest.mark.parametrize(
    ("status", "code", "exit_code", "words"),
    [
        (403, "SignatureDoesNotMatch", 10, 'keys in Secret "warehouse"'),
        (403, "RequestTimeTooSkewed", 1, "clock"),
        (400, "AuthorizationHeaderMalformed", 10, "endpoint or region"),
        (501, "NotImplemented", 10, "conditional writes"),
        (503, "SlowDown", 1, "SlowDown"),
        (301, "PermanentRedirect", 10, "endpoint or region"),
    ],
)
def test_what_a_bucket_refuses_is_said(bucket, status, code, exit_code, words):
    with Service() as refusing:
        refusing.otherwise(Answer(status, f"<Error><Code>{code}</Code></Error>".encode()))
        bucket.warehouse(endpoint=refusing.url)
        ended = bucket.fetch()
    assert ended.exit == exit_code
    assert code in ended.said
    assert words in ended.said


def test_a_bucket_out_of_reach_is_tried_again(bucket):
    bucket.warehouse(endpoint="http://127.0.0.1:1")
    ended = bucket.fetch()
    assert ended.exit == 1
    assert "cannot be reached" in ended.said

"""A real Gitea, fetched by its plugin and by YAML alone: what a scripted service can only claim."""

import base64
import secrets
from datetime import datetime
from pathlib import Path

import pytest
import yaml
from dev.gitea import Gitea
from tests.support import gitea as real
from tests.support.secret import Secret, written_back

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

TABLES = ["issues", "pull_requests", "releases", "commits", "events"]
EXAMPLE = Path(__file__).parents[2] / "manifests" / "examples" / "gitea-issues.yaml"
# The last one is also the newest: the one at the boundary, where the second fetch begins.
EDITED = [3, 60, 61, 200, 250]


@pytest.fixture(scope="module")
def gitea(postgres, tmp_path_factory):
    built = Gitea()
    if not built.ready():
        pytest.skip("Gitea is not built: make gitea")
    with real.running(tmp_path_factory.mktemp("gitea"), built, postgres) as server:
        yield server


@pytest.fixture(scope="module")
def shop(gitea):
    return gitea.repository("shop", issues=250)


def by_plugin(gitea, shop):
    return "github", {
        "server": "gitea",
        "baseUrl": gitea.api,
        "repositories": [shop],
        "tables": ["issues"],
    }


def by_yaml(gitea, shop):
    """The example as it stands, but for the address."""
    (spec,) = (
        body["spec"]
        for body in yaml.safe_load_all(EXAMPLE.read_text())
        if body["kind"] == "Integration"
    )
    return spec["service"], spec["config"] | {"baseUrl": f"{gitea.api}/repos/{shop}"}


@pytest.fixture(params=["duckdb", "postgres"])
def target(request, pod):
    """A pod, and how to ask what it has loaded."""
    if request.param == "duckdb":
        return pod, pod.rows
    warehouse = request.getfixturevalue("warehouse")
    return warehouse, request.getfixturevalue("postgres").rows


@pytest.mark.parametrize("written", [by_plugin, by_yaml])
def test_of_250_issues_exactly_the_5_that_were_edited_change(gitea, shop, target, written):
    pod, ask = target
    pod.service, pod.config = written(gitea, shop)
    pod.secret(token=gitea.token)
    dataset = pod.destination["dataset"]

    def issues():
        rows = ask(f"SELECT number, title, updated_at, _dlt_load_id FROM {dataset}.issues")
        assert len(rows) == 250, "none is missing and none is there twice"
        return {number: rest for number, *rest in rows}

    gitea.spread()
    assert pod.fetch().message == {"rows": 250}
    before = issues()
    assert set(before) == set(range(1, 251))
    # Another one each time: Gitea takes no notice of an edit that changes nothing.
    title = f"edited {secrets.token_hex(4)}"
    for number in EDITED:
        gitea.edit(shop, number, title)
    assert pod.fetch().message == {"rows": 5}
    after = issues()
    assert sorted(number for number in after if after[number] != before[number]) == EDITED
    assert {after[number][0] for number in EDITED} == {title}
    for number in EDITED:
        changed = [new != old for new, old in zip(after[number], before[number], strict=True)]
        assert changed == [True, True, True], number


def test_times_of_a_server_that_is_not_in_utc_arrive_in_utc(gitea, shop, pod):
    pod.service, pod.config = by_plugin(gitea, shop)
    pod.secret(token=gitea.token)
    assert pod.fetch().exit == 0
    written = gitea.ask("GET", f"repos/{shop}/issues/7")["updated_at"]
    assert written.endswith("+05:30"), "the server says it in a zone of its own"
    ((kept,),) = pod.rows("SELECT epoch(updated_at) FROM issues WHERE number = 7")
    assert kept == datetime.fromisoformat(written).timestamp()


def test_each_table_of_the_plugin_is_filled_and_of_it_only_what_is_new_is_loaded_again(gitea, pod):
    name = gitea.repository("forum", issues=2)

    def write(path, **more):
        body = {"content": base64.b64encode(path.encode()).decode(), "message": path, **more}
        sha = gitea.ask("POST", f"repos/{name}/contents/{path}", body)["commit"]["sha"]
        gitea.wait_told(name, sha)
        return sha

    def loaded():
        """Of each table its keys, with the load that brought them."""
        keys = dict.fromkeys(TABLES, "id") | {"commits": "sha"}
        return {
            table: dict(pod.rows(f"SELECT {key}, _dlt_load_id FROM {table}"))
            for table, key in keys.items()
        }

    first = write("first.txt")
    write("second.txt", new_branch="topic")
    pull = gitea.ask(
        "POST", f"repos/{name}/pulls", {"title": "second", "head": "topic", "base": "main"}
    )
    release = gitea.ask("POST", f"repos/{name}/releases", {"tag_name": "v1", "name": "v1"})
    gitea.ask("POST", f"repos/{name}/releases", {"tag_name": "v2", "name": "v2"})

    pod.service, pod.config = by_plugin(gitea, name)
    pod.config["tables"] = TABLES
    pod.secret(token=gitea.token)
    assert pod.fetch().exit == 0
    before = loaded()
    sizes = {table: len(keys) for table, keys in before.items()}
    events = sizes.pop("events")
    # The pull request is no issue, and the commit of another branch is not in the default one's.
    assert sizes == {"issues": 2, "pull_requests": 1, "releases": 2, "commits": 2}
    assert first in before["commits"]
    assert events > 0
    assert pod.fetch().message == {"rows": 0}

    third = write("third.txt")
    gitea.ask("PATCH", f"repos/{name}/pulls/{pull['number']}", {"title": "edited"})
    gitea.ask("PATCH", f"repos/{name}/releases/{release['id']}", {"name": "edited"})
    assert pod.fetch().exit == 0
    after = loaded()
    changed = {
        table: sorted(key for key in after[table] if after[table][key] != before[table].get(key))
        for table in TABLES
    }
    assert len(changed.pop("events")) == len(after["events"]) - events > 0
    assert changed == {
        "issues": [],
        "pull_requests": [pull["id"]],
        "releases": [release["id"]],
        "commits": [third],
    }


def by_sign_in(gitea, pod):
    """The example, signed in as somebody who has let a client in."""
    name = gitea.repository(f"diary_{secrets.token_hex(4)}", issues=3)
    pod.service, pod.config = by_yaml(gitea, name)
    token_url = f"{gitea.api.removesuffix('/api/v1')}/login/oauth/access_token"
    pod.config["auth"] = {"type": "oauth2RefreshToken", "tokenUrl": token_url}
    return gitea.authorised()


def test_a_refresh_token_that_is_good_once_is_followed_from_fetch_to_fetch(gitea, pod, service):
    keys = by_sign_in(gitea, pod)
    secret = Secret(service, **keys)
    written_back(pod, secret)
    pod.environment["API_SERVER"] = service.url
    held = [keys["refresh_token"]]
    for _fetch in range(3):
        ended = pod.fetch()
        assert (ended.exit, ended.said) == (0, "")
        assert pod.rows("SELECT count(*) FROM issues") == [(3,)]
        held.append(secret.values["refresh_token"])
        assert secret.values == keys | {"refresh_token": held[-1]}
    assert len(set(held)) == 4, "each fetch was given another one"


def test_without_write_back_the_first_fetch_says_what_the_second_ends_with(gitea, pod):
    pod.secret(**by_sign_in(gitea, pod))
    ended = pod.fetch()
    assert ended.exit == 0
    assert "a new refresh_token, which was not saved" in ended.said
    ended = pod.fetch()
    assert (ended.exit, ended.message["reason"]) == (10, "InvalidCredentials")
    assert "the refresh token was used before" in ended.said

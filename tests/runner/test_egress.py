"""Where a fetch cannot connect to, with a real `spark-fetch` in a network of its own.

There the addresses that are refused answer, so that a guard that is not there is noticed.
"""

import itertools
import os

import pytest
from tests.support.network import network, possible
from tests.support.secret import Secret, written_back

from spark_plugins.testing import Answer, Service, json_answer

METADATA, API, API_TOO = "169.254.169.254", "10.96.0.1", "10.97.0.1"
SHOP, PUBLIC, ULA = "10.99.0.1", "93.184.216.34", "fd99::1"
ADDRESSES = [f"{a}/32" for a in (METADATA, API, API_TOO, SHOP, PUBLIC)] + [f"{ULA}/128"]
CLIENTS = [
    "session",
    "plain_requests",
    "dlt_requests",
    "urllib_request",
    "http_client",
    "asyncio_streams",
    "aiohttp_session",
    "connect",
    "connect_ex",
    "cut_name",
    "cut_bytes",
    "mapped",
    "fast_open",
    "thread",
]


@pytest.fixture(scope="module")
def net(tmp_path_factory):
    if not possible():
        pytest.skip("a network of its own needs root")
    with network(tmp_path_factory.mktemp("network"), ADDRESSES) as made:
        yield made


class Everywhere:
    """One service on every address and one port; `at` counts what an address was asked."""

    def __init__(self, net):
        self.service = net.inside(lambda: Service("0.0.0.0"))
        self.port = self.service.url.rpartition(":")[2]
        self.service.otherwise(json_answer([{"id": 1}]))
        self.service.on("/turn", lambda r: Answer(302, b"", {"Location": r.query["to"]}))

    def url(self, host, path="/"):
        return f"http://{host}:{self.port}{path}"

    @property
    def asked(self):
        """Hosts as the requests named them."""
        return [request.header("host").rpartition(":")[0] for request in self.service.requests]


@pytest.fixture
def everywhere(net):
    made = Everywhere(net)
    net.names.clear()
    net.names |= {
        "kubernetes.default.svc": [API_TOO],
        "shop.example.svc": [SHOP],
        "other.internal": [SHOP],
        "shop": [SHOP],
        "public.example": [PUBLIC],
        "metadata.example.svc": [METADATA],
        "loopback.example.svc": ["127.0.0.1"],
    }
    with made.service:
        yield made


@pytest.fixture
def guarded(pod, net):
    """A pod of a cluster, in that network."""
    pod.environment = {
        "KUBERNETES_SERVICE_HOST": API,
        "PLUGIN": "plugins_for_tests:Asks",
        "NETWORK": str(net.pid),
    }
    pod.service = "asks"
    return pod


def fetch(pod, *urls, client="session", opened=()):
    pod.config = {"urls": list(urls), "client": client}
    pod.egress_hosts = list(opened)
    return pod.fetch()


def refused(ended, everywhere, *words, asked=()):
    """With a message that says what was refused and why, and nothing was sent but what is named."""
    assert ended.exit == 10, ended.stderr
    assert ended.message["reason"] == "InvalidConfig"
    for word in words:
        assert word in ended.said
    assert everywhere.asked == list(asked)


def test_a_public_address_needs_no_mention(guarded, everywhere):
    ended = fetch(guarded, everywhere.url("public.example"), everywhere.url(PUBLIC))
    assert (ended.exit, ended.message) == (0, {"rows": 2}), ended.stderr
    assert everywhere.asked == ["public.example", PUBLIC]


@pytest.mark.parametrize("client", CLIENTS)
def test_no_client_reaches_the_metadata_of_the_cloud(guarded, everywhere, client):
    ended = fetch(guarded, everywhere.url(METADATA), client=client, opened=["0.0.0.0/0"])
    refused(ended, everywhere, "link-local", "no egressHosts opens it", "Nothing was sent")


@pytest.mark.parametrize("client", CLIENTS)
def test_no_client_reaches_a_private_address_since_some_name_is_open(guarded, everywhere, client):
    ended = fetch(guarded, everywhere.url(SHOP), client=client, opened=["*.example.svc"])
    refused(ended, everywhere, "is a private address")


@pytest.mark.parametrize("client", ["cut_name", "cut_bytes"])
def test_what_c_reads_otherwise_than_it_is_written_ends_what_a_name_has_opened(
    guarded, everywhere, client
):
    url = everywhere.url("shop.example.svc")
    ended = fetch(guarded, url, client=client, opened=["*.example.svc"])
    refused(ended, everywhere, f"{SHOP} is a private address")


@pytest.mark.parametrize("client", ["session", "asyncio_streams", "aiohttp_session", "thread"])
def test_an_allowed_host_is_reached_by_its_name_whatever_the_client(guarded, everywhere, client):
    ended = fetch(
        guarded, everywhere.url("shop.example.svc"), client=client, opened=["*.example.svc"]
    )
    assert ended.message == {"rows": 1}, ended.stderr
    assert len(everywhere.asked) == 1


@pytest.mark.parametrize("client", ["sendto", "sendmsg"])
def test_no_datagram_is_sent_there(guarded, everywhere, client):
    ended = fetch(guarded, everywhere.url(METADATA), client=client)
    refused(ended, everywhere, METADATA, "link-local")


@pytest.mark.parametrize(
    ("host", "what"),
    [
        ("localhost", "localhost ("),
        ("localhost", "loopback"),
        ("127.0.0.1", "loopback"),
        ("127.1", "loopback"),
        ("2130706433", "loopback"),
        ("0x7f.1", "loopback"),
        ("0177.0.0.1", "loopback"),
        ("0", "unspecified"),
        ("0.0.0.0", "unspecified"),
        ("[::]", "unspecified"),
        ("[::1]", "loopback"),
        ("[::ffff:127.0.0.1]", "loopback"),
        ("[::ffff:a9fe:a9fe]", "link-local"),
        ("[64:ff9b::a9fe:a9fe]", "link-local"),
        ("[2002:a9fe:a9fe::1]", "link-local"),
        ("[fe80::a9fe:a9fe]", "link-local"),
        ("[fd00:ec2::254]", "metadata"),
        ("2852039166", "link-local"),
        ("metadata.example.svc", "metadata.example.svc (169.254.169.254) is a link-local"),
        ("loopback.example.svc", "loopback.example.svc (127.0.0.1) is a loopback"),
        (API, "API server"),
        (API_TOO, "API server"),
        ("kubernetes.default.svc", "API server"),
    ],
)
def test_what_nothing_opens_is_refused_in_every_way_to_write_it(guarded, everywhere, host, what):
    opened = ["0.0.0.0/0", "::/0", "*.example.svc", "metadata.example.svc", "loopback.example.svc"]
    refused(fetch(guarded, everywhere.url(host), opened=opened), everywhere, what)


@pytest.mark.parametrize(
    ("host", "opened"),
    [
        (SHOP, []),
        ("shop.example.svc", []),
        (
            "shop.example.svc",
            ["example.svc", "op.example.svc", "*.shop.example.svc", "10.98.0.0/16"],
        ),
        (f"[{ULA}]", ["10.0.0.0/8"]),
        ("other.internal", ["*.example.svc"]),
    ],
)
def test_a_private_address_is_refused_where_the_plugin_does_not_open_it(
    guarded, everywhere, host, opened
):
    ended = fetch(guarded, everywhere.url(host), opened=opened)
    name = host.strip("[]")
    refused(
        ended,
        everywhere,
        name,
        "a private address",
        f'an administrator adds "{name}" to spec.egressHosts of Plugin "asks"',
        "Then fetch with kubectl annotate integration alice",
    )


@pytest.mark.parametrize(
    ("host", "opened"),
    [
        (SHOP, ["10.99.0.0/16"]),
        (SHOP, [SHOP]),
        ("other.internal", ["10.99.0.0/16"]),
        ("shop.example.svc", ["shop.example.svc"]),
        ("SHOP.example.svc", ["*.example.svc"]),
    ],
)
def test_and_reached_where_it_does(guarded, everywhere, host, opened):
    ended = fetch(guarded, everywhere.url(host), opened=opened)
    assert ended.message == {"rows": 1}, ended.stderr


def test_and_so_with_ipv6(guarded, everywhere):
    ended = fetch(guarded, everywhere.url(f"[{ULA}]"), opened=["fd99::/64"])
    # Nothing listens there: the kernel says so, and we let it.
    assert ended.said == f"{ULA} cannot be reached: the connection is refused."


def test_another_name_of_a_host_that_is_open_does_not_profit_from_it(guarded, everywhere):
    urls = [everywhere.url("shop.example.svc"), everywhere.url("other.internal")]
    ended = fetch(guarded, *urls, opened=["shop.example.svc"])
    refused(ended, everywhere, "other.internal", "private", asked=["shop.example.svc"])


def test_a_name_without_a_dot_cannot_be_opened_and_the_message_says_what_can(guarded, everywhere):
    refused(
        fetch(guarded, everywhere.url("shop")), everywhere, 'the full name of "shop"', ".svc, and"
    )


@pytest.mark.parametrize(
    ("to", "what"),
    [
        (METADATA, "link-local"),
        (API, "API server"),
        ("other.internal", "other.internal (10.99.0.1) is a private address"),
        ("localhost", "loopback"),
    ],
)
@pytest.mark.parametrize("client", ["session", "plain_requests", "urllib_request"])
def test_a_redirect_of_a_host_that_is_open_leads_nowhere_else(
    guarded, everywhere, client, to, what
):
    start = everywhere.url("shop.example.svc", f"/turn?to={everywhere.url(to)}")
    ended = fetch(guarded, start, client=client, opened=["shop.example.svc"])
    refused(ended, everywhere, what, asked=["shop.example.svc"])


@pytest.mark.parametrize("then", ["127.0.0.1", METADATA, API])
def test_a_name_whose_address_changes_after_it_was_checked_leads_nowhere_else(
    guarded, everywhere, net, then
):
    net.names["turns.example.svc"] = itertools.chain([[PUBLIC]], itertools.repeat([then]))
    ended = fetch(
        guarded,
        everywhere.url("turns.example.svc"),
        client="checked_session",
        opened=["*.example.svc"],
    )
    assert net.asked.count("turns.example.svc") >= 2
    refused(ended, everywhere, f"turns.example.svc ({then})")


def test_a_name_whose_address_changes_between_two_requests_leads_nowhere_else(
    guarded, everywhere, net
):
    net.names["turns.example"] = itertools.chain([[PUBLIC]], itertools.repeat([SHOP]))
    url = everywhere.url("turns.example")
    ended = fetch(guarded, url, url)
    refused(ended, everywhere, f"turns.example ({SHOP}) is a private", asked=["turns.example"])


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("client", ["plain_requests", "urllib_request"])
def test_a_proxy_of_the_environment_is_no_way_round(guarded, everywhere, client, variable):
    guarded.environment[variable] = everywhere.url(PUBLIC)
    ended = fetch(guarded, everywhere.url(METADATA), client=client)
    refused(ended, everywhere, METADATA)


def test_a_socket_that_is_connected_by_name_is_refused_and_its_author_told_why(guarded, everywhere):
    ended = fetch(guarded, everywhere.url("public.example"), client="by_name")
    refused(ended, everywhere, "public.example", "socket.getaddrinfo")


def test_an_entry_that_cannot_be_read_is_the_administrators_to_mend(guarded, everywhere):
    ended = fetch(guarded, everywhere.url(PUBLIC), opened=["shop", PUBLIC])
    refused(ended, everywhere, 'spec.egressHosts of Plugin "asks" holds "shop"')


@pytest.mark.parametrize(
    ("service", "config"),
    [
        ("rss", {"url": "URL"}),
        ("ical", {"url": "URL"}),
        ("ical", {"protocol": "caldav", "url": "URL"}),
        (
            "rest",
            {
                "baseUrl": "URL",
                "resources": [{"name": "items", "path": "items", "primaryKey": ["id"]}],
            },
        ),
        (
            "rest",
            {
                "baseUrl": "http://public.example",
                "auth": {"type": "oauth2ClientCredentials", "tokenUrl": "URL"},
                "resources": [{"name": "items", "path": "items", "primaryKey": ["id"]}],
            },
        ),
        (
            "github",
            {"server": "gitea", "baseUrl": "URL", "repositories": ["a/b"], "tables": ["issues"]},
        ),
    ],
)
@pytest.mark.parametrize("mode", ["fetch", "check"])
def test_every_bundled_plugin_that_takes_an_address_is_held_to_it(
    guarded, everywhere, service, config, mode
):
    del guarded.environment["PLUGIN"]
    guarded.service, guarded.mode = service, mode
    guarded.secret(client_id="an-app", client_secret="canary-of-the-app", token="canary-token")
    url = everywhere.url(METADATA, "/x")
    guarded.config = {key: url if value == "URL" else value for key, value in config.items()}
    if "auth" in config:
        guarded.config["auth"] = config["auth"] | {"tokenUrl": url}
    refused(guarded.fetch(), everywhere, METADATA, "link-local")


# --- where the API server is


def test_an_api_server_that_is_known_by_name_is_refused_by_its_address(guarded, everywhere, net):
    net.names["api.cloud.example"] = [PUBLIC]
    guarded.environment["KUBERNETES_SERVICE_HOST"] = "api.cloud.example"
    for host in (PUBLIC, "api.cloud.example", "public.example"):
        refused(fetch(guarded, everywhere.url(host)), everywhere, "API server")


def test_while_nobody_can_tell_where_it_is_nothing_is_connected_to(guarded, everywhere):
    guarded.environment["KUBERNETES_SERVICE_HOST"] = "api.gone.example"
    ended = fetch(guarded, everywhere.url(PUBLIC))
    assert (ended.exit, "api.gone.example cannot be resolved" in ended.said) == (1, True)
    assert everywhere.asked == []


def test_a_dns_that_fails_now_and_then_is_asked_again(guarded, everywhere, net):
    # C itself asks twice.
    net.names["kubernetes.default.svc"] = itertools.chain(
        itertools.repeat(None, 4), itertools.repeat([API_TOO])
    )
    refused(fetch(guarded, everywhere.url(API_TOO), opened=["0.0.0.0/0"]), everywhere, "API server")


def test_while_dns_fails_nothing_is_connected_to_since_the_api_server_may_be_there(
    guarded, everywhere, net
):
    net.names["kubernetes.default.svc"] = itertools.repeat(None)
    ended = fetch(guarded, everywhere.url(API_TOO), opened=["0.0.0.0/0"])
    assert (ended.exit, "kubernetes.default.svc cannot be resolved" in ended.said) == (1, True)
    assert everywhere.asked == []


def test_a_cluster_without_names_of_its_own_fetches(guarded, everywhere, net):
    del net.names["kubernetes.default.svc"]
    assert fetch(guarded, everywhere.url(PUBLIC)).message == {"rows": 1}


# --- what is exempt


def test_dns_can_be_asked_in_python_and_nothing_else_at_its_server(guarded, everywhere, net):
    ended = fetch(guarded, "http://10.99.0.53:53", client="dns")
    assert ended.message == {"rows": 1}, ended.stderr
    assert "asked.by.python" in net.asked
    for url, client in (("http://10.99.0.53:54", "dns"), ("http://10.99.0.53:53", "connect")):
        refused(fetch(guarded, url, client=client), everywhere, "10.99.0.53", "private")


def test_credentials_are_written_back_while_the_plugin_itself_is_kept_away_from_the_api_server(
    guarded, everywhere
):
    secret = Secret(everywhere.service, refresh_token="canary-r0")
    written_back(guarded, secret)
    guarded.environment["API_SERVER"] = everywhere.url(API)
    ended = fetch(guarded, everywhere.url(API, "/api/v1/secrets"), opened=["10.0.0.0/8"])
    assert secret.values["refresh_token"] == "renewed"
    # The mark, the save, and nothing after them.
    refused(ended, everywhere, "API server", asked=[API] * 3)


def lake(pod, endpoint):
    pod.destination = {
        "type": "filesystem",
        "bucketUrl": "s3://bucket",
        "secretName": "lake",
        "dataset": "team_a_alice",
    }
    pod.warehouse(access_key_id="id", secret_access_key="canary-key", endpoint=endpoint)


def test_a_bucket_at_a_private_address_is_reached(guarded, everywhere):
    lake(guarded, everywhere.url("other.internal"))
    everywhere.service.on("/bucket", Answer(404, b"<Code>NoSuchBucket</Code>"))
    ended = fetch(guarded, everywhere.url(PUBLIC))
    assert "NoSuchBucket" in ended.said
    assert everywhere.asked == ["other.internal"]


def test_a_bucket_is_not_the_metadata_of_the_cloud(guarded, everywhere):
    lake(guarded, everywhere.url(METADATA))
    refused(fetch(guarded, everywhere.url(PUBLIC)), everywhere, METADATA, "link-local")


def test_a_postgres_on_loopback_is_loaded(warehouse):
    warehouse.environment = {
        "KUBERNETES_SERVICE_HOST": API,
        "PLUGIN": "plugins_for_tests:Asks",
    }
    warehouse.service = "asks"
    ended = fetch(warehouse, "", client="nothing")
    assert ended.message == {"rows": 1}, ended.stderr


# --- where there is no cluster


def test_on_a_developers_machine_nobody_is_kept_from_his_own_services(made, service):
    service.otherwise(json_answer([]))
    pod = made("Asks")
    assert "KUBERNETES_SERVICE_HOST" not in {**os.environ, **pod.environment}
    assert fetch(pod, service.url).message == {"rows": 1}

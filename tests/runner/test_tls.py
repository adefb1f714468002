"""Certificates are verified, and nothing that a tenant writes turns that off."""

import json
import ssl
import subprocess
from pathlib import Path

import pytest
import requests
import yaml

from spark_plugins.http import Session
from spark_plugins.testing import Service, json_answer

PLUGINS = Path(__file__).parents[2] / "charts" / "spark-integrations" / "files" / "plugins"
ITEMS = [{"name": "items", "path": "items", "primaryKey": ["id"]}]
# Those that take an address, which becomes URL.
CONFIGS = {
    "github": {"server": "gitea", "baseUrl": "URL", "repositories": ["a/b"], "tables": ["issues"]},
    "ical": {"url": "URL"},
    "rest": {"baseUrl": "URL", "resources": ITEMS},
    "rss": {"url": "URL"},
}


@pytest.fixture
def untrusted(tmp_path):
    """A service with a certificate that it has made itself, for the name by which it is asked."""
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 "
        "-subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 -keyout tls.key -out tls.crt"
    )
    subprocess.run(
        command.split(),
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "tls.crt", tmp_path / "tls.key")
    with Service(tls=context) as service:
        service.otherwise(json_answer([{"id": 1}]))
        yield service


def written(config, url):
    return json.loads(json.dumps(config).replace("URL", url))


@pytest.mark.parametrize("service", CONFIGS)
@pytest.mark.parametrize("mode", ["fetch", "check"])
def test_a_certificate_that_nobody_vouches_for_is_refused(pod, untrusted, service, mode):
    pod.service, pod.mode, pod.config = service, mode, written(CONFIGS[service], untrusted.url)
    pod.secret(token="canary-token")
    ended = pod.fetch()
    assert ended.exit == 1
    assert "its certificate or the encryption is not accepted" in ended.said
    assert untrusted.requests == []


def test_so_is_that_of_a_bucket_before_a_signature_is_sent(pod, untrusted):
    pod.config = written(CONFIGS["rest"], untrusted.url)
    pod.destination = {
        "type": "filesystem",
        "bucketUrl": "s3://bucket",
        "secretName": "lake",
        "dataset": "team_a_alice",
    }
    pod.warehouse(access_key_id="id", secret_access_key="canary-key", endpoint=untrusted.url)
    ended = pod.fetch()
    assert (ended.exit, "SSLError" in ended.said) == (1, True)
    assert untrusted.requests == []


@pytest.mark.parametrize("path", sorted(PLUGINS.glob("*.yaml")), ids=lambda path: path.stem)
def test_no_config_has_a_field_for_it_and_an_unknown_one_is_refused(path):
    spec = yaml.safe_load(path.read_text())["spec"]
    names, closed = [], []

    def look(schema):
        if isinstance(schema, dict):
            if isinstance(properties := schema.get("properties"), dict):
                names.extend(name.lower() for name in properties)
                closed.append(schema.get("additionalProperties") is False)
            for part in schema.values():
                look(part)
        elif isinstance(schema, list):
            for part in schema:
                look(part)

    look(spec["configSchema"])
    assert closed
    assert all(closed)
    words = ("verify", "insecure", "certificate", "tls", "ssl", "trust", "proxy", "proxies")
    assert [name for name in names for word in words if word in name] == []


@pytest.mark.parametrize("service", CONFIGS)
@pytest.mark.parametrize("field", ["verify", "insecure", "insecureSkipVerify"])
def test_a_field_that_would_be_one_is_an_error_and_nothing_is_asked(pod, untrusted, service, field):
    pod.service = service
    pod.config = {**written(CONFIGS[service], untrusted.url), field: field != "verify"}
    ended = pod.fetch()
    assert (ended.exit, ended.message["reason"]) == (10, "InvalidConfig")
    assert field in ended.said
    assert untrusted.requests == []


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_nor_does_the_environment(monkeypatch, tmp_path, untrusted, variable):
    """Which is no tenant's, but an image may come with such a line from its making."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, str(tmp_path / "tls.crt"))
    # With it others accept the certificate, so that nothing else refuses it below.
    assert requests.get(untrusted.url, timeout=5).status_code == 200
    untrusted.requests.clear()
    with pytest.raises(requests.exceptions.SSLError):
        Session(deadline=1e12).get(untrusted.url)
    assert untrusted.requests == []

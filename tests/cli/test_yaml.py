"""YAML is read as kubectl reads it, and no credential is taken for something else than its text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spark_cli.exits import Failure
from spark_cli.gather import credentials_of, manifests


def test_a_date_without_quotes_is_a_text(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("spec: {config: {since: 2026-01-31, at: 2026-01-31T18:00:00Z, count: 3}}")
    (document,) = manifests.read(str(path))
    config = document.body["spec"]["config"]
    assert config == {"since": "2026-01-31", "at": "2026-01-31T18:00:00Z", "count": 3}
    assert json.dumps(document.body)


@pytest.mark.parametrize("value", ["012345", "yes", "1.50", "{a: b}"])
@pytest.mark.parametrize("form", ["{}", "kind: Secret\nstringData:\n  {}"])
def test_a_credential_that_is_no_text_is_refused_and_not_repeated(
    tmp_path: Path, form: str, value: str
) -> None:
    path = tmp_path / "credentials.yaml"
    path.write_text(form.replace("{}", f"password: {value}") + "\n")
    with pytest.raises(Failure) as caught:
        credentials_of.of_path(str(path), ["password"])
    assert "quote it" in caught.value.message
    assert value not in caught.value.message
    path.write_text(form.replace("{}", f'password: "{value}"') + "\n")
    assert credentials_of.of_path(str(path), ["password"]) == {"password": value.encode()}


def test_a_date_as_a_credential_is_its_text(tmp_path: Path) -> None:
    path = tmp_path / "credentials.yaml"
    path.write_text("password: 2026-01-31\n")
    assert credentials_of.of_path(str(path), ["password"]) == {"password": b"2026-01-31"}

"""What is known to be wrong is found, however its version is written; and what was not looked at is said."""

from __future__ import annotations

import json
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from dev.errors import RefusalError
from dev.supply import contents, debian, exceptions, osv, scan
from dev.supply.contents import Contents
from dev.supply.debian import Lists
from dev.supply.exceptions import Ignored
from tests.supply.layers import DEBIAN, image

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SITE = "opt/spark/lib/python3.13/site-packages"


@pytest.fixture
def found(tmp_path: Path) -> Contents:
    """An image with libssl3t64 3.5.1-1+b2 and Some.Thing 1.5."""
    files = {**DEBIAN, f"{SITE}/x-1.dist-info/METADATA": "Name: Some.Thing\nVersion: 1.5\n"}
    return contents.of("runner", image(tmp_path / "image.tar", files))


def lists(main: str = "3.5.1-1+b2", security: str = "3.5.1-1") -> Lists:
    return Lists({"libssl3t64": main}, {"libssl3t64": security}, datetime(2026, 2, 28, tzinfo=UTC))


def database(folder: Path, *affected: dict[str, Any], **more: Any) -> osv.Database:
    """A copy of OSV with one advisory on these."""
    record = {
        "id": "PYSEC-2026-1",
        "aliases": ["CVE-2026-1"],
        "modified": "2026-02-20T01:02:03.456789Z",
        "affected": [
            {"package": {"ecosystem": "PyPI", "name": "some_thing"}, **one} for one in affected
        ],
        **more,
    }
    (folder / "PyPI").mkdir()
    with zipfile.ZipFile(folder / "PyPI" / "all.zip", "w") as archive:
        archive.writestr("PYSEC-2026-1.json", json.dumps(record))
    return osv.read(folder)


def between(**events: str) -> dict[str, Any]:
    return {
        "ranges": [{"type": "ECOSYSTEM", "events": [{key: one} for key, one in events.items()]}]
    }


# ---------------------------------------------------------------- Debian


@pytest.mark.parametrize(
    ("main", "security", "waiting"),
    [
        ("3.5.1-1+b2", "3.5.1-1", []),
        ("3.5.1-1+b2", "3.5.1-1+deb13u1", [("3.5.1-1+deb13u1", True)]),
        ("3.5.4-1", "3.5.1-1", [("3.5.4-1", False)]),
        ("3.5.4-1", "3.5.1-1+deb13u1", [("3.5.1-1+deb13u1", True)]),
        ("3.5.10-1", "3.5.1-1~deb13u9", [("3.5.10-1", False)]),
    ],
)
def test_a_version_of_debian_waits_if_dpkg_calls_it_newer(
    found: Contents, main: str, security: str, waiting: list[tuple[str, bool]]
) -> None:
    listed = lists(main, security).waiting(found.packages)
    assert [(one.version, one.security) for one in listed] == waiting


def test_a_security_update_that_waits_is_open_and_another_is_a_note(found: Contents) -> None:
    report = scan.scan([found, found], lists(security="3.5.1-2"), None, {}, NOW)
    assert report.open == ["libssl3t64 3.5.1-1+b2: 3.5.1-2 is a security update"]
    assert report.failed
    report = scan.scan([found], lists(main="3.5.1-2"), None, {}, NOW)
    assert not report.failed
    assert "1 packages of Debian have newer versions, not for security" in report.notes


def test_the_lists_of_debian_are_read_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a network, half a download must not pass for the whole."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("DEBIAN_MIRROR", "http://127.0.0.1:9")
    monkeypatch.setenv("DEBIAN_SECURITY_MIRROR", "http://127.0.0.1:9")
    folder = tmp_path / "spark-integrations" / "apt" / "lists"
    folder.mkdir(parents=True)
    host = "deb.debian.org_debian"
    (folder / f"{host}_dists_trixie_main_binary-amd64_Packages").write_text(
        "Package: libc6\nVersion: 2.41-1\n\n"
    )
    (folder / f"{host}-security_dists_trixie-security_InRelease").write_text(
        "Suite: stable-security\nDate: Sat, 28 Feb 2026 02:22:31 UTC\n"
    )
    with pytest.raises(RefusalError, match="none to be had"):
        debian.lists()
    (folder / f"{host}-security_dists_trixie-security_main_binary-amd64_Packages").write_text(
        "Package: libc6\nVersion: 2.41-2\n\nPackage: libc6\nVersion: 2.41-10\n"
    )
    whole = debian.lists()
    assert whole.signed == datetime(2026, 2, 28, 2, 22, 31, tzinfo=UTC)
    assert (whole.main, whole.security) == ({"libc6": "2.41-1"}, {"libc6": "2.41-10"})


# ---------------------------------------------------------------- Python


@pytest.mark.parametrize(
    ("affected", "hit"),
    [
        ({"versions": ["1.4", "1.5"]}, True),
        ({"versions": ["1.4"]}, False),
        (between(introduced="0", fixed="1.5"), False),
        (between(introduced="0", fixed="1.5.1"), True),
        (between(introduced="0", fixed="1.10"), True),
        (between(introduced="1.5.post1"), False),
        (between(introduced="1.5rc1", last_affected="1.5"), True),
        (between(introduced="0", last_affected="1.4.9"), False),
        (between(introduced="not a version"), True),
    ],
)
def test_a_version_is_open_to_what_lists_it_or_has_it_in_a_range(
    found: Contents, tmp_path: Path, affected: dict[str, Any], hit: bool
) -> None:
    advisories = database(tmp_path, affected).judge(found.distributions)
    assert [one.ids for one in advisories] == ([("PYSEC-2026-1", "CVE-2026-1")] if hit else [])


def test_what_was_withdrawn_or_is_about_another_is_not_found(
    found: Contents, tmp_path: Path
) -> None:
    for number, more in enumerate(
        (
            {"withdrawn": "2026-02-21T00:00:00Z"},
            {
                "affected": [
                    {"package": {"ecosystem": "npm", "name": "some-thing"}, "versions": ["1.5"]}
                ]
            },
        )
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert database(folder, {"versions": ["1.5"]}, **more).judge(found.distributions) == []


@pytest.mark.parametrize("content", [None, b"", b"no zip"])
def test_what_is_no_copy_of_osv_is_refused_with_where_it_is(
    tmp_path: Path, content: bytes | None
) -> None:
    (tmp_path / "PyPI").mkdir()
    if content is not None:
        (tmp_path / "PyPI" / "all.zip").write_bytes(content)
    with pytest.raises(RefusalError, match=r"PyPI/all\.zip"):
        osv.read(tmp_path)


def test_an_empty_copy_is_not_taken_for_good_news(tmp_path: Path) -> None:
    (tmp_path / "PyPI").mkdir()
    zipfile.ZipFile(tmp_path / "PyPI" / "all.zip", "w").close()
    with pytest.raises(RefusalError, match="holds no advisory"):
        osv.read(tmp_path)


def test_what_was_not_looked_at_and_how_old_the_rest_is_are_said(
    found: Contents, tmp_path: Path
) -> None:
    notes = scan.scan([found], None, None, {}, NOW).notes
    assert [note for note in notes if "NOT SCANNED" in note] == notes
    assert len(notes) == 2
    notes = scan.scan([found], lists(), database(tmp_path, {}), {}, NOW).notes
    assert notes == [
        "Debian's security updates: of 2026-02-28, 1 days ago",
        "1 advisories on Python's distributions: of 2026-02-20, 8 days ago",
    ]
    later = datetime(2026, 4, 1, tzinfo=UTC)
    assert "OLD" in scan.scan([found], lists(), None, {}, later).notes[0]


# ---------------------------------------------------------------- exceptions


def test_an_exception_holds_until_its_day_and_by_any_name(found: Contents, tmp_path: Path) -> None:
    known = database(tmp_path, {"versions": ["1.5"]}, summary="Bad.")
    accepted = {"CVE-2026-1": Ignored("CVE-2026-1", date(2026, 3, 2), "never called here")}
    report = scan.scan([found], lists(), known, accepted, NOW)
    assert not report.failed
    assert "never called here" in report.ignored[0]
    report = scan.scan([found], lists(), known, accepted, datetime(2026, 3, 2, tzinfo=UTC))
    assert report.stale == ["CVE-2026-1 ran out on 2026-03-02: look at it again"]
    assert report.open == [
        "Some.Thing 1.5: PYSEC-2026-1 CVE-2026-1: Bad. (no version is without it)"
    ]


def test_an_exception_that_nothing_needs_must_go_once_all_was_looked_at(
    found: Contents, tmp_path: Path
) -> None:
    accepted = {"CVE-2020-1": Ignored("CVE-2020-1", date(2026, 4, 1), "never called here")}
    assert not scan.scan([found], lists(), None, accepted, NOW).failed
    report = scan.scan([found], lists(), database(tmp_path, {}), accepted, NOW)
    assert report.stale == ["CVE-2020-1 is found no more: remove it"]


@pytest.mark.parametrize(
    "fields",
    [
        'id = "X"\nreason = "a real reason"',
        'id = "X"\nignoreUntil = 2026-04-01',
        'id = "X"\nignoreUntil = 2026-04-01\nreason = "later"',
        'ignoreUntil = 2026-04-01\nreason = "a real reason"',
        'id = "X"\nignoreUntil = 2027-03-01\nreason = "a real reason"',
    ],
)
def test_an_exception_without_reason_or_end_is_refused(tmp_path: Path, fields: str) -> None:
    path = tmp_path / "exceptions.toml"
    path.write_text(f"[[IgnoredVulns]]\n{fields}\n")
    with pytest.raises(RefusalError, match=r"needs id|lasts longer"):
        exceptions.read(NOW.date(), path)


def test_ours_can_be_read() -> None:
    assert isinstance(exceptions.read(datetime.now(UTC).date()), dict)

"""The pages of the kinds name each field with its default and range, and each reason that the code has."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support import crds
from tests.support.pages import DOCS, ROOT, tables

from spark_operator.model import status
from spark_operator.model.status import ErrorClass, Reason

KINDS = ("Integration", "Plugin", "Scheduler")
OPERATOR = ROOT / "operator" / "spark_operator"


def page(kind: str) -> Path:
    return DOCS / f"{kind.lower()}.md"


def table(path: Path, *header: str) -> dict[str, tuple[str, ...]]:
    """The rows of all tables with that header, by their first cell without backticks."""
    found: dict[str, tuple[str, ...]] = {}
    for first, *rest in tables(path):
        if first == header:
            for row in rest:
                name = row[0].replace("`", "")
                assert name not in found, f"{name} has two rows"
                found[name] = row[1:]
    return found


def spec_rows(kind: str) -> dict[str, tuple[str, ...]]:
    return table(page(kind), "field", "default", "allowed", "what it says")


def status_rows(kind: str) -> dict[str, tuple[str, ...]]:
    return table(page(kind), "field", "what it says")


def expected(kind: str) -> set[str]:
    """Its fields; those of the fetch before a check, which are the run's once more, as one."""
    names = set(crds.fields(kind))
    again = {name for name in names if name.startswith("status.lastFetch.")}
    if again:
        run = {n.removeprefix("status.run.") for n in names if n.startswith("status.run.")}
        assert {n.removeprefix("status.lastFetch.") for n in again} == run
        names = names - again | {"status.lastFetch.*"}
    return names


def default(schema: dict[str, Any]) -> str | None:
    """How a default is written, or None where the CRD has none."""
    if "default" not in schema:
        return None
    value = schema["default"]
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def allowed(schema: dict[str, Any]) -> str:
    """How the CRD's bounds are written."""
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    match schema["type"]:
        case "boolean":
            return "true or false"
        case "integer" if "minimum" in schema:
            return f"{schema['minimum']} to {schema['maximum']}"
        case "integer":
            return "a whole number"
        case "string" if "minLength" in schema:
            return f"{schema['minLength']} to {schema['maxLength']} characters"
        case "string":
            return f"at most {schema['maxLength']} characters"
        case "array":
            most, each = schema["maxItems"], allowed(schema["items"])
            what = "entries" if schema["items"]["type"] == "string" else "numbers"
            return f"{schema.get('minItems', 0)} to {most} {what}, each {each}"
        case "object" if "additionalProperties" in schema:
            return f"at most {schema['maxProperties']} entries"
    return "an object"


@pytest.mark.parametrize("kind", KINDS)
def test_each_field_has_one_row_and_each_row_a_field(kind: str) -> None:
    assert {*spec_rows(kind), *status_rows(kind)} == expected(kind)


@pytest.mark.parametrize("kind", KINDS)
def test_default_and_range_of_each_field_are_those_of_the_crd(kind: str) -> None:
    fields = crds.fields(kind)
    for name, (shown_default, shown_allowed, _) in spec_rows(kind).items():
        assert shown_allowed == allowed(fields[name]), name
        written = default(fields[name])
        if written is not None:
            assert shown_default == written, name


def test_where_the_crd_has_no_default_the_page_shows_that_of_the_code() -> None:
    from spark_operator.model import names, scheduler

    integration, its_scheduler = spec_rows("Integration"), spec_rows("Scheduler")
    claim = f"`{names.DEFAULT_VOLUME_CLAIM}`"
    assert integration["spec.destination.claimName"][0] == claim
    assert its_scheduler["spec.destination.claimName"][0] == claim
    assert its_scheduler["spec.destination.type"][0] == f"`{scheduler.DEFAULT_DESTINATION.type}`"


def test_each_reason_of_ready_has_a_row_with_cause_and_cure() -> None:
    found = table(page("Integration"), "reason", "Ready", "cause", "what to do")
    assert set(found) == {str(reason) for reason in Reason}
    assert all(cell for row in found.values() for cell in row)


def test_the_status_of_ready_beside_each_reason_is_that_of_the_code() -> None:
    from spark_operator.decide import conditions

    for name, (ready, *_) in table(
        page("Integration"), "reason", "Ready", "cause", "what to do"
    ).items():
        reason = Reason(name)
        fixed = "False" if reason in conditions._NOT_READY else None
        fixed = "True" if reason is Reason.FETCHED else fixed
        assert ready == (fixed or "as before"), name


def test_the_reasons_of_stalled_are_those_of_the_code() -> None:
    from spark_operator.decide import conditions

    row = table(page("Integration"), "condition", "True", "False", "Unknown")["Stalled"][0]
    assert {str(r) for r in Reason if f"`{r}`" in row} == {str(r) for r in conditions._STALLED}


def test_each_error_class_has_a_row() -> None:
    found = table(page("Integration"), "class", "what happened", "tried again")
    assert set(found) == {str(error_class) for error_class in ErrorClass}


def announced() -> Iterator[str]:
    """The reasons of Events that are no reason of a condition: a text, or a member of an enum of the model."""
    for file in OPERATOR.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Announcement":
                for keyword in node.keywords:
                    if keyword.arg == "reason":
                        yield from set(_spelt_out(keyword.value)) - set(Reason)


def _spelt_out(value: ast.expr) -> Iterator[str]:
    match value:
        case ast.Constant():
            yield str(value.value)
        case ast.Attribute(value=ast.Name(id=enum), attr=member) if hasattr(status, enum):
            yield str(getattr(status, enum)[member])


def test_each_reason_of_an_event_has_a_row() -> None:
    found = table(page("Integration"), "reason", "type", "what it says")
    assert set(found) == set(announced())

"""What is wrong with a config, in words that its user can act upon."""

from __future__ import annotations

from tests.decide.make import integration, plugin, spec

from spark_operator.decide.validity import Schema, config_problem

STRICT = {
    "type": "object",
    "required": ["baseUrl"],
    "additionalProperties": False,
    "properties": {"baseUrl": {"type": "string"}, "pages": {"type": "integer"}},
}


def problem(config: dict[str, object], schema: dict[str, object] = STRICT) -> str | None:
    return config_problem(
        integration(spec=spec(config=config)), Schema(plugin(config_schema=schema))
    )


def test_a_config_that_fits_has_no_problem() -> None:
    assert problem({"baseUrl": "https://example.com", "pages": 2}) is None


def test_the_field_is_named() -> None:
    said = problem({"baseUrl": "x", "pages": "two"})
    assert said is not None
    assert "spec.config.pages" in said


def test_a_missing_field_is_named() -> None:
    said = problem({})
    assert said is not None
    assert "'baseUrl' is a required property" in said


def test_a_config_over_16_kib_is_refused_with_its_size() -> None:
    said = problem({"baseUrl": "x" * 16_400})
    assert said is not None
    assert "at most 16384" in said


def test_a_config_nested_too_deeply_is_refused_and_nothing_breaks() -> None:
    deep: dict[str, object] = {}
    for _ in range(5_000):
        deep = {"a": deep}
    said = problem(deep)
    assert said is not None
    assert "nested too deeply" in said


def test_a_schema_that_is_no_schema_is_the_administrators_to_mend() -> None:
    said = problem({}, {"type": "no-such-type"})
    assert said is not None
    assert 'configSchema of Plugin "demo"' in said


def test_a_reference_to_elsewhere_is_not_followed() -> None:
    said = problem({}, {"$ref": "http://127.0.0.1:9/schema.json"})
    assert said is not None
    assert "cannot be checked" in said


def test_a_message_is_one_short_line_whatever_the_config_holds() -> None:
    said = problem({"baseUrl": "x", "pages": "a\nb\x1b[31m" + "y" * 5000})
    assert said is not None
    assert len(said) <= 512
    assert said.isprintable()

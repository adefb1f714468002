"""Whether an Integration can be fetched at all, said in words its user can act upon."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema
import referencing
import referencing.jsonschema
from jsonschema.exceptions import SchemaError, best_match
from jsonschema.protocols import Validator

from spark_operator.model import destination, nesting
from spark_operator.model.destination import Destination
from spark_operator.model.integration import Integration
from spark_operator.model.plugin import Plugin
from spark_operator.model.result import clean
from spark_operator.model.scheduler import Scheduler

MAX_CONFIG_BYTES = 16 * 1024
# Below nesting.MAX_DEPTH by more than what any answer of the API server has around a config.
MAX_CONFIG_LEVELS = 50
_TOO_DEEP = f"spec.config is nested too deeply; at most {MAX_CONFIG_LEVELS} levels are allowed."
# What stands in these is data, whatever it looks like.
_NO_SCHEMAS = ("const", "default", "enum", "examples")


class Schema:
    """A Plugin's configSchema, compiled once; it never reaches for the network.

    A schema that is no schema refuses every config with a message for the administrator: a Plugin
    made by hand must not bring the operator down.
    """

    def __init__(self, plugin: Plugin) -> None:
        self._plugin = plugin.name
        self._broken = ""
        self._validator: Validator | None = None
        schema = dict(plugin.config_schema)
        try:
            kind = jsonschema.validators.validator_for(
                schema, default=jsonschema.Draft202012Validator
            )
            kind.check_schema(schema)
            self._validator = kind(schema, registry=referencing.Registry())
        except SchemaError as error:
            self._broken = self._mend(error.message)
        except Exception as error:  # noqa: BLE001
            self._broken = self._mend(str(error))

    def _mend(self, why: str) -> str:
        return (
            f'The configSchema of Plugin "{self._plugin}" is not a JSON Schema, which its '
            f"administrator must mend: {clean(why, 200)}"
        )

    def fault(self) -> str | None:
        """What is wrong with the schema itself, whatever the config, in one sentence, or None.

        Also of parts that few configs come to: a reference that leads nowhere refuses those alone.
        """
        if self._validator is None:
            return self._broken
        schema: Any = self._validator.schema
        resource = referencing.Resource.from_contents(
            schema, default_specification=referencing.jsonschema.DRAFT202012
        )
        resolver = referencing.Registry().with_resource("", resource).resolver()
        for reference in _references(schema):
            try:
                found = resolver.lookup(reference).contents
            except referencing.exceptions.Unresolvable:
                return self._mend(f"$ref {reference} leads nowhere")
            if not isinstance(found, Mapping | bool):
                return self._mend(f"$ref {reference} leads to what is no schema")
        return None

    def problem(self, config: Mapping[str, Any]) -> str | None:
        """What is wrong with the config, in one sentence, or None."""
        if self._validator is None:
            return self._broken
        try:
            error = best_match(self._validator.iter_errors(dict(config)))
        except (RecursionError, referencing.exceptions.Unresolvable) as failure:
            return f"spec.config cannot be checked: {clean(str(failure), 200)}"
        except Exception as failure:  # noqa: BLE001
            # The library takes its schema for sound: a $ref to what is no schema trips it somewhere.
            return self._mend(str(failure))
        if error is None:
            return None
        # json_path begins with "$", which stands for spec.config here. The value itself is not
        # repeated where it may be long: jsonschema's message starts with it.
        return clean(f"spec.config{error.json_path[1:]}: {error.message}")


def _references(node: Any) -> Iterator[str]:
    """Each ``$ref`` of a schema."""
    if isinstance(node, Mapping):
        for key, part in node.items():
            if key == "$ref" and isinstance(part, str):
                yield part
            elif key not in _NO_SCHEMAS:
                yield from _references(part)
    elif isinstance(node, list):
        for part in node:
            yield from _references(part)


def config_problem(integration: Integration, schema: Schema) -> str | None:
    """Size first: a config of a megabyte is not worth a validation."""
    try:
        text = json.dumps(integration.spec.config, ensure_ascii=False)
    except RecursionError:
        return _TOO_DEEP
    if nesting.CUT in text:
        return _TOO_DEEP
    size = len(text.encode("utf-8", "replace"))
    if size > MAX_CONFIG_BYTES:
        return f"spec.config has {size} bytes; at most {MAX_CONFIG_BYTES} are allowed."
    if nesting.depth(integration.spec.config) > MAX_CONFIG_LEVELS:
        return _TOO_DEEP
    return schema.problem(integration.spec.config)


def effective_destination(integration: Integration, scheduler: Scheduler) -> Destination:
    return integration.spec.destination or scheduler.destination


def destination_problem(target: Destination) -> str | None:
    if target.type not in destination.TYPES:
        known = ", ".join(destination.TYPES[:-1]) + " or " + destination.TYPES[-1]
        return f'spec.destination.type "{clean(target.type, 60)}" is unknown: use {known}.'
    if target.type == destination.POSTGRES and not target.secret_name:
        return (
            "A postgres destination needs spec.destination.secretName: a Secret with the keys "
            "host, dbname, username and password."
        )
    if target.type == destination.FILESYSTEM and target.bucket_url and not target.secret_name:
        return (
            "A bucketUrl needs spec.destination.secretName: a Secret with the keys access_key_id "
            "and secret_access_key."
        )
    return None


def unknown_service(service: str) -> str:
    return (
        f'There is no Plugin "{clean(service, 63)}": see kubectl get plugins, or ask the '
        "administrator to install it."
    )

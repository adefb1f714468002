"""What is wrong with a manifest beyond its schema: by the operator's own rules."""

from collections.abc import Mapping
from typing import Any

from spark_operator.decide import request, validity
from spark_operator.model import integration as integrations
from spark_operator.model import plugin as plugins
from spark_operator.model.plugin import Plugin


def integration(body: Mapping[str, Any], known: Mapping[str, Plugin]) -> list[str]:
    """Of an Integration; ``known`` are the Plugins that count."""
    subject = integrations.parse(body)
    found = []
    if malformed := request.problem(subject).strip():
        found.append(f"metadata.annotations: {malformed}")
    plugin = known.get(subject.spec.service)
    if plugin is None:
        names = ", ".join(sorted(known)) or "none"
        found.append(f'spec.service: there is no Plugin "{subject.spec.service}"; known: {names}')
    elif problem := validity.config_problem(subject, validity.Schema(plugin)):
        found.append(problem)
    target = subject.spec.destination
    if target is not None and (problem := validity.destination_problem(target)):
        found.append(problem)
    if plugin is not None and not subject.spec.credentials_secret_name:
        keys = [key.name for key in plugin.credentials if key.required]
        if keys:
            found.append(
                f"spec.credentialsSecretName: {plugin.name} needs a Secret with {', '.join(keys)}"
            )
    return found


def plugin(body: Mapping[str, Any]) -> list[str]:
    """Of a Plugin: a configSchema that is no schema refuses every Integration."""
    fault = validity.Schema(plugins.parse(body)).fault()
    return [f"spec.configSchema: {fault}"] if fault is not None else []

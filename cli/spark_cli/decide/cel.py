"""The rules of a CRD (``x-kubernetes-validations``), in the language of which the API server judges them."""

import functools
from typing import Any

import celpy
from celpy.adapter import json_to_cel
from celpy.evaluation import CELEvalError


class Refused(ValueError):
    """The rule cannot be evaluated for this value, which the API server refuses, too."""


@functools.lru_cache(maxsize=256)
def _program(rule: str) -> celpy.Runner:
    environment = celpy.Environment()
    return environment.program(environment.compile(rule))


def holds(rule: str, value: Any) -> bool:
    """Whether ``value`` (``self``), of JSON's types, keeps the rule. Raises Refused, and
    celpy.CELParseError for what is no rule."""
    try:
        answer = _program(rule).evaluate({"self": json_to_cel(value)})
    except CELEvalError as error:
        raise Refused(f"the rule {rule} cannot be evaluated for it: {error.args[0]}") from error
    return bool(answer)

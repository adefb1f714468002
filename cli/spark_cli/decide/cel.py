"""The rules of a CRD (``x-kubernetes-validations``), in the language of which the API server judges them."""

import functools
import ipaddress
from typing import Any

import celpy
from celpy import celtypes
from celpy.adapter import json_to_cel
from celpy.evaluation import CELEvalError


class Refused(ValueError):
    """The rule cannot be evaluated for this value, which the API server refuses, too."""


def _is_ip(text: celtypes.Value) -> celtypes.BoolType:
    return celtypes.BoolType("/" not in str(text) and _is_network(str(text)))


def _is_cidr(text: celtypes.Value) -> celtypes.BoolType:
    return celtypes.BoolType("/" in str(text) and _is_network(str(text)))


def _is_network(text: str) -> bool:
    # Of what Python reads, Kubernetes refuses a scope and IPv4 within IPv6.
    if "%" in text or text.lower().startswith("::ffff:"):
        return False
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


# What Kubernetes adds to the language, as far as our rules use it.
_FUNCTIONS: dict[str, Any] = {"isIP": _is_ip, "isCIDR": _is_cidr}


@functools.lru_cache(maxsize=256)
def _program(rule: str) -> celpy.Runner:
    environment = celpy.Environment()
    return environment.program(environment.compile(rule), functions=_FUNCTIONS)


def holds(rule: str, value: Any) -> bool:
    """Whether ``value`` (``self``), of JSON's types, keeps the rule. Raises Refused, and
    celpy.CELParseError for what is no rule."""
    try:
        answer = _program(rule).evaluate({"self": json_to_cel(value)})
    except CELEvalError as error:
        raise Refused(f"the rule {rule} cannot be evaluated for it: {error.args[0]}") from error
    return bool(answer)

"""What several commands take on their command lines."""

import argparse


def object_key(text: str) -> tuple[str, str]:
    """(namespace, name) out of ``NAMESPACE/NAME``. Raises ArgumentTypeError."""
    namespace, slash, name = text.partition("/")
    if not (namespace and slash and name) or "/" in name:
        raise argparse.ArgumentTypeError(f'"{text}" is not of the form NAMESPACE/NAME')
    return namespace, name

"""kwok's stages with the parts filled in that every one of them needs."""

from __future__ import annotations

from pathlib import Path

TEMPLATE = Path(__file__).resolve().parent.parent / "kwok" / "stages.yaml"

# The integration travels in this variable of the pod (docs/contract.md), so a test can say in an
# Integration's `config` what shall become of its fetches, each Integration for itself.
SETTINGS = (
    "((.metadata.labels // {}) + (.metadata.annotations // {})"
    ' + ([.spec.containers[0].env[]? | select(.name == "SPARK_INTEGRATION")'
    " | (try (.value | fromjson | .config) catch {})][0] // {}))"
)
VARIABLES = (
    "{{ $config := dict }}"
    "{{ range (index .spec.containers 0).env }}"
    '{{ if eq .name "SPARK_INTEGRATION" }}{{ $config = (or (fromJson .value).config dict) }}{{ end }}'
    "{{ end }}"
    "{{ $settings := merge dict $config"
    " (or .metadata.annotations dict) (or .metadata.labels dict) }}"
)


def text() -> str:
    """The stages as kwok reads them."""
    return (
        TEMPLATE.read_text()
        .replace("VARIABLES\n", f"{VARIABLES}\n")
        .replace("'SETTINGS", f"'{SETTINGS}")
    )

"""What the conformance kit must know of a plugin."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from spark_plugins.testing.scene import Record, Scene
from spark_plugins.testing.service import Answer, Request


class Adapter:
    """Derive from it, name the plugin and teach the service to answer.

    The plugin is found by its entry point: install the distribution that brings it
    (`pip install --editable .`), or name folders with one in `python_path`.
    """

    plugin: ClassVar[str]
    # The table in which the records appear, its key and a column that differs in each version.
    table: ClassVar[str]
    key: ClassVar[str]
    value: ClassVar[str]
    # The plugin's credentials by key: values that are found nowhere by accident.
    credentials: ClassVar[Mapping[str, str]] = {}
    # Whether a fetch of more than `Scene.page_size` records takes several requests.
    paged: ClassVar[bool] = True
    # Whether a record says when it changed, and the plugin keeps the newest of two in one fetch.
    orders_versions: ClassVar[bool] = False
    # A column that only a service with `Scene.drift` fills.
    drift_column: ClassVar[str | None] = None
    # What a fetch leaves out: nothing, a document in which nothing has changed, or each record that
    # has not changed.
    skips: ClassVar[Literal["nothing", "unchanged documents", "unchanged records"]] = "nothing"
    # Whether a record that the service no longer has is taken out of the table.
    removes: ClassVar[bool] = False
    # Checks that mean nothing for this plugin, each with the reason; the table shows it.
    without: ClassVar[Mapping[str, str]] = {}
    # Exit codes that are right for this plugin where the kit expects others, by fault.
    exits: ClassVar[Mapping[str, frozenset[int]]] = {}
    python_path: tuple[Path, ...] = ()

    def config(self, url: str) -> dict[str, Any]:
        """`spec.config` for a service at this address."""
        raise NotImplementedError

    def answer(self, request: Request, scene: Scene) -> Answer:
        """What the service says while nothing is wrong."""
        raise NotImplementedError

    def addresses(self, url: str) -> Mapping[str, str]:  # noqa: ARG002
        """Constants of the plugin to be set, as `module:NAME`: for a plugin of one service, whose
        address is no setting of an Integration."""
        return {}

    def counts(self, request: Request) -> bool:  # noqa: ARG002
        """Whether faults strike this request: one for records, not one for a token."""
        return True

    def row(self, record: Record) -> tuple[str, str]:
        """Key and value as text, as they stand in the table."""
        return str(record.number), record.text

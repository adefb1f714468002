"""Records that nobody changes: ``@record(frozen=True, slots=True)`` in place of ``@dataclass``.

They are frozen for the type checker, where a forbidden change is found before it runs. At run time
freezing would only make each construction six times as long, and every decision constructs a few.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

__all__ = ["record"]

if TYPE_CHECKING:
    from dataclasses import dataclass as record
else:

    def record(*, frozen: bool, slots: bool) -> Any:
        return dataclass(slots=slots, unsafe_hash=frozen)

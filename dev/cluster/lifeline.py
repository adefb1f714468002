"""A cluster that ends with whoever brought it up, however suddenly that was.

The caller alone holds the writing end of a pipe and never writes; process 1 of the cluster reads. When
the caller ends, be it by SIGKILL, the kernel closes its end, and the reader learns it at once. A signal
on the parent's death would not do: the cluster is detached from its caller on purpose.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

NONE = -1
"""Stands for the descriptor where a cluster is to outlive its caller."""


class Lifeline:
    """The caller's side. ``inner`` is for process 1; what else the caller starts inherits neither end."""

    def __init__(self) -> None:
        self.inner, self._held = os.pipe()

    def handed_over(self) -> None:
        """Process 1 has its end, so ours is closed: this process must not be a reader too."""
        os.close(self.inner)

    def cut(self) -> None:
        """Let go; a cluster that is still there ends."""
        os.close(self._held)


def when_cut(inner: int, then: Callable[[], None]) -> None:
    """Call ``then``, in a thread, once the caller is gone."""

    def wait() -> None:
        os.read(inner, 1)
        then()

    threading.Thread(target=wait, daemon=True, name="lifeline").start()

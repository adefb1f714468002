"""A signal that ends a process where it stands would leave the keys out of a kubeconfig behind."""

import signal
import sys
from types import FrameType

from spark_cli.exits import Exit

_CODES = {signal.SIGTERM: Exit.TERMINATED, signal.SIGHUP: Exit.HUNG_UP}


def end_in_order() -> None:
    """From now on SIGTERM, and SIGHUP (a terminal that was closed), end as an exception does: files are
    removed on the way out. What is ignored stays so: nohup means it."""
    for number in _CODES:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _end)


def _end(number: int, _frame: FrameType | None) -> None:
    # `timeout` sends it twice, to its child and to the group: the second would break off the removing that
    # the first began. A function and not SIG_IGN, which a child that is started on the way out would inherit.
    for other in _CODES:
        if signal.getsignal(other) is _end:
            signal.signal(other, _already_ending)
    sys.exit(_CODES[signal.Signals(number)])


def _already_ending(_number: int, _frame: FrameType | None) -> None:
    """The first one ends it."""

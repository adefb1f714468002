"""``kubectl_complete-spark``, which kubectl asks when somebody presses Tab after ``kubectl spark``.

kubectl calls it with the words so far, the last of which may be unfinished, and reads lines as those of
cobra: one candidate each, a tab before its description, and at the end a colon and a directive.
"""

import sys
from collections.abc import Sequence

from click.shell_completion import ShellComplete

from spark_cli import PROGRAM, signals
from spark_cli.exits import Failure
from spark_cli.main import command

# Of cobra (ShellCompDirective): without files of this folder, and as the shell does by itself.
_NO_FILES, _DEFAULT = 4, 0


class _Kubectl(ShellComplete):
    name = "kubectl"
    source_template = ""


def candidates(words: Sequence[str]) -> tuple[list[str], int]:
    """The lines for the words, and the directive."""
    *done, incomplete = words or [""]
    completion = _Kubectl(command, {}, PROGRAM, "")
    items = completion.get_completions(list(done), incomplete)
    if any(item.type in ("file", "dir") for item in items):
        return [], _DEFAULT
    lines = []
    for item in items:
        described = " ".join(str(item.help or "").split())
        lines.append(f"{item.value}\t{described}" if described else str(item.value))
    return lines, _NO_FILES


def main() -> None:
    """The entry point. What goes wrong here must not be written into somebody's command line."""
    signals.end_in_order()
    try:
        lines, directive = candidates(sys.argv[1:])
    except Failure:
        lines, directive = [], _NO_FILES
    for line in lines:
        print(line)
    print(f":{directive}")


if __name__ == "__main__":
    main()

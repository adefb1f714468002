"""The archive that the manifest of krew names: ``python cli/krew/archive.py FOLDER`` prints its sha256.

The same bytes wherever it is made, so that the checksum in the manifest can be checked beforehand.
"""

import hashlib
import sys
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
NAME = "kubectl-spark.zip"
FILES = {"kubectl-spark": HERE / "kubectl-spark", "LICENSE": HERE.parents[1] / "LICENSE"}
# The first moment that a zip file can tell.
_MOMENT = (1980, 1, 1, 0, 0, 0)


def build(folder: Path) -> Path:
    """The archive in this folder."""
    path = folder / NAME
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, source in FILES.items():
            entry = zipfile.ZipInfo(name, _MOMENT)
            entry.create_system = 3
            entry.external_attr = (0o755 if name == "kubectl-spark" else 0o644) << 16
            archive.writestr(entry, source.read_bytes())
    return path


def checksum(path: Path) -> str:
    """The sha256, as the manifest has it."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    print(checksum(build(Path(sys.argv[1]))))

"""The images of operator and runner, built here from the Dockerfile, without any image being pulled.

buildah's storage, the base image and the archives lie in our cache folder; the user's own images
are neither seen nor touched.
"""

from __future__ import annotations

import argparse
import configparser
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dev import host, packages, paths
from dev.cluster import Cluster
from dev.errors import RefusalError
from dev.files import tree_hash, write
from dev.locks import locked

BASE_IMAGE = "localhost/debian:trixie-slim"
SUITE = "trixie"
BASE_PACKAGES = ("ca-certificates", "python3", "python3-venv")
SECURITY_MIRROR = "http://deb.debian.org/debian-security"
BASE_DAYS = 30
"""A base older than this is made anew, for its security fixes."""

LEFTOVERS = (
    *("var/cache/apt/*.bin", "var/cache/apt/archives/*.deb", "var/cache/ldconfig/aux-cache"),
    *("var/lib/apt/lists/*", "var/lib/dpkg/*-old", "var/cache/debconf/*-old", "etc/*-"),
    *("var/log/*", "var/log/apt/*"),
    # Of this machine, copied by debootstrap.
    *("etc/resolv.conf", "etc/hostname"),
)
"""What the base does without: caches, logs, copies of older states."""

TARGETS = ("operator", "runner")
INPUTS = (
    "Dockerfile",
    ".dockerignore",
    "pyproject.toml",
    "README.md",
    "LICENSE",
    "requirements",
    "operator",
    "plugins",
)
"""What the build can see. Nothing else needs to change for an image to be the same."""

CERTIFICATES = Path("/etc/ssl/certs")
KEEP = 2
"""Archives of each target: the newest, and the one before for whoever goes back and forth."""

PRIVATE = ("unshare", "--mount", "--fork", "--kill-child")
"""In a mount namespace of its own: debootstrap and buildah, when interrupted, leave mounts behind."""

LAYERS = 150
"""More untagged images than this are thrown away: each change of a source leaves some behind."""

ATTEMPTS = 4


def reference(target: str, tag: str = "dev") -> str:
    """The name under which the cluster knows an image. The tag is not `latest`: that is pulled."""
    return f"localhost/spark-integrations/{target}:{tag}"


EPOCH = 315_532_800
"""1980, the first year of zip: the time of each image and file where SOURCE_DATE_EPOCH names no other.

Two builds of the same sources on the same base are then the same, byte for byte. It does no harm to
Python: its compiled files are not compared with their sources' times.
"""


class Images:
    """Builds what changed. ``tag`` is another than ``dev`` for the sources of another version."""

    def __init__(
        self,
        root: Path = paths.ROOT,
        tag: str = "dev",
        arguments: Mapping[str, str] | None = None,
    ) -> None:
        """``arguments`` are build arguments of the Dockerfile, such as VERSION."""
        self.root = root
        self.tag = tag
        self.folder = paths.cache() / "images"
        # Those of another version do not push out those of this one.
        self.archives = self.folder if tag == "dev" else self.folder / tag
        self.arguments = dict(arguments or {})
        self.epoch = int(os.environ.get("SOURCE_DATE_EPOCH") or EPOCH)

    def build(self) -> dict[str, Path]:
        """The archive of each target, built anew only if something that it is made of changed."""
        if not (self.root / "Dockerfile").is_file():
            raise RefusalError(f"{self.root / 'Dockerfile'} is not there")
        host.require_linux_root()
        packages.install(packages.IMAGES)
        with locked(self.folder / ".lock", "building images"):
            self.archives.mkdir(exist_ok=True)
            base = self._base()
            archives: dict[str, Path] = {}
            for target in TARGETS:
                archives[target] = self._archive(target, base)
                self._forget_old(target)
        return archives

    def build_upon(self, folder: Path, image: str, archive: Path) -> None:
        """An image of somebody else's Dockerfile, whose ARG is RUNNER_IMAGE, on our runner's."""
        self.build()
        with locked(self.folder / ".lock", "building images"):
            command = [*self._buildah(), "bud", "--isolation", "chroot", "--pull-never"]
            command += ["--build-arg", f"RUNNER_IMAGE={reference('runner', self.tag)}", "-t", image]
            self._step(f"building {image}", [*command, str(folder)])
            push = [*self._buildah(), "push", "--quiet", image, f"docker-archive:{archive}:{image}"]
            self._step(f"exporting {image}", push)

    def _archive(self, target: str, base: str) -> Path:
        """The archive that belongs to the sources as they are when this returns.

        Whoever saves a file during the build would else get an image of mixed sources under the
        name of the earlier ones.
        """
        for _ in range(ATTEMPTS):
            key = self._key(base)
            archive = self.archives / f"{target}-{key}.tar"
            if archive.exists():
                return archive
            partial = archive.with_suffix(".partial")
            self._tidy()
            self._build(target, partial)
            if self._key(base) == key:
                partial.rename(archive)
                return archive
            partial.unlink()
            print("the sources changed meanwhile: once more", file=sys.stderr, flush=True)
        raise RefusalError(f"the sources changed during each of {ATTEMPTS} builds of {target}")

    def _key(self, base: str) -> str:
        present = [self.root / name for name in INPUTS if (self.root / name).exists()]
        digest = tree_hash(present, self.root)
        stamps = f"{self.epoch} {sorted(self.arguments.items())}"
        return hashlib.sha256(f"{base} {digest} {stamps}".encode()).hexdigest()[:16]

    # ---------------------------------------------------------------- base

    def _base(self) -> str:
        """Make sure of the base image; return what changes when it does."""
        stamp = self.folder / "base.stamp"
        recipe = f"{SUITE} updated {' '.join(BASE_PACKAGES)}"
        old = stamp.read_text() if stamp.exists() else ""
        if old and not self._has(BASE_IMAGE):
            old = ""
        same_recipe = old.startswith(f"{recipe}\n")
        if same_recipe and time.time() - stamp.stat().st_mtime < BASE_DAYS * 86400:
            return old
        try:
            self._make_base()
        except RefusalError as error:
            if not same_recipe:
                raise
            # An old base beats none: whoever is offline can work on.
            print(f"the base image stays as it is: {error}", file=sys.stderr, flush=True)
            return old
        new = f"{recipe}\n{time.time():.0f}\n"
        write(stamp, new)
        return new

    def _has(self, image: str) -> bool:
        found = subprocess.run(
            [*self._buildah(), "inspect", "--type", "image", image],
            capture_output=True,
            check=False,
        )
        return found.returncode == 0

    def _make_base(self) -> None:
        work = self.folder / "base"
        shutil.rmtree(work, ignore_errors=True)  # of an interrupted build
        system = work / "system"
        system.mkdir(parents=True)
        command = ["debootstrap", "--variant=minbase", f"--include={','.join(BASE_PACKAGES)}"]
        command += [SUITE, str(system)]
        if mirror := os.environ.get("DEBIAN_MIRROR"):
            command.append(mirror)
        self._step(f"debootstrap {SUITE}", [*PRIVATE, *command])
        self._update(system)
        for pattern in LEFTOVERS:
            for path in system.glob(pattern):
                if not path.is_dir():
                    path.unlink()
        tar = work / "base.tar"
        pack = ["tar", "--numeric-owner", "--xattrs", "-C", str(system), "-cf", str(tar), "."]
        self._step("packing it", pack)
        recipe = 'FROM scratch\nADD base.tar /\nCMD ["bash"]\n'
        write(work / "Dockerfile", recipe)
        shutil.rmtree(system)
        importing = [*self._buildah(), "bud", "--isolation", "chroot", "--timestamp", str(EPOCH)]
        self._step(f"importing {BASE_IMAGE}", [*importing, "-t", BASE_IMAGE, str(work)])
        shutil.rmtree(work)

    def _update(self, system: Path) -> None:
        """Bring Debian's security updates, which debootstrap does not know of.

        They stay in the image's list of sources, so that whoever builds upon it gets them, too.
        """
        sources = system / "etc/apt/sources.list"
        mirror = sources.read_text().split()[1]
        security = os.environ.get("DEBIAN_SECURITY_MIRROR", SECURITY_MIRROR)
        suites = ((mirror, SUITE), (mirror, f"{SUITE}-updates"), (security, f"{SUITE}-security"))
        write(sources, "".join(f"deb {url} {suite} main\n" for url, suite in suites), 0o644)
        inside = [*PRIVATE, "chroot", str(system), "env", "DEBIAN_FRONTEND=noninteractive"]
        # Else apt takes a list that it could not fetch for one that has nothing.
        strictly = ("-o", "APT::Update::Error-Mode=any")
        self._step("asking for updates", [*inside, "apt-get", "-qq", *strictly, "update"])
        self._step("updating it", [*inside, "apt-get", "-qq", "--yes", "dist-upgrade"])
        # Files get the time of the image, and Python would compile all again at each start.
        unchecked = ("--invalidation-mode", "unchecked-hash")
        library = f"/usr/lib/python{python_version(system)}"
        compiling = ["python3", "-m", "compileall", "-q", "-f", *unchecked, library]
        self._step("compiling Python's library", [*inside, *compiling])

    def forget_base(self) -> None:
        """Let the next build make the base anew, with Debian's updates of the day."""
        (self.folder / "base.stamp").unlink(missing_ok=True)

    # ---------------------------------------------------------------- targets

    def build_afresh(self, target: str, archive: Path) -> None:
        """Build without any layer that is kept, to see whether the result is the same."""
        self.build()  # for the base
        with locked(self.folder / ".lock", "building images"):
            self._build(target, archive, kept_layers=False)

    def _build(self, target: str, partial: Path, kept_layers: bool = True) -> None:
        image = reference(target, self.tag)
        command = [*self._buildah(), "bud", "--isolation", "chroot", "--layers", "--pull-never"]
        command += ["--timestamp", str(self.epoch)]
        # A layer that was kept has the time that it was made with.
        if not kept_layers or self.epoch != EPOCH:
            command.append("--no-cache")
        command += ["--target", target, "--build-arg", f"BASE_IMAGE={BASE_IMAGE}", "-t", image]
        for name, value in sorted(self.arguments.items()):
            command += ["--build-arg", f"{name}={value}"]
        for volume in self._volumes():
            command += ["--volume", volume]
        self._step(f"building {image}", [*command, str(self.root)])
        partial.unlink(missing_ok=True)
        push = [*self._buildah(), "push", "--quiet", image, f"docker-archive:{partial}:{image}"]
        self._step(f"exporting {image}", push)

    def _volumes(self) -> list[str]:
        """What the build sees of this machine: whom it trusts, and where pip finds packages.

        A company's certificate authority or package index is part of the machine, not of the
        Dockerfile; as volumes they help the build and do not enter the image.
        """
        volumes = []
        if CERTIFICATES.is_dir():
            volumes.append(f"{CERTIFICATES}:{CERTIFICATES}:ro")
        settings = pip_settings(os.environ, _pip_files())
        for link in settings.get("find-links", "").split():
            if link.startswith("/"):
                volumes.append(f"{link}:{link}:ro")
        # Where a volume is mounted, an empty file or folder stays in the image: none without need.
        if settings.keys() - {"cert", "timeout", "retries"}:
            lines = [f"{key} = {value}" for key, value in sorted(settings.items())]
            config = self.folder / "pip.conf"
            write(config, "\n".join(["[global]", *lines, ""]), 0o644)
            volumes.append(f"{config}:/etc/pip.conf:ro")
        return volumes

    def _buildah(self) -> list[str]:
        storage = self.folder / "storage"
        folders = ["--root", str(storage), "--runroot", str(self.folder / "storage-run")]
        return [*PRIVATE, "buildah", *folders]

    def _step(self, what: str, command: Sequence[str]) -> None:
        """Run one command; its output goes to a file, of which a failure shows the end."""
        log = self.folder / "build.log"
        print(f"{what} … ", end="", file=sys.stderr, flush=True)
        began = time.monotonic()
        with log.open("ab") as stream:
            start = stream.tell()
            result = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                check=False,
            )
        if result.returncode != 0:
            print("failed", file=sys.stderr, flush=True)
            with log.open("rb") as stream:
                stream.seek(start)
                tail = stream.read().decode(errors="replace").splitlines()[-25:]
            raise RefusalError("\n".join([f"{what} failed (all of it: {log})", *tail]))
        print(f"{time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)

    def _tidy(self) -> None:
        """Remove what interrupted builds left, and bound the storage.

        The latter costs one build without a cache of layers, once in a long while.
        """
        subprocess.run([*self._buildah(), "rm", "--all"], capture_output=True, check=False)
        listed = subprocess.run(
            [*self._buildah(), "images", "--all", "--quiet"],
            capture_output=True,
            text=True,
            check=False,
        )
        if len(listed.stdout.split()) > LAYERS:
            self._step("throwing away old layers", [*self._buildah(), "rmi", "--prune", "--force"])

    def _forget_old(self, target: str) -> None:
        archives = sorted(
            self.archives.glob(f"{target}-*.tar"), key=lambda path: path.stat().st_mtime
        )
        for archive in archives[:-KEEP]:
            archive.unlink()


def _pip_files() -> list[Path]:
    config = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return [Path("/etc/pip.conf"), Path.home() / ".pip/pip.conf", config / "pip/pip.conf"]


def python_version(system: Path) -> str:
    """Such as 3.13, of the only Python in a file system."""
    (library,) = system.glob("usr/lib/python3.*")
    return library.name.removeprefix("python")


def pip_settings(environment: Any, files: Sequence[Path]) -> dict[str, str]:
    """What this machine says to pip, without what makes no sense inside the build.

    The bundle of certificates is named only if it lies in the folder that the build sees. Folders
    of wheels were filled for this machine's Python; they are used only where there is no index.
    """
    known = {
        *("index-url", "extra-index-url", "find-links", "trusted-host", "no-index", "proxy"),
        *("cert", "timeout", "retries"),
    }
    parser = configparser.RawConfigParser()
    parser.read(files)
    settings: dict[str, str] = {}
    for section in ("global", "install"):
        if parser.has_section(section):
            settings.update(parser.items(section))
    settings.update(
        {
            key.removeprefix("PIP_").lower().replace("_", "-"): value
            for key, value in environment.items()
            if key.startswith("PIP_")
        }
    )
    settings.setdefault("timeout", environment.get("PIP_DEFAULT_TIMEOUT", "60"))
    if not settings.get("cert") and environment.get("SSL_CERT_FILE"):
        settings["cert"] = environment["SSL_CERT_FILE"]
    if not Path(settings.get("cert", "/")).is_relative_to(CERTIFICATES):
        settings.pop("cert", None)
    if not settings.get("no-index"):
        links = [x for x in settings.pop("find-links", "").split() if not x.startswith("/")]
        if links:
            settings["find-links"] = " ".join(links)
    return {key: " ".join(value.split()) for key, value in settings.items() if key in known}


def add_verbs(verb: Any) -> None:
    """`image build`, `image load`."""
    parser: argparse.ArgumentParser = verb("image", _image, "build and load the project's images")
    parser.add_argument("action", choices=("build", "load"))
    parser.add_argument(
        "--version", help="what the image says of itself (default: the Dockerfile's)"
    )
    parser.add_argument("--revision", help="the commit, likewise")
    parser.add_argument("--new-base", action="store_true", help="with Debian's updates of the day")
    parser.add_argument("--to", type=Path, metavar="FOLDER", help="copy the archives to TARGET.tar")


def _image(arguments: argparse.Namespace) -> int:
    if arguments.action == "load":
        cluster = Cluster.from_environment()
        cluster.api()  # refuses, before minutes are spent on building, when there is no cluster
    said = {"VERSION": arguments.version, "REVISION": arguments.revision}
    images = Images(arguments={name: value for name, value in said.items() if value})
    if arguments.new_base:
        images.forget_base()
    for target, archive in images.build().items():
        done = "is ready"
        if arguments.action == "load":
            done = "loaded" if cluster.load_image(archive) else "loaded before"
        if arguments.to:
            arguments.to.mkdir(parents=True, exist_ok=True)
            archive = Path(shutil.copy(archive, arguments.to / f"{target}.tar"))
        print(f"{reference(target)} {done}: {archive}")
    return 0

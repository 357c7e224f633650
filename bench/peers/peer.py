"""What all peers have in common: how one is installed, started, and what it brought is counted."""

import dataclasses
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
# Tables that a first sync is measured by, as Penstock names them. The histories of deals are left
# out: 40 tokens a deal for whoever reads them.
TABLES = (
    "deals",
    "deal_products",
    "persons",
    "organizations",
    "activities",
    "products",
    "notes",
    "files",
    "pipelines",
    "stages",
    "users",
    "filters",
    "activity_types",
    "currency",
)
SAME_NAMES = {name: name for name in TABLES}
BEFORE_ALL = "2010-01-01T00:00:00Z"


class Unavailable(Exception):
    """This machine cannot run the peer; the text says why."""


@dataclasses.dataclass
class Place:
    """Where one run happens: a fresh folder and a fresh database."""

    folder: pathlib.Path
    token: str
    database: str  # postgres://…/name
    build: pathlib.Path
    in_flight: int | None  # requests at a time that latency and plan leave room for; None: any


class Peer:
    name = ""  # with its version
    short = ""
    requirements = ()  # a virtual environment each: their dependencies clash
    tables = SAME_NAMES  # ours → theirs, of those that it knows
    schema = "public"
    remarks = ()  # what its code shows

    def __init__(self):
        self.venvs = {}

    def install(self):
        """Before the network is left. Raises Unavailable."""
        self.venvs = {name: virtual_environment(name, self.python()) for name in self.requirements}

    def python(self):
        return sys.executable

    def program(self, venv, name):
        return self.venvs[venv] / "bin" / name

    def prepare(self, place):
        """Configuration that people write once: not measured."""

    def command(self, place):
        raise NotImplementedError

    def environment(self, place):
        return {}

    def ids(self, place):
        """Table of ours → ids that arrived."""
        there = query(
            place.database,
            f"SELECT table_name FROM information_schema.tables WHERE table_schema = '{self.schema}'",
        )
        return {
            ours: set(query(place.database, f'SELECT id FROM {self.schema}."{theirs}"'))
            for ours, theirs in self.tables.items()
            if theirs in there
        }

    def complaint(self, place, run):
        """Of a run that failed: the line that says most."""
        lines = [line.strip() for line in run.errors.splitlines() if line.strip()] or [""]
        return ([line for line in lines if "error" in line.lower()] or lines)[-1]


def query(url, sql):
    """First column as text."""
    command = ["psql", "-X", "-At", "-d", url, "-c", sql]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.split()


def python_of(version):
    """An interpreter of that version, or None."""
    names = [shutil.which(f"python{version}")]
    names += pathlib.Path.home().glob(f".pyenv/versions/{version}.*/bin/python{version}")
    for name in filter(None, names):
        if subprocess.run([name, "--version"], capture_output=True).returncode == 0:
            return str(name)
    return None


def virtual_environment(name, python):
    """Made on first use, under the cache; one for each set of requirements and interpreter."""
    requirements = HERE / f"requirements-{name}.txt"
    marks = requirements.read_bytes() + os.path.realpath(python).encode()
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    folder = cache / "penstock-bench" / f"{name}-{hashlib.sha256(marks).hexdigest()[:12]}"
    if not (folder / "complete").exists():
        print(f"  installing {name} into {folder}", flush=True)
        for command in (
            [python, "-m", "venv", "--clear", folder],
            [folder / "bin" / "pip", "install", "-q", "-r", requirements],
        ):
            done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
            if done.returncode != 0:
                lines = done.stderr.strip().splitlines() or [f"ended with {done.returncode}"]
                raise Unavailable(f"{pathlib.Path(command[0]).name}: {lines[-1]}")
        (folder / "complete").touch()
    return folder

"""A disk that fills up under the database: the run fails with a message, nothing is half-written, and
the next run with room again reaches what an undisturbed one reaches. full_disk.c makes the disk."""

import os
import pathlib
import shutil
import tempfile

import pytest
from destinations import MariaDb, Postgres, Sqlite
from harness import (
    BUILD,
    QUICK,
    assert_equals_truth,
    finish_sync,
    start_sync,
    sync,
    wait_until,
)
from stores import servers

LIBRARY = BUILD / "tests/faults/full_disk.so"
COMPANY = (*QUICK, "--size", "small", "--activities", "200", "--frozen-clock")


class Disk:
    """Full while its file exists."""

    def __init__(self, folder, part):
        self.flag = folder / "full"
        self.environment = {
            "LD_PRELOAD": str(folder / LIBRARY.name),
            "PENSTOCK_DISK_FULL": str(self.flag),
            "PENSTOCK_DISK_OF": part,
        }

    def fill(self):
        self.flag.touch()

    def free(self):
        self.flag.unlink()


@pytest.fixture
def place():
    """A folder that a server's user may look into, unlike pytest's own, maybe unlike the build's."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="penstock-full-"))
    folder.chmod(0o755)
    shutil.copy(LIBRARY, folder)
    yield folder
    shutil.rmtree(folder)


def assert_full(result):
    message = result.report["error"]["message"]
    assert "full" in message and "run again" in message, result


def check(simulator, database, disk, env=None):
    # Nothing fits: not even the tables.
    disk.fill()
    failed = sync(simulator, database.url, code=1, env=env)
    assert_full(failed)
    disk.free()
    sync(simulator, database.url, env=env)
    assert_equals_truth(simulator, database)
    # Some of it fits.
    simulator.admin("bulk_add", entity="activities", count=6000)
    simulator.advance(120)
    simulator.fault("latency", ms=1000, path="/api/v2/activities", nth=4, count=1)
    process = start_sync(simulator, database.url, env=env)
    wait_until(lambda: len(database.rows("activities")) > 1000, what="committed page")
    disk.fill()
    failed = finish_sync(process)
    assert failed.code == 1, failed
    assert_full(failed)
    assert "activities" in failed.report["error"]["message"], failed
    disk.free()
    sync(simulator, database.url, env=env)
    assert_equals_truth(simulator, database)
    assert sync(simulator, database.url, env=env).rows() == {}
    database.check()


@pytest.mark.parametrize(
    "server_class, database_class, part",
    [
        (servers.Postgres, Postgres, "/base/"),
        (servers.MariaDb, MariaDb, ".ibd"),
    ],
)
def test_a_full_disk_of_a_server(simulate, place, server_class, database_class, part):
    disk = Disk(place, part)
    with server_class(disk.environment) as server:
        root = database_class(server.url)
        root.query('CREATE DATABASE "crm"')
        check(simulate(*COMPANY), database_class(f"{server.url}/crm"), disk)


def test_a_full_disk_of_a_file(simulate, place, tmp_path):
    disk = Disk(place, "crm.db-")
    # The sanitizers' library wants to come first; ours touches nothing of theirs.
    options = os.environ.get("ASAN_OPTIONS", "")
    env = {**disk.environment, "ASAN_OPTIONS": f"{options}:verify_asan_link_order=0"}
    check(simulate(*COMPANY), Sqlite(tmp_path / "crm.db"), disk, env)

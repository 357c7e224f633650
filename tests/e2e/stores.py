"""Where tests put databases: one store a kind, which makes, copies and drops them.

    store = open_store("postgres", tmp_path)
    database = store.fresh()        # a Destination (destinations.py) that does not exist yet, or is empty
    twin = store.copy(database)

PENSTOCK_TEST_POSTGRES and PENSTOCK_TEST_MARIADB name servers to use (tests/servers.py sets them);
without them, or with private=True for tests that kill servers, a store starts one of its own."""

import contextlib
import itertools
import os
import pathlib
import shutil
import signal
import sys
import time
import urllib.parse

from destinations import MariaDb, Postgres, Sqlite
from harness import run_penstock

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parents[1]))
import servers  # noqa: E402

NUMBERS = itertools.count(1)  # of databases, whichever store makes them


class SqliteStore:
    kind = "sqlite"
    server = None

    def __init__(self, folder, private=False):
        self.folder = pathlib.Path(folder)

    def fresh(self):
        return Sqlite(self.folder / f"crm{next(NUMBERS)}.db")

    def copy(self, database):
        """Nobody may have it open."""
        twin = self.fresh()
        shutil.copy(database.path, twin.path)
        return twin

    def drop(self, database):
        for path in database.path.parent.glob(database.path.name + "*"):
            path.unlink()

    def wait_until_free(self, database):
        pass

    def close(self):
        pass


class ServerStore:
    """Databases of one server; names are unique among the processes that share it."""

    def __init__(self, folder, private=False):
        url = None if private else os.environ.get(self.server_class.variable)
        self.server = None if url else self.server_class()
        self.root = self.database_class(url or self.server.url)

    def url_of(self, name):
        return urllib.parse.urlunsplit(self.root.parts._replace(path=f"/{name}"))

    def fresh(self):
        database = self.database_class(self.url_of(f"crm{os.getpid()}_{next(NUMBERS)}"))
        self.root.query(f'CREATE DATABASE "{database.name}"{self.create_options}')
        return database

    def drop(self, database):
        self.root.query(f'DROP DATABASE IF EXISTS "{database.name}"{self.drop_options}')

    def wait_until_ready(self):
        """A server may have to recover first."""
        end = time.monotonic() + 60
        while True:
            try:
                return self.root.query("SELECT 1")
            except self.root.driver().Error:
                assert time.monotonic() < end
                time.sleep(0.02)

    def wait_until_free(self, database):
        """A server may take a moment to see that a client is gone; until then its locks hold."""
        end = time.monotonic() + 60
        while self.sessions(database):
            assert time.monotonic() < end, f"a session of {database.name} does not end"
            time.sleep(0.005)

    def close(self):
        if self.server:
            self.server.remove()


class PostgresStore(ServerStore):
    kind = "postgres"
    server_class = servers.Postgres
    database_class = Postgres
    # The default, copying through the log, is slow for many small databases.
    create_options = " STRATEGY file_copy"
    drop_options = " WITH (FORCE)"

    def copy(self, database):
        twin = Postgres(self.url_of(f"crm{os.getpid()}_{next(NUMBERS)}"))
        self.root.query(f'CREATE DATABASE "{twin.name}" TEMPLATE "{database.name}"')
        return twin

    def sessions(self, database):
        """Process ids of the sessions in a database."""
        sql = "SELECT pid FROM pg_stat_activity WHERE datname = ? AND pid <> pg_backend_pid()"
        return [row["pid"] for row in self.root.query(sql, database.name)]

    def end_session(self, session):
        """As an administrator does."""
        self.root.query("SELECT pg_terminate_backend(?)", session)

    def kill_session(self, session):
        """As the kernel does when memory is short. The server then ends all its sessions."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(session, signal.SIGKILL)


class MariaDbStore(ServerStore):
    kind = "mysql"
    server_class = servers.MariaDb
    database_class = MariaDb
    create_options = drop_options = ""

    def copy(self, database):
        twin = self.fresh()
        with twin.session():
            tables = twin.query(
                "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = ?",
                database.name,
            )
            for table in (row["name"] for row in tables):
                source = f'"{database.name}"."{table}"'
                twin.query(f'CREATE TABLE "{table}" LIKE {source}')
                twin.query(f'INSERT INTO "{table}" SELECT * FROM {source}')
        return twin

    def sessions(self, database):
        sql = "SELECT id FROM information_schema.processlist WHERE db = ? AND id <> connection_id()"
        return [row["id"] for row in self.root.query(sql, database.name)]

    def end_session(self, session):
        with contextlib.suppress(MariaDb.driver().Error):  # it may have ended by itself
            self.root.query(f"KILL CONNECTION {int(session)}")

    kill_session = end_session  # a session is a thread: nothing worse can happen to it alone


STORES = {store.kind: store for store in (SqliteStore, PostgresStore, MariaDbStore)}


def known_kinds():
    """The kinds that this build has a driver for, as its help tells."""
    text = run_penstock("sync", "--to", "none:x").stderr
    return [kind for kind in STORES if f"{kind}:" in text]


DESTINATIONS = known_kinds()


def open_store(kind, folder, private=False):
    return STORES[kind](folder, private)

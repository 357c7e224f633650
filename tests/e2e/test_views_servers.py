"""Readable views in PostgreSQL and MariaDB show what those of SQLite show, which test_views.py
compares with the truth: after a load, after changes of fields, after a reset and after kills."""

import itertools
import subprocess
import sys
import urllib.parse

import pytest
from harness import QUICK, ROOT, Sqlite, run_penstock, start_sync, sync

sys.path.insert(0, str(ROOT / "tests"))
from servers import MariaDb, Postgres

DAY = 86400
COMPUTED = ("_label", "_name", "_title", "_subject", "labels", "primary_email", "primary_phone")
VIEWS = ("deals", "persons", "organizations", "activities", "products", "notes")


class Client:
    """A database of its own on a server, asked by the server's command line client."""

    def __init__(self, server, name):
        self.kind, self.port = server.name, urllib.parse.urlsplit(server.url).port
        self.url = f"{server.url}/{name}"
        self.name = name
        if self.kind == "postgres":
            self.run("CREATE DATABASE " + name, "postgres")

    def run(self, sql, database=None):
        database = database or self.name
        address = ("--host=127.0.0.1", f"--port={self.port}")
        if self.kind == "postgres":
            options = ("-qXAt", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", database)
            command = ("psql", *address, *options, "-c", "SET search_path = pipedrive", "-c", sql)
            command = command if database == self.name else (*command[:-4], "-c", sql)
        else:
            options = ("--no-defaults", *address, "--user=root", "-NB")
            command = ("mariadb", *options, "--default-character-set=utf8mb4", "-e", sql, database)
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert done.returncode == 0, (sql, done.stderr)
        return done.stdout.split("\n")[:-1]

    def cells(self, view, columns):
        """Rows by id, their values as hexadecimal UTF-8, which no client changes."""
        if self.kind == "postgres":
            form, separator = "encode(convert_to(\"{}\"::text, 'UTF8'), 'hex')", "|"
        else:
            form, separator = "lower(hex(CONVERT(`{}` USING utf8mb4)))", "\t"
        values = ", ".join(f"coalesce({form.format(column)}, '-')" for column in columns)
        rows = self.run(f"SELECT {values} FROM {view}_view ORDER BY id")
        return [row.split(separator) for row in rows]

    def columns(self, view):
        schema = "'pipedrive'" if self.kind == "postgres" else "DATABASE()"
        return self.run(
            "SELECT column_name FROM information_schema.columns "
            f"WHERE table_schema = {schema} AND table_name = '{view}_view'"
        )

    def views(self):
        schema = "'pipedrive'" if self.kind == "postgres" else "DATABASE()"
        return set(
            self.run(
                f"SELECT table_name FROM information_schema.views WHERE table_schema = {schema}"
            )
        )


class Lite(Sqlite):
    def cells(self, view, columns):
        form = """iif("{0}" IS NULL, '-', lower(hex(CAST("{0}" AS TEXT)))) AS "{0}" """
        values = ", ".join(form.format(column) for column in columns)
        rows = self.query(f"SELECT {values} FROM {view}_view ORDER BY id")
        return [list(row.values()) for row in rows]

    def columns(self, view):
        return [row["name"] for row in self.query(f"PRAGMA table_info('{view}_view')")]

    def views(self):
        rows = self.query("SELECT name FROM sqlite_schema WHERE type = 'view'")
        return {row["name"] for row in rows}


@pytest.fixture(scope="module", params=[Postgres, MariaDb], ids=lambda kind: kind.name)
def server(request):
    with request.param() as started:
        yield started


def both(databases, *words):
    for database in databases:
        done = run_penstock(*words, "--to", database.url)
        assert done.returncode == 0, done


def sync_both(simulator, databases, *words):
    for database in databases:
        sync(simulator, database.url, *words)


def is_plain(name):
    """MariaDB has no letters beyond U+FFFF in names."""
    return all(ord(letter) <= 0xFFFF for letter in name)


def assert_same(lite, other):
    assert lite.views() == other.views()
    for view in VIEWS:
        if f"{view}_view" not in lite.views():
            continue
        names = {name for name in lite.columns(view) if is_plain(name)}
        assert names == {name for name in other.columns(view) if name in names}
        computed = sorted(name for name in names if name.endswith(COMPUTED))
        assert computed and lite.cells(view, computed) == other.cells(view, computed), view


def test_the_same_views_in_every_database(simulate, tmp_path, server):
    simulator = simulate(*QUICK, "--persons", 60, "--deals", 60, "--custom-fields", 20)
    options = {"options": ["One", "Two", "Three"]}
    key = simulator.admin(
        "field_add", entity="persons", name="Choice", type="enum", fill=80, **options
    )["key"]
    databases = lite, other = Lite(tmp_path / "crm.db"), Client(server, "same")
    sync_both(simulator, databases)
    both(databases, "views")
    assert_same(lite, other)

    simulator.admin("field_type", entity="persons", key=key, type="set", **options)
    simulator.admin("field_add", entity="deals", name="New", type="enum", fill=80, **options)
    for entity in ("persons", "deals"):
        simulator.admin("bulk", entity=entity, count=50)
    simulator.advance(DAY)
    sync_both(simulator, databases)
    assert {"new", "new_label"} <= set(other.columns("deals"))
    assert_same(lite, other)

    both(databases, "reset", "default", "persons", "--yes")
    assert "person_name" not in other.columns("deals")
    assert_same(lite, other)
    sync_both(simulator, databases)
    assert "person_name" in other.columns("deals")
    assert_same(lite, other)

    both(databases, "views", "--drop")
    assert other.views() == set()


@pytest.mark.parametrize("point", ("prepared", "before-commit"))
def test_a_kill_in_the_middle_of_a_change(simulate, server, point):
    simulator = simulate(*QUICK, "--persons", 5, "--deals", 5, "--custom-fields", 0)
    tables = ("--tables", "persons,users")
    for n in itertools.count(1):
        database = Client(server, f"kill_{point[:3]}_{n}")
        sync(simulator, database.url, *tables)
        both([database], "views")
        name = f"Field {point[:3]} {n}"
        simulator.admin("field_add", entity="persons", name=name, type="varchar", fill=100)
        simulator.admin("bulk", entity="persons", count=5)
        simulator.advance(DAY)
        process = start_sync(
            simulator, database.url, *tables, env={"PENSTOCK_FAULT": f"{point}:{n}"}
        )
        process.communicate()
        assert process.returncode in (0, -9)
        assert len(database.cells("persons", ["id"])) == 5
        if process.returncode == 0:
            break
        sync(simulator, database.url, *tables)
        assert f"field_{point[:3]}_{n}" in database.columns("persons")
        assert database.views() == {"persons_view", "users_view"}
    assert n > 2

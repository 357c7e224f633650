"""Kills between two statements of DDL in MariaDB, where each commits by itself: the next run takes
what it finds to the tables of an undisturbed run (src/destinations/mysql_schema.c lists the states).

Needs a build with -Dfault_points=true, as script/test makes one (src/base/fault.h)."""

import itertools

import pytest
from harness import start_sync, sync
from section4 import company
from stores import open_store
from test_fields import DAY, LITERALS, add, put

WORDS = ("--tables", "persons")


@pytest.fixture
def store(tmp_path):
    store = open_store("mysql", tmp_path)
    yield store
    store.close()


def kill(simulator, store, database, point):
    """Whether the run was killed at the point, and did not end before."""
    process = start_sync(simulator, database.url, *WORDS, env={"PENSTOCK_FAULT": point})
    output = process.communicate()
    assert process.returncode in (0, -9), output
    store.wait_until_free(database)
    return process.returncode == -9


def kill_at_every_statement(simulator, store, database):
    """Each run comes one statement further, and is killed there."""
    for n in itertools.count(1):
        if not kill(simulator, store, database, f"mysql-after-ddl:{n}"):
            return n - 1


def facts(database):
    """Tables, types and names; not the columns of the runs."""
    with database.session():
        fields = database.query('SELECT * FROM "_penstock_fields"')
        return (
            database.snapshot(["persons"]),
            dict(sorted(database.types("persons").items())),
            sorted((row["key"], row["part"], row["column"], row["type"]) for row in fields),
        )


def marks(database):
    sql = (
        "SELECT column_name FROM information_schema.columns "
        "WHERE table_schema = ? AND column_comment LIKE '% becoming text)'"
    )
    return [row["column_name"] for row in database.query(sql, database.name)]


def test_kills_between_statements_of_ddl(simulate, store):
    simulator = simulate(*company(persons=20, custom_fields=0))
    undisturbed, database = store.fresh(), store.fresh()
    size, weight = (add(simulator, "persons", name, "double") for name in ("Size", "Weight"))
    for id, literal in enumerate(LITERALS, 1):
        put(simulator, "persons", id, **{size: literal, weight: literal})
    assert kill_at_every_statement(simulator, store, database) >= 6, "system tables and persons"
    sync(simulator, undisturbed.url, *WORDS)
    assert facts(database) == facts(undisturbed)

    for n, key in enumerate((size, weight)):
        simulator.admin("field_type", entity="persons", key=key, type="varchar")
        add(simulator, "persons", f"New {n}", "set")
        put(simulator, "persons", 5 + n, **{key: '"n/a"'})
        simulator.advance(DAY)
        if n == 0:
            assert kill_at_every_statement(simulator, store, database) > 0
        else:
            assert kill(simulator, store, database, "mysql-after-update:1")
            assert len(marks(database)) == 1
            sync(simulator, database.url, *WORDS)
        sync(simulator, undisturbed.url, *WORDS)
        assert marks(database) == []
        assert facts(database) == facts(undisturbed)

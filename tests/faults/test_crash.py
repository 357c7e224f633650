"""Kills at fault points and at any moment, cuts at any byte, and what the next run makes of it.

A few lives of each scenario on each destination; tests/faults/crash.py lives thousands."""

import contextlib
import re
import sqlite3

import pytest
from crash import Worlds, random_blows, try_life
from facts import assert_same_facts, facts
from harness import ROOT, random_seed
from scenarios import SCENARIOS
from stores import DESTINATIONS

LIVES = 3


@pytest.fixture(scope="module")
def worlds():
    """Servers are shared with other tests, so they are not killed here: test_servers.py does."""
    worlds = Worlds(random_seed(), private=False)
    yield worlds
    worlds.close()


@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.parametrize("kind", DESTINATIONS)
def test_lives(worlds, kind, name):
    for number in range(LIVES):
        life = try_life(worlds, kind, name, lambda world: random_blows(world, worlds.seed, number))
        assert not life.failure, (
            f"tests/faults/crash.py --seed {worlds.seed} --repeat {life.text()!r}\n{life.failure}"
        )


@pytest.mark.parametrize("kind", DESTINATIONS)
def test_a_kill_between_columns_and_rows(worlds, kind):
    """Where DDL is not transactional the new columns are there, and the rows that name them not."""
    passes = worlds.get(kind, "new-fields").passes["after-prepare"]
    assert passes > 0
    for n in range(1, passes + 1):
        life = try_life(worlds, kind, "new-fields", lambda _: [f"after-prepare:{n}"])
        assert life.hits and not life.failure, f"{life.text()}\n{life.failure}"


# Where DDL is not transactional, names are committed before columns; elsewhere together with them.
ONLY_OF = {"after-names": "mysql"}


def points_of_source(kind):
    """Fault points that a run on this kind of destination can pass."""
    points = set()
    for path in (ROOT / "src").rglob("*.c"):
        if path.parent.name == "destinations" and not path.name.startswith(kind):
            continue
        points |= set(re.findall(r'\bfault_point\("([^"]+)"\)', path.read_text()))
    return {point for point in points if ONLY_OF.get(point, kind) == kind}


@pytest.mark.parametrize("kind", DESTINATIONS)
def test_every_fault_point_is_passed(worlds, kind):
    """By the scenarios: a point that none of them passes kills nothing."""
    points = points_of_source(kind)
    assert "before-commit" in points
    passed = set()
    for name in SCENARIOS:
        if not points <= passed:
            passed |= set(worlds.get(kind, name).passes)
    assert points <= passed, points - passed


def test_the_comparison_sees_a_difference(worlds):
    """The harness itself: a row less, another value, another column are all told."""
    world = worlds.get("sqlite", "sweep")
    database = world.destination()
    world.finish(world.start(database), [0])
    expected = world.expected
    for statement in (
        "DELETE FROM notes WHERE id = (SELECT min(id) FROM notes)",
        "UPDATE deals SET value = 1234567 WHERE id = (SELECT min(id) FROM deals)",
        "UPDATE filters SET _deleted_at = NULL",
        "ALTER TABLE persons ADD COLUMN other TEXT",
        "UPDATE _penstock_state SET value = replace(value, 'true', 'false')",
        "DELETE FROM _penstock_fields WHERE \"table\" = 'deals'",
    ):
        twin = world.store.copy(database)
        with contextlib.closing(sqlite3.connect(twin.path)) as connection, connection:
            connection.execute(statement)
        with pytest.raises(AssertionError):
            assert_same_facts(facts(twin), expected)
        world.store.drop(twin)
    world.store.drop(database)

"""The database's own death: a session that is killed, a server that is killed in the middle of a run
and starts again. Servers are private, since every session on them dies."""

import random

import pytest
from crash import SERVER_BLOWS, Worlds, try_life
from harness import random_seed
from stores import DESTINATIONS

LIVES = 3
MOST_LIVES = 12  # until one was hit: a run may be over before its blow
SERVERS = [kind for kind in DESTINATIONS if kind != "sqlite"]


@pytest.fixture(scope="module")
def worlds():
    worlds = Worlds(random_seed())
    yield worlds
    worlds.close()


@pytest.mark.parametrize("blow", SERVER_BLOWS)
@pytest.mark.parametrize("name", ["first-load", "children"])
@pytest.mark.parametrize("kind", SERVERS)
def test_a_killed_database(worlds, kind, name, blow):
    dice = random.Random(f"{worlds.seed} {kind} {name} {blow}")
    hits = lives = misses = 0
    while lives < LIVES or (hits == 0 and lives < MOST_LIVES):
        lives += 1
        life = try_life(
            worlds,
            kind,
            name,
            lambda world, misses=misses: [at_any_moment(world, dice, blow, misses)],
        )
        repeat = f"tests/faults/crash.py --seed {worlds.seed} --repeat {life.text()!r}"
        assert not life.failure, f"{repeat}\n{life.failure}"
        hits += len(life.hits)
        misses += not life.hits
    assert hits > 0, "no run was hit before its end"


def at_any_moment(world, dice, blow, misses):
    """Earlier after each miss: a run may be quicker than the one that was timed, when more was going on."""
    return f"{blow}:{dice.uniform(0.2, 0.8) * world.seconds * 0.75**misses:.5f}"

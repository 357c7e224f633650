"""Random lives of a company; tests/faults/model.py lives longer ones, on any destination."""

import contextlib
import sqlite3

import pytest
from harness import random_seed
from model import Life, check_sequences, random_sequence, shrink
from stores import DESTINATIONS, open_store

STEPS = {"sqlite": 700}  # a part
OTHER_STEPS = 100
SHRINK_SECONDS = 60


@pytest.fixture
def store(request, tmp_path):
    store = open_store(request.param, tmp_path)
    yield store
    store.close()


PARTS = [(kind, part) for kind in DESTINATIONS for part in range(3 if kind == "sqlite" else 1)]


@pytest.mark.parametrize("store, part", PARTS, indirect=["store"])
def test_the_destination_equals_the_company(store, part):
    steps = STEPS.get(store.kind, OTHER_STEPS)
    seed = f"{random_seed()} {part}"
    counts = check_sequences(store, seed, steps, shrink_seconds=SHRINK_SECONDS)
    print(dict(counts))
    # Steps that the simulator refuses prove nothing.
    assert counts["refused"] < counts["steps"] / 20


class Spoilt(Life):
    """A destination that loses a value: notes that were added lose their content."""

    def compare(self, *words, **more):
        with contextlib.closing(sqlite3.connect(self.database.path)) as connection, connection:
            born = max(self.company.ids["notes"][:1], default=0) + 900
            connection.execute("UPDATE notes SET content = 'spoilt' WHERE id > ?", (born,))
        super().compare(*words, **more)


def fails(sequence, store):
    life = Spoilt(sequence, store)
    try:
        life.run()
    except AssertionError:
        return True
    finally:
        life.close()
    return False


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_a_difference_is_found_and_shrunk(store):
    """The harness itself: of a long sequence that fails only the step that matters is left."""
    dice = 0
    while not fails(sequence := random_sequence(f"spoilt {dice}", 40), store):
        dice += 1
    short = shrink(sequence, lambda one: fails(one, store))
    assert [step[0] for step in short.steps] == ["add"]

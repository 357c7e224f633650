"""Fixtures of the end-to-end tests; the helpers are in harness.py."""

import pytest
from harness import Simulator, Sqlite


@pytest.fixture
def simulate():
    """Starts simulators that end with the test."""
    started = []

    def start(*options):
        started.append(Simulator(*options))
        return started[-1]

    yield start
    assert [simulator.stop() for simulator in started] == [0] * len(started)


@pytest.fixture
def database(tmp_path):
    """A SQLite destination that does not exist yet."""
    return Sqlite(tmp_path / "crm.db")

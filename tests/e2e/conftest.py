"""Fixtures of the end-to-end tests; the helpers are in harness.py."""

import pytest
from harness import Sqlite, simulators


@pytest.fixture(autouse=True)
def state_dir(tmp_path_factory, monkeypatch):
    """Each test's own record of spent tokens: companies of simulators have the same ids."""
    folder = tmp_path_factory.mktemp("state") / "penstock"
    monkeypatch.setenv("PENSTOCK_STATE_DIR", str(folder))
    return folder


@pytest.fixture
def simulate():
    """Starts simulators that end with the test."""
    with simulators() as start:
        yield start


@pytest.fixture
def database(tmp_path):
    """A SQLite destination that does not exist yet."""
    return Sqlite(tmp_path / "crm.db")

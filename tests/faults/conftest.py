"""Fixtures of the fault tests: the end-to-end tests' own, and stores of databases."""

import pathlib
import sys

import pytest

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from harness import simulators  # noqa: E402


@pytest.fixture
def simulate():
    """Starts simulators that end with the test."""
    with simulators() as start:
        yield start


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """With --dist loadgroup one worker has all tests of a kind of database: it makes each world, which
    takes some runs, once."""
    for item in items:
        if "worlds" in item.fixturenames and hasattr(item, "callspec"):
            group = f"{item.module.__name__} {item.callspec.params['kind']}"
            item.add_marker(pytest.mark.xdist_group(group))

"""Fixtures of the fault tests: the end-to-end tests' own, and stores of databases."""

import pathlib
import sys

import pytest

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from harness import Simulator  # noqa: E402


@pytest.fixture
def simulate():
    """Starts simulators that end with the test."""
    started = []

    def start(*options):
        started.append(Simulator(*options))
        return started[-1]

    yield start
    assert [simulator.stop() for simulator in started] == [0] * len(started)

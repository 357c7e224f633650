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

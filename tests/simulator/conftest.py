"""Starts the simulators that the tests talk to."""

import os
import subprocess
from pathlib import Path

import pytest
from simclient import STEADY, Simulator

NAMES = {"deals": "title", "persons": "name", "organizations": "name"}
CLIENT = Path(__file__).parent / "client"


@pytest.fixture(scope="session")
def steady():
    """For tests that only read: no limits, the clock stands."""
    simulator = Simulator(*STEADY)
    for entity in ("deals", "persons", "organizations"):  # histories of more than one line
        for text in ("before", "after"):
            one = simulator.data(f"/api/v2/{entity}", limit=1)[0]["id"]
            simulator.admin("edit", entity=entity, id=one, attributes={NAMES[entity]: text})
    yield simulator
    assert simulator.stop() == 0


@pytest.fixture
def start():
    """Starts simulators of a test's own, which it may change."""
    started = []

    def start_one(*options):
        started.append(Simulator(*options))
        return started[-1]

    yield start_one
    assert {simulator.stop() for simulator in started} <= {0}


@pytest.fixture
def fresh(start):
    """One of the test's own, like the steady one."""
    return start(*STEADY)


@pytest.fixture(scope="session")
def official_client():
    """The folder of the official client's script, with its packages installed."""
    command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline"]
    marker = CLIENT / "node_modules" / ".package-lock.json"
    lock = CLIENT / "package-lock.json"
    if not marker.exists() or marker.stat().st_mtime < lock.stat().st_mtime:
        subprocess.run(command, cwd=CLIENT, check=True, env={**os.environ, "CI": "1"})
    return CLIENT

"""The same seed gives the same bytes."""

import time

import pytest
from shapes import OPERATIONS
from simclient import STEADY, Simulator
from test_contract import NOT_SERVED

LISTS = [
    ("/v1" if each["api"] == "v1" else "/api/v2") + each["path"]
    for each in OPERATIONS
    if "{" not in each["path"]
    and (each["api"], each["path"]) not in NOT_SERVED
    and each["path"] not in ("/recents", "/deals/products")
]
OTHER_SEED = [part.replace("7", "8") for part in STEADY]


@pytest.fixture(scope="module")
def three():
    simulators = [Simulator(*STEADY), Simulator(*STEADY), Simulator(*OTHER_SEED)]
    yield simulators
    for simulator in simulators:
        simulator.stop()


def bodies(simulators, path):
    """The bytes, with each simulator's own address taken out."""
    return [one.get(path).body.replace(one.url.encode(), b"") for one in simulators]


@pytest.mark.parametrize("path", [*LISTS, "/v1/deals/1/flow", "/v1/deals/1/changelog"])
def test_the_same_seed_gives_the_same_bytes(three, path):
    one, two, _ = bodies(three, path)
    assert one == two


@pytest.mark.parametrize("path", ["/api/v2/deals", "/api/v2/persons", "/v1/notes", "/v1/files"])
def test_another_seed_gives_others(three, path):
    one, _, other = bodies(three, path)
    assert one != other


def test_tokens_come_from_the_seed(three):
    one, two, other = (simulator.companies for simulator in three)
    assert one == two
    assert one[0]["token"] != other[0]["token"]


def test_a_company_is_its_seed(start, three):
    """Company number i uses seed + i."""
    both = start(*STEADY, "--companies", "2")
    second = both.get("/api/v2/deals", token=both.companies[1]["token"]).data
    assert [deal["title"] for deal in second] == [
        deal["title"] for deal in three[2].data("/api/v2/deals")
    ]


def test_the_same_request_twice(steady):
    assert steady.get("/api/v2/deals").body == steady.get("/api/v2/deals").body


def test_edits_are_deterministic(start):
    found = []
    for simulator in (start(*STEADY), start(*STEADY)):
        simulator.admin("bulk", entity="deals", count=30)
        simulator.admin("bulk_add", entity="deals", count=30)
        found.append(simulator.truth("deals"))
    assert found[0] == found[1]


def test_a_running_clock_moves_and_a_frozen_one_stands(start):
    frozen, running = start(*STEADY), start("--size", "small", "--seed", "7")
    before = frozen.now(), running.now()
    time.sleep(1.1)
    assert frozen.now() == before[0]
    assert running.now() > before[1]


def test_now_is_where_the_clock_starts(start):
    assert start(*STEADY, "--now", "2026-12-24T18:00:00Z").now() == "2026-12-24T18:00:00Z"
    assert start(*STEADY).now() == "2026-11-20T12:00:00Z"

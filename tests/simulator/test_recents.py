"""Each item of /v1/recents has the schema of its own kind, not just of any."""

import pytest
from shapes import members, missing, operation
from simclient import STEADY, Simulator, ids

RECENTS = operation("v1", "/recents")
KINDS = {
    node["properties"]["item"]["enum"][0]: node["properties"]["data"]
    for node in RECENTS["answer"]["properties"]["data"]["items"]["any_of"]
}
TABLES = {
    "activity": ("activities", "subject"),
    "activityType": ("activity_types", "name"),
    "deal": ("deals", "title"),
    "file": ("files", "name"),
    "filter": ("filters", "name"),
    "note": ("notes", "content"),
    "person": ("persons", "name"),
    "organization": ("organizations", "name"),
    "pipeline": ("pipelines", "name"),
    "product": ("products", "name"),
    "stage": ("stages", "name"),
    "user": ("users", "name"),
}


@pytest.fixture(scope="module")
def changed():
    """A minute in which the first two rows of every table were edited, and what recents say."""
    simulator = Simulator(*STEADY)
    since = simulator.now().replace("T", " ").rstrip("Z")
    simulator.admin("clock", advance=60)
    edited = {}
    for item, (table, name) in TABLES.items():
        edited[item] = ids(simulator.truth(table))[:2]
        for one in edited[item]:
            simulator.admin("edit", entity=table, id=one, attributes={name: "changed"})
    yield edited, simulator.by_offset("/v1/recents", since_timestamp=since)
    assert simulator.stop() == 0


def records(rows, item):
    """Users are wrapped in an array now and then (API.md section 5)."""
    found = [row["data"] for row in rows if row["item"] == item]
    return [data[0] if isinstance(data, list) else data for data in found]


def test_every_kind_is_known():
    assert TABLES.keys() == KINDS.keys()


@pytest.mark.parametrize("item", KINDS)
def test_an_edit_is_recent(changed, item):
    edited, rows = changed
    assert ids(row for row in rows if row["item"] == item) == edited[item]
    assert ids(records(rows, item)) == edited[item]
    assert {record[TABLES[item][1]] for record in records(rows, item)} == {"changed"}


@pytest.mark.parametrize("item", KINDS)
def test_types_and_names(changed, item):
    # The document's examples of one kind are no excuse for another.
    shown = [sample for each in RECENTS["examples"] for sample in each["data"] or []]
    samples = [sample["data"] for sample in shown if sample["item"] == item]
    for record in records(changed[1], item):
        assert not members(record, KINDS[item], "v1", "v1 /recents.data[].data", samples)


@pytest.mark.parametrize("item", KINDS)
def test_documented_properties_are_there(changed, item):
    for record in records(changed[1], item):
        assert not missing(record, KINDS[item])


def test_users_come_in_both_forms(changed):
    forms = {type(row["data"]) for row in changed[1] if row["item"] == "user"}
    assert forms == {dict, list}

"""Parameters that pick rows pick just those."""

import pytest
from shapes import OPERATIONS, parameters
from simclient import ids

NOT_FILTERS = {"limit", "start", "cursor", "filter_id", "custom_fields", "status"}
NO_DATA = {"project_id", "task_id"}  # no table of ours holds projects or tasks


def record_properties(declared):
    data = declared["answer"]["properties"]["data"]
    return data.get("items", {}).get("properties", {})


# A query parameter with the name of a property of the rows.
FILTERS = [
    pytest.param(each["api"], each["path"], name, id=f"{each['api']} {each['path']} {name}")
    for each in OPERATIONS
    if "{" not in each["path"] and not each["deprecated"]
    for name in parameters(each)
    if name in record_properties(each) and name not in NOT_FILTERS | NO_DATA
]


def walk(simulator, api, path, **query):
    if api == "v2":
        return simulator.by_cursor("/api/v2" + path, 500, **query)
    if "start" in parameters(next(o for o in OPERATIONS if (o["api"], o["path"]) == (api, path))):
        return simulator.by_offset("/v1" + path, **query)
    return simulator.data("/v1" + path, **query)


@pytest.mark.parametrize("api,path,name", FILTERS)
def test_filter(steady, api, path, name):
    rows = walk(steady, api, path)
    values = sorted({row[name] for row in rows if row[name] is not None}, key=str)
    assert values, "the data has something to filter by"
    for value in values[:3]:
        sent = {True: "true", False: "false"}[value] if isinstance(value, bool) else value
        if name.startswith("pinned_"):
            sent = int(value)
        expected = [row["id"] for row in rows if row[name] == value]
        assert ids(walk(steady, api, path, **{name: sent}) or []) == expected


@pytest.mark.parametrize("name", sorted(NO_DATA))
def test_notes_of_what_nobody_has(steady, name):
    assert steady.data("/v1/notes", **{name: 1}) is None


def test_notes_by_two_filters(steady):
    rows = [row for row in walk(steady, "v1", "/notes") if row["pinned_to_deal_flag"]]
    one = rows[0]["deal_id"]
    found = walk(steady, "v1", "/notes", pinned_to_deal_flag=1, deal_id=one)
    assert ids(found) == [row["id"] for row in rows if row["deal_id"] == one]


def test_an_edited_lead_is_found(fresh):
    lead = "0f000000-0000-4000-8000-00000000000f"
    for entity, path in (("notes", "/v1/notes"), ("activities", "/api/v2/activities")):
        one = fresh.data(path)[0]["id"]
        fresh.admin("edit", entity=entity, id=one, attributes={"lead_id": lead})
        assert ids(fresh.data(path, lead_id=lead)) == [one]


@pytest.mark.parametrize("status", ["open", "won", "lost"])
@pytest.mark.parametrize("path", ["/deals", "/deals/archived"])
def test_status(steady, path, status):
    expected = [row["id"] for row in walk(steady, "v2", path) if row["status"] == status]
    assert ids(walk(steady, "v2", path, status=status)) == expected


def test_a_deals_persons(steady):
    deal = next(row for row in walk(steady, "v2", "/deals") if row["person_id"])
    assert deal["person_id"] in ids(walk(steady, "v2", "/persons", deal_id=deal["id"]))


@pytest.mark.parametrize("term", ["EUR", "eur"])
def test_currencies_by_term(steady, term):
    assert "EUR" in [row["code"] for row in steady.data("/v1/currencies", term=term)]
    assert len(steady.data("/v1/currencies", term=term)) < len(steady.data("/v1/currencies"))


def test_filter_conditions_come_by_id_only(steady):
    """API.md section 8.9."""
    listed = steady.data("/v1/filters")[0]
    assert "conditions" not in listed
    assert "conditions" in steady.data(f"/v1/filters/{listed['id']}")


def test_include_field_code(steady):
    one = steady.data("/v1/filters")[0]["id"]

    def conditions(**query):
        outer = steady.data(f"/v1/filters/{one}", **query)["conditions"]["conditions"]
        return [condition for group in outer for condition in group["conditions"]]

    assert conditions()
    assert all("field_code" in each for each in conditions(include_field_code="true"))
    assert not any("field_code" in each for each in conditions())

"""The admin API changes what the API answers."""

import json

import pytest
from simclient import SEED, STEADY, ids

TABLES = {
    "activities": ("/api/v2/activities", "subject"),
    "deals": ("/api/v2/deals", "title"),
    "organizations": ("/api/v2/organizations", "name"),
    "persons": ("/api/v2/persons", "name"),
    "products": ("/api/v2/products", "name"),
    "pipelines": ("/api/v2/pipelines", "name"),
    "stages": ("/api/v2/stages", "name"),
    "notes": ("/v1/notes", "content"),
    "files": ("/v1/files", "name"),
    "filters": ("/v1/filters", "name"),
    "users": ("/v1/users", "name"),
}
STAMPED = [table for table in TABLES if table != "users"]


def get(simulator, table, record):
    return simulator.data(f"{TABLES[table][0]}/{record}")


def first(simulator, table):
    return simulator.data(TABLES[table][0])[0]["id"]


def stamp(simulator, table):
    """Now, as the table's API version writes it."""
    now = simulator.now()
    return now if "/v2/" in TABLES[table][0] else now.replace("T", " ").rstrip("Z")


@pytest.mark.parametrize("table", TABLES)
def test_edit(fresh, table):
    one, name = first(fresh, table), TABLES[table][1]
    fresh.admin("edit", entity=table, id=one, attributes={name: "edited"})
    assert get(fresh, table, one)[name] == "edited"


@pytest.mark.parametrize("table", STAMPED)
def test_edit_moves_update_time(fresh, table):
    one, name = first(fresh, table), TABLES[table][1]
    fresh.admin("clock", advance=3600)
    fresh.admin("edit", entity=table, id=one, attributes={name: "edited"})
    assert get(fresh, table, one)["update_time"] == stamp(fresh, table)


@pytest.mark.parametrize("table", STAMPED)
def test_edit_without_touch(fresh, table):
    one, name = first(fresh, table), TABLES[table][1]
    before = get(fresh, table, one)["update_time"]
    fresh.admin("clock", advance=3600)
    fresh.admin("edit", entity=table, id=one, attributes={name: "edited"}, touch=False)
    assert get(fresh, table, one)["update_time"] == before


def test_edit_with_a_chosen_stamp(fresh):
    one = first(fresh, "deals")
    for moment in ("2026-03-04T05:06:07Z", None):
        fresh.admin("edit", entity="deals", id=one, attributes={}, touch=moment)
        assert get(fresh, "deals", one)["update_time"] == moment


@pytest.mark.parametrize("table", STAMPED)
def test_add(fresh, table):
    name = TABLES[table][1]
    known = max(ids(fresh.truth(table)))
    one = fresh.admin("add", entity=table, attributes={name: "added"})["id"]
    record = get(fresh, table, one)
    assert one > known
    assert (record[name], record["add_time"]) == ("added", stamp(fresh, table))
    assert record["update_time"] == record["add_time"]


def test_add_with_an_id(fresh):
    one = fresh.admin("add", entity="deals", id=2_000_000_000, attributes={"title": "big"})["id"]
    assert one == 2_000_000_000
    assert get(fresh, "deals", one)["title"] == "big"


LARGEST = 2**31 - 1


def refusal(simulator, op, **arguments):
    """What the admin API says against an operation."""
    answer = simulator.request("POST", f"/_sim/{op}", {}, json.dumps(arguments).encode())
    assert (answer.status, answer.json["ok"]) == (400, False)
    return answer.json["error"]


@pytest.mark.parametrize("one", [-1, 1, LARGEST + 1, 2**62])
def test_add_names_the_bounds_of_ids(fresh, one):
    lowest = max(ids(fresh.truth("deals"))) + 1
    error = refusal(fresh, "add", entity="deals", id=one)
    assert str(lowest) in error and str(LARGEST) in error and str(one) in error


@pytest.mark.parametrize("table", TABLES)
def test_the_largest_id(fresh, table):
    path, name = TABLES[table]
    fresh.admin("add", entity=table, id=LARGEST, attributes={name: "last"})
    assert get(fresh, table, LARGEST)[name] == "last"
    rows = fresh.by_cursor(path) if "/v2/" in path else fresh.data(path)
    assert rows[-1]["id"] == LARGEST
    assert str(LARGEST) in refusal(fresh, "add", entity=table)


def test_the_children_of_the_largest_id(fresh):
    fresh.admin("add", entity="deals", id=LARGEST, attributes={"title": "a"})
    fresh.admin("edit", entity="deals", id=LARGEST, attributes={"title": "b"})
    made = fresh.admin("line_add", deal=LARGEST, product=first(fresh, "products"))["id"]
    fresh.admin("edit", entity="notes", id=first(fresh, "notes"), attributes={"deal_id": LARGEST})
    assert ids(fresh.data(f"/api/v2/deals/{LARGEST}/products")) == [made]
    assert len(fresh.data("/v1/notes", deal_id=LARGEST)) == 1
    assert fresh.data(f"/v1/deals/{LARGEST}/flow")
    assert fresh.data(f"/v1/deals/{LARGEST}/changelog")


def test_status_moves_its_times(fresh):
    one = fresh.data("/api/v2/deals", status="open")[0]["id"]
    fresh.admin("clock", advance=60)
    fresh.admin("edit", entity="deals", id=one, attributes={"status": "won"})
    deal = get(fresh, "deals", one)
    assert (deal["status"], deal["won_time"], deal["close_time"]) == (
        "won",
        fresh.now(),
        fresh.now(),
    )
    fresh.admin("edit", entity="deals", id=one, attributes={"status": "open"})
    assert not get(fresh, "deals", one).get("won_time")


def test_an_edit_is_logged(fresh):
    one = first(fresh, "persons")
    fresh.admin("edit", entity="persons", id=one, attributes={"name": "logged"})
    line = fresh.data(f"/v1/persons/{one}/changelog")[0]
    assert (line["field_key"], line["new_value"]) == ("name", "logged")


@pytest.mark.parametrize("entity", ["persons", "organizations", "deals"])
def test_merge(fresh, entity):
    winner, loser = ids(fresh.by_cursor(TABLES[entity][0]))[:2]
    fresh.admin("clock", advance=60)
    fresh.admin("merge", entity=entity, winner=winner, loser=loser)
    assert get(fresh, entity, loser)["is_deleted"] is True
    assert get(fresh, entity, winner)["update_time"] == fresh.now()


@pytest.mark.parametrize("entity,key", [("persons", "person_id"), ("organizations", "org_id")])
def test_merge_points_children_at_the_winner(fresh, entity, key):
    deals = [deal for deal in fresh.by_cursor("/api/v2/deals") if deal[key]]
    loser = deals[0][key]
    winner = next(one for one in ids(fresh.by_cursor(TABLES[entity][0])) if one != loser)
    fresh.admin("merge", entity=entity, winner=winner, loser=loser)
    assert fresh.by_cursor("/api/v2/deals", **{key: loser}) == []
    assert get(fresh, "deals", deals[0]["id"])[key] == winner


def test_bulk_edits_many_in_one_second(fresh):
    fresh.admin("clock", advance=60)
    before = fresh.now()
    fresh.admin("bulk", entity="persons", count=40, attributes={"name": "bulk"})
    rows = fresh.by_cursor("/api/v2/persons", updated_since=before)
    assert [row["name"] for row in rows] == ["bulk"] * 40
    assert {row["update_time"] for row in rows} == {before}


def test_bulk_add(fresh):
    made = fresh.admin("bulk_add", entity="deals", count=300)
    rows = fresh.by_cursor("/api/v2/deals", 500, updated_since=fresh.now())
    assert ids(rows) == [*range(made["first_id"], made["last_id"] + 1)]
    assert len(rows) == 300


FIELDS = {
    "deals": "deal",
    "persons": "person",
    "organizations": "organization",
    "products": "product",
}


def field(simulator, entity, key):
    return simulator.get(f"/api/v2/{FIELDS[entity]}Fields/{key}")


@pytest.mark.parametrize("entity", FIELDS)
def test_field_add(fresh, entity):
    key = fresh.admin("field_add", entity=entity, name="New one", type="varchar")["key"]
    assert field(fresh, entity, key).data["field_name"] == "New one"
    rows = fresh.by_cursor(TABLES[entity][0])
    assert {row["custom_fields"][key] for row in rows} == {None}


def test_field_add_with_values(fresh):
    made = fresh.admin("field_add", entity="deals", name="Full", type="varchar", fill=100)
    rows = fresh.by_cursor("/api/v2/deals")
    assert all(isinstance(row["custom_fields"][made["key"]], str) for row in rows)


@pytest.mark.parametrize("entity", FIELDS)
def test_field_rename(fresh, entity):
    key = fresh.admin("field_add", entity=entity, name="Old", type="varchar")["key"]
    fresh.admin("clock", advance=60)
    fresh.admin("field_rename", entity=entity, key=key, name="New")
    assert field(fresh, entity, key).data["field_name"] == "New"
    rows = fresh.by_offset(f"/v1/{FIELDS[entity]}Fields")
    row = next(each for each in rows if each["key"] == key)
    assert (row["name"], row["update_time"]) == ("New", fresh.now().replace("T", " ")[:-1])


@pytest.mark.parametrize("entity", FIELDS)
def test_field_remove(fresh, entity):
    key = fresh.admin("field_add", entity=entity, name="Gone", type="varchar")["key"]
    fresh.admin("field_remove", entity=entity, key=key)
    assert field(fresh, entity, key).status in (404, 410)
    assert not any(key in row["custom_fields"] for row in fresh.by_cursor(TABLES[entity][0]))


def test_field_type(fresh):
    key = fresh.admin("field_add", entity="deals", name="Grows", type="double")["key"]
    fresh.admin("field_type", entity="deals", key=key, type="varchar")
    assert field(fresh, "deals", key).data["field_type"] == "varchar"


def test_options(fresh):
    made = fresh.admin("field_add", entity="deals", name="Size", type="enum", options=["S", "M"])
    key = made["key"]

    def labels():
        return [option["label"] for option in field(fresh, "deals", key).data["options"]]

    assert labels() == ["S", "M"]
    large = fresh.admin("option_add", entity="deals", key=key, label="L")["id"]
    assert labels() == ["S", "M", "L"]
    fresh.admin("option_relabel", entity="deals", key=key, id=large, label="XL")
    assert labels() == ["S", "M", "XL"]
    fresh.admin("option_remove", entity="deals", key=key, id=large)
    assert labels() == ["S", "M"]


def test_lines(fresh):
    deal = first(fresh, "deals")
    product = first(fresh, "products")
    fresh.admin("clock", advance=60)
    before = ids(fresh.by_cursor(f"/api/v2/deals/{deal}/products"))
    one = fresh.admin("line_add", deal=deal, product=product, attributes={"quantity": 3})["id"]
    after = fresh.by_cursor(f"/api/v2/deals/{deal}/products")
    assert {*ids(after)} - {*before} == {one}
    line = next(row for row in after if row["id"] == one)
    assert (line["deal_id"], line["product_id"], line["quantity"]) == (deal, product, 3)
    assert get(fresh, "deals", deal)["update_time"] == fresh.now()
    fresh.admin("line_remove", id=one)
    assert ids(fresh.by_cursor(f"/api/v2/deals/{deal}/products")) == before


def test_lines_move_products_count(fresh):
    deal = first(fresh, "deals")

    def count():
        record = fresh.data(f"/api/v2/deals/{deal}", include_fields="products_count")
        return record["products_count"]

    before = count()
    fresh.admin("line_add", deal=deal, product=first(fresh, "products"))
    assert count() == before + 1


def test_plan(fresh):
    fresh.admin("plan", plan="premium", seats=3)
    headers = fresh.get("/v1/users/me").headers
    assert headers["x-ratelimit-limit"] == "100"
    assert headers["x-daily-ratelimit-token-limit"] == str(30000 * 5 * 3)
    fresh.admin("plan", plan="lite")
    headers = fresh.get("/v1/users/me").headers
    assert headers["x-daily-ratelimit-token-limit"] == str(30000 * 3), "the seats stay"
    fresh.admin("plan", seats=2)
    headers = fresh.get("/v1/users/me").headers
    assert headers["x-ratelimit-limit"] == "20", "the plan stays"
    assert headers["x-daily-ratelimit-token-limit"] == str(30000 * 2)
    left = int(headers["x-daily-ratelimit-token-remaining"])
    assert left == 30000 * 2 - 3 * 2, "so does the day"
    assert "plan" in refusal(fresh, "plan", plan="free")


def test_limits_at_run_time(start):
    simulator = start(*SEED, "--plan", "lite")
    simulator.admin("limits", on=False)
    assert {simulator.get("/v1/users/me").status for _ in range(50)} == {200}
    simulator.admin("limits", on=True)
    assert 429 in {simulator.get("/v1/users/me").status for _ in range(50)}


def test_operations_in_one_request(fresh):
    steps = [
        {"op": "add", "entity": "persons", "attributes": {"name": "a"}},
        {"op": "add", "entity": "persons", "attributes": {"name": "b"}},
    ]
    answer = fresh.request("POST", "/_sim/", {}, json.dumps(steps).encode())
    a, b = (result["id"] for result in answer.json["results"])
    assert [get(fresh, "persons", one)["name"] for one in (a, b)] == ["a", "b"]


@pytest.mark.parametrize(
    "steps,index",
    [
        ([{"op": "nonsense"}], 0),
        ([{"op": "clock", "advance": 1}, {"op": "edit", "entity": "deals", "id": 10**9}], 1),
        ([{"op": "edit", "entity": "moons", "id": 1}], 0),
    ],
)
def test_a_wrong_operation_is_named(fresh, steps, index):
    answer = fresh.request("POST", "/_sim/", {}, json.dumps(steps).encode())
    assert answer.status == 400
    assert (answer.json["ok"], answer.json["index"]) == (False, index)


def test_the_admin_api_costs_nothing(fresh):
    fresh.admin("reset_counters")
    fresh.truth("deals")
    fresh.read("count")
    stats = fresh.read("stats")
    assert (stats["requests"], stats["tokens"]) == (0, 0)


def test_stats_by_path(fresh):
    fresh.admin("reset_counters")
    fresh.get("/api/v2/deals", limit=3)
    fresh.get("/api/v2/deals/999999999")
    paths = fresh.read("stats")["paths"]
    assert (paths["/api/v2/deals"]["requests"], paths["/api/v2/deals"]["rows"]) == (1, 3)
    assert paths["/api/v2/deals/{id}"]["statuses"] == {"404": 1}


def test_the_request_log(fresh):
    fresh.get("/api/v2/deals", limit=3)
    entry = fresh.read("requests", last=1)[0]
    assert (entry["method"], entry["path"], entry["status"]) == ("GET", "/api/v2/deals", 200)
    assert (entry["query"], entry["tokens"]) == ("limit=3", 10)


@pytest.mark.parametrize("table", TABLES)
def test_counts_are_the_truths(steady, table):
    rows = steady.truth(table)
    count = steady.read("count")[table]
    assert count["rows"] == len(rows)
    assert ids(rows) == sorted(ids(rows))


def test_the_truth_is_what_the_lists_answer(steady):
    by_id = {row["id"]: row for row in steady.truth("deals")}
    for row in steady.by_cursor("/api/v2/deals", 500):
        assert row == by_id[row["id"]]


def test_the_truth_of_dealflow(steady):
    deal = first(steady, "deals")
    rows = steady.by_offset(f"/v1/deals/{deal}/flow", items="dealChange", all_changes="1")
    told = [row for row in steady.truth("dealflow") if row["item_id"] == deal]
    assert sorted(ids(told)) == sorted(row["data"]["id"] for row in rows)


def test_companies_are_apart(start):
    simulator = start(*STEADY, "--companies", "3")
    assert [each["company_id"] for each in simulator.companies] == [7001, 7002, 7003]
    assert len({each["token"] for each in simulator.companies}) == 3
    simulator.admin("edit", company=7002, entity="deals", id=1, attributes={"title": "only here"})
    titles = [
        simulator.get("/api/v2/deals/1", token=each["token"]).data["title"]
        for each in simulator.companies
    ]
    assert titles.count("only here") == 1 and titles[1] == "only here"


def test_sizes_on_request(start):
    asked = {"activities": 11, "deals": 12, "persons": 13, "organizations": 14, "products": 15}
    asked |= {"notes": 16, "files": 17, "users": 4, "pipelines": 2, "filters": 5}
    options = [part for name, number in asked.items() for part in (f"--{name}", str(number))]
    count = start(*STEADY, *options).read("count")
    assert {name: count[name]["rows"] for name in asked} == asked


def test_a_small_company_is_small(steady):
    rows = sum(table["rows"] for table in steady.read("count").values())
    assert 500 <= rows <= 3000

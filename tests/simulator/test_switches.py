"""Each switch both ways: what nobody knows of the real API can be tried either way."""

import datetime
import time
from pathlib import Path

import pytest
from shapes import OPERATIONS, parameters
from simclient import SEED, STEADY, ids

DAY = 24 * 3600


def switch(simulator, **values):
    simulator.admin("set", values=values)


def update_time(simulator, table, one):
    return simulator.data(f"/api/v2/{table}/{one}")["update_time"]


def one_of(simulator, table, **query):
    return simulator.data(f"/api/v2/{table}", limit=1, **query)[0]["id"]


@pytest.mark.parametrize("value,moves", [("on", True), ("off", False)])
def test_archive_moves_update_time(fresh, value, moves):
    switch(fresh, archive_moves_update_time=value)
    deal = one_of(fresh, "deals")
    fresh.admin("clock", advance=60)
    fresh.admin("archive", id=deal)
    assert (update_time(fresh, "deals", deal) == fresh.now()) is moves


@pytest.mark.parametrize("value,moves", [("on", True), ("off", False)])
def test_merge_moves_children(fresh, value, moves):
    switch(fresh, merge_moves_children=value)
    deal = next(row for row in fresh.by_cursor("/api/v2/deals") if row["person_id"])
    winner = next(one for one in ids(fresh.data("/api/v2/persons")) if one != deal["person_id"])
    fresh.admin("clock", advance=60)
    fresh.admin("merge", entity="persons", winner=winner, loser=deal["person_id"])
    assert (update_time(fresh, "deals", deal["id"]) == fresh.now()) is moves


@pytest.mark.parametrize("value,shown", [("on", True), ("off", False)])
def test_archived_lines(fresh, value, shown):
    deal = fresh.truth("deal_products")[0]["deal_id"]
    fresh.admin("undelete", entity="deals", id=deal)
    fresh.admin("archive", id=deal)
    switch(fresh, archived_lines=value)
    assert bool(fresh.data("/api/v2/deals/products", deal_ids=[deal])) is shown


@pytest.mark.parametrize("value,shown", [("on", True), ("off", False)])
def test_deleted_lines(fresh, value, shown):
    deals = {row["id"] for row in fresh.by_cursor("/api/v2/deals")}
    deal = next(r["deal_id"] for r in fresh.truth("deal_products") if r["deal_id"] in deals)
    fresh.admin("delete", entity="deals", id=deal)
    switch(fresh, deleted_lines=value)
    assert bool(fresh.data("/api/v2/deals/products", deal_ids=[deal])) is shown


@pytest.mark.parametrize("value", [404, 403])
def test_invisible(fresh, value):
    switch(fresh, invisible=value)
    everything = ids(fresh.by_cursor("/api/v2/deals"))
    seen = ids(fresh.by_cursor("/api/v2/deals", token=fresh.member_token))
    hidden = min({*everything} - {*seen})
    assert fresh.get(f"/api/v2/deals/{hidden}", token=fresh.member_token).status == value


@pytest.mark.parametrize("value,reverse", [("newest", True), ("oldest", False)])
def test_flow_order(fresh, value, reverse):
    switch(fresh, flow_order=value)
    deal = one_of(fresh, "deals")
    for title in ("a", "b"):
        fresh.admin("clock", advance=60)
        fresh.admin("edit", entity="deals", id=deal, attributes={"title": title})
    times = [row["timestamp"] for row in fresh.data(f"/v1/deals/{deal}/flow")]
    assert len(set(times)) > 2
    assert times == sorted(times, reverse=reverse)


@pytest.mark.parametrize("value,status", [("clamp", 200), ("reject", 400)])
def test_limit_over_max(fresh, value, status):
    switch(fresh, limit_over_max=value)
    assert fresh.get("/api/v2/persons", limit=501).status == status
    assert fresh.get("/api/v2/persons", limit=500).status == 200


@pytest.mark.parametrize("value,status", [("off", 200), ("400", 400), ("403", 403)])
@pytest.mark.parametrize("name", ["marketing_status", "doi_status"])
def test_gated_includes(fresh, value, status, name):
    switch(fresh, gated_includes=value)
    answer = fresh.get("/api/v2/persons", include_fields=f"files_count,{name}")
    assert answer.status == status
    assert status == 200 or name in answer.json["error"]
    assert fresh.get("/api/v2/persons", include_fields="files_count").status == 200


@pytest.mark.parametrize("value", ["deleted", "kept"])
def test_deleted_status(fresh, value):
    switch(fresh, deleted_status=value)
    deal = one_of(fresh, "deals", status="won")
    fresh.admin("delete", entity="deals", id=deal)
    record = fresh.data(f"/api/v2/deals/{deal}")
    assert (record["status"] == "deleted") is (value == "deleted")
    assert record["is_deleted"] is True


@pytest.mark.parametrize("value", [200, 404])
def test_deleted_get(fresh, value):
    switch(fresh, deleted_get=value)
    person = one_of(fresh, "persons")
    fresh.admin("delete", entity="persons", id=person)
    assert fresh.get(f"/api/v2/persons/{person}").status == value


@pytest.mark.parametrize("value,shown", [("off", False), ("on", True)])
@pytest.mark.parametrize(
    "path,table",
    [
        ("/api/v2/pipelines", "pipelines"),
        ("/api/v2/stages", "stages"),
        ("/v1/notes", "notes"),
        ("/v1/files", "files"),
        ("/v1/filters", "filters"),
    ],
)
def test_list_deleted(fresh, value, shown, path, table):
    switch(fresh, list_deleted=value)
    one = fresh.data(path)[0]["id"]
    fresh.admin("delete", entity=table, id=one)
    assert (one in ids(fresh.data(path))) is shown


@pytest.mark.parametrize("value", ["first", "last"])
@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_null_sort(fresh, value, direction):
    switch(fresh, null_sort=value)
    rows = fresh.by_cursor("/api/v2/persons")
    fresh.admin("edit", entity="persons", id=rows[5]["id"], attributes={}, touch=None)
    walk = fresh.by_cursor("/api/v2/persons", sort_by="update_time", sort_direction=direction)
    place = 0 if (value == "first") is (direction == "asc") else -1
    assert walk[place]["update_time"] is None
    assert len(walk) == len(rows)


@pytest.mark.parametrize("value,data", [("null", None), ("array", [])])
def test_empty_v1(start, value, data):
    simulator = start(*STEADY, "--notes", "0", "--set", f"empty_v1={value}")
    assert simulator.data("/v1/notes") == data


@pytest.mark.parametrize(
    "value,wrapped",
    [
        ("spec", {"notes": True, "dealFields": False}),
        ("wrapped", {"notes": True, "dealFields": True}),
        ("flat", {"notes": False, "dealFields": False}),
    ],
)
def test_v1_paging(fresh, value, wrapped):
    switch(fresh, v1_paging=value)
    for path, expected in wrapped.items():
        more = fresh.get(f"/v1/{path}", limit=5).json["additional_data"]
        assert ("pagination" in more) is expected
        paging = more.get("pagination", more)
        assert (paging["limit"], paging["more_items_in_collection"]) == (5, True)


@pytest.mark.parametrize("value,there", [("on", True), ("off", False)])
def test_daily_headers(fresh, value, there):
    switch(fresh, daily_headers=value)
    headers = fresh.get("/v1/users/me").headers
    assert ("x-daily-ratelimit-token-remaining" in headers) is there
    assert ("x-daily-ratelimit-token-limit" in headers) is there
    assert "x-ratelimit-remaining" in headers


@pytest.mark.parametrize("value,tokens", [("on", 10), ("off", 0)])
def test_failed_calls_cost(fresh, value, tokens):
    switch(fresh, failed_calls_cost=value)
    fresh.admin("reset_counters")
    assert fresh.get("/api/v2/deals", nonsense=1).status == 400
    assert fresh.read("stats")["tokens"] == tokens


def test_some_refusals_never_cost(fresh):
    fresh.admin("reset_counters")
    fresh.get("/api/v2/deals", token="0" * 40)
    switch(fresh, closed="on")
    fresh.get("/api/v2/deals")
    assert fresh.read("stats")["tokens"] == 0


OLD = ["deals", "persons", "organizations", "activities", "products", "pipelines", "stages"]


@pytest.mark.parametrize("value,status", [("gone", 410), ("missing", 404), ("answers", 200)])
@pytest.mark.parametrize("path", OLD)
def test_old_v1(fresh, value, status, path):
    switch(fresh, old_v1=value)
    assert fresh.get(f"/v1/{path}").status == status
    assert fresh.get(f"/v1/{path}/{one_of(fresh, path)}").status == status


@pytest.mark.parametrize("value,status", [("gone", 410), ("missing", 404), ("answers", 200)])
def test_old_lines_of_a_deal(fresh, value, status):
    switch(fresh, old_v1=value)
    deal = one_of(fresh, "deals")
    assert fresh.get(f"/v1/deals/{deal}/products").status == status


def test_old_lines_are_those_of_v2_by_offset(fresh):
    """API.md section 10: the old names, the same lines and figures."""
    switch(fresh, old_v1="answers", empty_v1="array")
    most = 0
    for deal in fresh.data("/api/v2/deals", limit=30):
        path = f"deals/{deal['id']}/products"
        old, start = [], 0
        while start is not None:
            page = fresh.get(f"/v1/{path}", start=start, limit=2).json
            old += page["data"]
            start = page["additional_data"]["pagination"].get("next_start")
        new = fresh.by_cursor(f"/api/v2/{path}")
        most = max(most, len(new))
        same = ("id", "deal_id", "product_id", "item_price", "quantity", "sum", "name")
        assert [[line[name] for name in same] for line in old] == [
            [line[name] for name in same] for line in new
        ]
        for line in old:
            assert line.keys() >= {"enabled_flag", "active_flag", "last_edit", "sum_formatted"}
            assert line.keys().isdisjoint({"is_enabled", "update_time"})
    assert most > 2  # so that there was a second page


# API.md section 10: some names that only the old shape has.
OLD_NAMES = {
    "deals": {"user_id", "deleted", "label", "cc_email", "weighted_value", "next_activity_date"},
    "persons": {"active_flag", "phone", "email", "first_char", "label", "company_id"},
    "organizations": {"active_flag", "address_locality", "company_id", "country_code", "label"},
    "activities": {"busy_flag", "user_id", "active_flag", "company_id", "created_by_user_id"},
    "products": {"active_flag", "selectable", "first_char"},
    "pipelines": {"url_title", "active", "deal_probability", "selected"},
    "stages": {"active_flag", "rotten_flag", "rotten_days", "pipeline_name"},
}


@pytest.mark.parametrize("path", OLD)
def test_old_v1_has_the_old_shape(fresh, path):
    switch(fresh, old_v1="answers")
    record = fresh.data(f"/v1/{path}")[0]
    assert record.keys() >= OLD_NAMES[path]
    assert "is_deleted" not in record


@pytest.mark.parametrize("value,status", [("off", 200), ("on", 402)])
@pytest.mark.parametrize("path", ["/v1/users/me", "/v1/notes", "/api/v2/deals"])
def test_closed(fresh, value, status, path):
    switch(fresh, closed=value)
    assert fresh.get(path).status == status


@pytest.mark.parametrize("minutes", [0, 60, -300])
def test_zone_offset_minutes(fresh, minutes):
    """The daily budget resets at that zone's midnight."""
    switch(fresh, zone_offset_minutes=minutes)
    fresh.admin("clock", set="2026-11-21T01:30:00Z")
    local = datetime.datetime(2026, 11, 21, 1, 30) + datetime.timedelta(minutes=minutes)
    left = DAY - (local.hour * 60 + local.minute) * 60
    fresh.get("/api/v2/deals")

    def tokens_today():
        return fresh.read("stats")["companies"][0]["tokens_today"]

    fresh.admin("clock", advance=left - 60)
    assert tokens_today() == 10
    fresh.admin("clock", advance=120)
    fresh.get("/v1/users/me")
    assert tokens_today() == 2


@pytest.mark.parametrize("allowed", [1, 5])
def test_block_after(start, allowed):
    settings = ("--set", f"block_after={allowed}", "--set", "block_grace_ms=0")
    simulator = start(*SEED, "--plan", "lite", *settings)
    statuses = [simulator.get("/v1/users/me").status for _ in range(20 + 1 + allowed + 1)]
    assert statuses[:21] == [200] * 20 + [429]
    assert statuses[-1] == 403
    assert statuses[21 : 20 + allowed] == [429] * (allowed - 1)


def test_block_grace_ms(start):
    """Requests that were in flight when the 429 came are not held against the client."""
    simulator = start(*SEED, "--plan", "lite", "--set", "block_grace_ms=5000")
    statuses = {simulator.get("/v1/users/me").status for _ in range(40)}
    assert statuses == {200, 429}


@pytest.mark.parametrize("seconds", [1, 3])
def test_block_seconds(start, seconds):
    settings = ("--set", f"block_seconds={seconds}", "--set", "block_grace_ms=0")
    simulator = start(*SEED, "--plan", "lite", *settings)
    while simulator.get("/v1/users/me").status != 403:
        pass
    time.sleep(2.1)
    assert (simulator.get("/v1/users/me").status == 403) is (seconds > 2)


@pytest.mark.parametrize("value,end", [("off", "Z"), ("on", ".000Z")])
def test_time_fraction(fresh, value, end):
    switch(fresh, time_fraction=value)
    deal = fresh.data("/api/v2/deals")[0]
    assert deal["add_time"].endswith(end)
    assert ("." in deal["add_time"]) is (value == "on")


@pytest.mark.parametrize("value,there", [("null", True), ("absent", False)])
@pytest.mark.parametrize("name", ["won_time", "lost_time"])
def test_unset(fresh, value, there, name):
    switch(fresh, unset=value)
    for deal in fresh.data("/api/v2/deals", status="open"):
        assert (name in deal) is there
        assert deal.get(name) is None


GATED = {
    "contact_sync": ("persons", {"im", "postal_address", "notes", "birthday", "job_title"}),
    "org_profile": (
        "organizations",
        {"website", "linkedin", "industry", "annual_revenue", "employee_count"},
    ),
    "revenue_fields": ("deals", {"arr", "mrr", "acv"}),
    "activity_outcome": ("activities", {"outcome"}),
}


@pytest.mark.parametrize("value", ["on", "off"])
@pytest.mark.parametrize("name", GATED)
def test_a_setting_gates_fields(fresh, name, value):
    table, names = GATED[name]
    switch(fresh, **{name: value})
    record = fresh.data(f"/api/v2/{table}")[0]
    assert names & record.keys() == (names if value == "on" else set())


@pytest.mark.parametrize("value,there", [("off", False), ("on", True)])
def test_nul_chars(fresh, value, there):
    switch(fresh, nul_chars=value)
    bodies = [
        fresh.get(path, limit=100).body
        for path in ("/api/v2/deals", "/api/v2/persons", "/v1/notes", "/api/v2/activities")
    ]
    assert any(b"\\u0000" in body for body in bodies) is there


def test_a_switch_is_one_companys_or_everybodys(start):
    simulator = start(*STEADY, "--companies", "2")
    one, two = (each["company_id"] for each in simulator.companies)
    simulator.admin("set", name="closed", value="on", company=two)
    assert simulator.read("switches", company=one)["closed"] == "off"
    assert simulator.read("switches", company=two)["closed"] == "on"
    simulator.admin("set", name="closed", value="off")
    assert simulator.read("switches", company=two)["closed"] == "off"


def test_every_switch_is_tried_here(steady):
    """A switch that comes later gets a test."""
    text = Path(__file__).read_text(encoding="utf-8")
    assert [name for name in steady.read("switches") if name not in text] == []


def test_page_max(fresh):
    switch(fresh, page_max=7)
    answer = fresh.get("/api/v2/deals", limit=50).json
    assert len(answer["data"]) == 7 and answer["additional_data"]["next_cursor"]
    assert len(fresh.data("/v1/notes", limit=50)) == 7
    assert len(fresh.data("/api/v2/deals", limit=3)) == 3


@pytest.mark.parametrize("value,all_rows", [("ignored", True), ("heeded", False)])
def test_windows(fresh, value, all_rows):
    switch(fresh, windows=value)
    rows = ids(fresh.data("/api/v2/persons", limit=500))
    middle = sorted(row["update_time"] for row in fresh.data("/api/v2/persons", limit=500))[50]
    some = ids(fresh.data("/api/v2/persons", limit=500, updated_since=middle))
    assert (some == rows) is all_rows
    assert (ids(fresh.data("/api/v2/persons", limit=500, updated_until=middle)) == rows) is all_rows


@pytest.mark.parametrize("name,value", [("nonsense", "on"), ("closed", "perhaps")])
def test_an_unknown_switch_or_value_is_refused(fresh, name, value):
    body = f'{{"name":"{name}","value":"{value}"}}'.encode()
    assert fresh.request("POST", "/_sim/set", {}, body).status == 400


def test_include_enums_are_known_to_the_gate():
    words = parameters(next(o for o in OPERATIONS if o["path"] == "/persons"))["include_fields"]
    assert {"marketing_status", "doi_status"} <= {*words["enum"]}

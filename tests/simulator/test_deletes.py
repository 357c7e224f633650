"""Soft deletes, purges, the archived split, visibility."""

import json

import pytest
from simclient import STEADY, ids

SOFT = ["activities", "deals", "organizations", "persons", "products"]
DAY = 24 * 3600


def walk(simulator, path, **query):
    return simulator.by_cursor(f"/api/v2/{path}", 500, **query)


@pytest.mark.parametrize("table", SOFT)
def test_lists_do_not_show_deleted_rows(steady, table):
    deleted = [row["id"] for row in steady.truth(table) if row["is_deleted"]]
    assert deleted
    assert not {*deleted} & {*ids(walk(steady, table))}


@pytest.mark.parametrize("table", SOFT)
def test_a_deleted_record_still_answers_by_id(fresh, table):
    one = walk(fresh, table)[0]["id"]
    fresh.admin("clock", advance=60)
    fresh.admin("delete", entity=table, id=one)
    record = fresh.data(f"/api/v2/{table}/{one}")
    assert (record["is_deleted"], record["update_time"]) == (True, fresh.now())


@pytest.mark.parametrize("table", SOFT)
def test_a_deleted_record_is_purged_after_30_days(fresh, table):
    one = walk(fresh, table)[0]["id"]
    fresh.admin("delete", entity=table, id=one)
    fresh.admin("clock", advance=30 * DAY - 60)
    assert fresh.get(f"/api/v2/{table}/{one}").status == 200
    fresh.admin("clock", advance=120)
    assert fresh.get(f"/api/v2/{table}/{one}").status == 404
    assert one not in ids(fresh.truth(table))


def test_status_deleted_shows_deleted_deals(steady):
    deleted = {r["id"] for r in steady.truth("deals") if r["is_deleted"] and not r["is_archived"]}
    rows = walk(steady, "deals", status="deleted")
    assert deleted and {*ids(rows)} == deleted
    assert all(row["is_deleted"] is True for row in rows)


def test_all_four_states_show_everything_that_is_not_archived(steady):
    rows = walk(steady, "deals", status="open,won,lost,deleted")
    expected = [row["id"] for row in steady.truth("deals") if not row["is_archived"]]
    assert ids(rows) == expected


@pytest.mark.parametrize("status", ["open", "won", "lost"])
def test_status_picks_deals(steady, status):
    rows = walk(steady, "deals", status=status)
    assert {row["status"] for row in rows} == {status}
    assert not any(row["is_deleted"] for row in rows)


def test_a_fresh_delete_is_in_the_window(fresh):
    before = fresh.now()
    fresh.admin("clock", advance=60)
    one = walk(fresh, "deals")[0]["id"]
    fresh.admin("delete", entity="deals", id=one)
    rows = walk(fresh, "deals", status="deleted", updated_since=before, sort_by="update_time")
    assert ids(rows)[-1] == one


def test_undelete(fresh):
    one = walk(fresh, "persons")[0]["id"]
    fresh.admin("delete", entity="persons", id=one)
    fresh.admin("undelete", entity="persons", id=one)
    assert ids(walk(fresh, "persons"))[0] == one
    assert fresh.data(f"/api/v2/persons/{one}")["is_deleted"] is False


def test_undelete_moves_update_time(fresh):
    one = walk(fresh, "deals")[0]["id"]
    status = fresh.data(f"/api/v2/deals/{one}")["status"]
    fresh.admin("delete", entity="deals", id=one)
    fresh.admin("clock", advance=60)
    fresh.admin("undelete", entity="deals", ids=[one])
    record = fresh.data(f"/api/v2/deals/{one}")
    assert (record["update_time"], record["status"]) == (fresh.now(), status)
    assert one in ids(walk(fresh, "deals", updated_since=fresh.now()))
    assert one not in ids(walk(fresh, "deals", status="deleted"))


def test_nothing_comes_back_after_30_days(fresh):
    one = walk(fresh, "persons")[0]["id"]
    fresh.admin("delete", entity="persons", id=one)
    fresh.admin("clock", advance=31 * 24 * 3600)
    sent = json.dumps({"entity": "persons", "id": one}).encode()
    assert fresh.request("POST", "/_sim/undelete", {}, sent).status == 400
    assert fresh.get(f"/api/v2/persons/{one}").status == 404


def test_purge(fresh):
    one = walk(fresh, "persons")[0]["id"]
    fresh.admin("purge", entity="persons", id=one)
    assert fresh.get(f"/api/v2/persons/{one}").status == 404


def test_the_archived_split(steady):
    normal, archived = walk(steady, "deals"), walk(steady, "deals/archived")
    assert normal and archived
    assert {row["is_archived"] for row in normal} == {False}
    assert {row["is_archived"] for row in archived} == {True}
    assert all(row["archive_time"] for row in archived)
    alive = [row["id"] for row in steady.truth("deals") if not row["is_deleted"]]
    assert sorted(ids(normal) + ids(archived)) == alive


def test_the_archived_list_has_no_label_switches(steady):
    for name in ("include_option_labels", "include_labels"):
        assert steady.get("/api/v2/deals/archived", **{name: "true"}).status == 400


def test_archiving_moves_a_deal_over(fresh):
    one = walk(fresh, "deals")[0]["id"]
    fresh.admin("archive", id=one)
    assert one not in ids(walk(fresh, "deals"))
    assert one in ids(walk(fresh, "deals/archived"))
    assert fresh.data(f"/api/v2/deals/{one}")["is_archived"] is True
    fresh.admin("clock", advance=60)
    fresh.admin("unarchive", id=one)
    assert one in ids(walk(fresh, "deals"))
    assert one not in ids(walk(fresh, "deals/archived"))
    record = fresh.data(f"/api/v2/deals/{one}")
    assert (record["is_archived"], record["archive_time"]) == (False, None)
    assert record["update_time"] == fresh.now()


def test_filter_id_disables_the_other_filters(steady):
    """API.md trap 29: silently."""
    alone = ids(walk(steady, "deals", filter_id=1))
    assert alone and len(alone) < len(walk(steady, "deals"))
    with_more = walk(steady, "deals", filter_id=1, status="won", owner_id=1, ids="1")
    assert ids(with_more) == alone


@pytest.mark.parametrize("table", ["deals", "persons", "organizations", "products"])
def test_a_member_misses_rows(steady, table):
    """API.md trap 21: no error, just fewer rows."""
    path = f"/api/v2/{table}"
    seen = steady.by_cursor(path, 500, token=steady.member_token)
    assert 0 < len(seen) < len(walk(steady, table))
    hidden = {*ids(walk(steady, table))} - {*ids(seen)}
    assert steady.get(f"{path}/{min(hidden)}", token=steady.member_token).status == 404


def test_a_member_is_no_administrator(steady):
    def is_admin(token):
        access = steady.get("/v1/users/me", token=token).data["access"]
        return any(e["admin"] and e["app"] in ("global", "account_settings") for e in access)

    assert is_admin(steady.token)
    assert not is_admin(steady.member_token)


def test_me(steady):
    me, company = steady.data("/v1/users/me"), steady.companies[0]
    assert (me["id"], me["company_id"], me["company_domain"], me["is_you"]) == (
        company["user_id"],
        company["company_id"],
        company["domain"],
        True,
    )


@pytest.mark.parametrize(
    "path,table",
    [("notes", "notes"), ("files", "files"), ("filters", "filters")],
)
def test_an_empty_v1_list_is_null(start, path, table):
    simulator = start(*STEADY, f"--{table}", "0")
    answer = simulator.get(f"/v1/{path}")
    assert (answer.status, answer.data) == (200, None)


def test_an_empty_v2_list_is_an_array(start):
    simulator = start(*STEADY, "--activities", "0")
    answer = simulator.get("/api/v2/activities").json
    assert (answer["data"], answer["additional_data"]["next_cursor"]) == ([], None)


def test_purged_products_leave_null_lines(steady):
    """API.md section 8.5: name, product_id and product_variation_id are null."""
    lines = [line for line in steady.truth("deal_products") if line["product_id"] is None]
    assert lines
    assert {line["name"] for line in lines} == {None}
    assert {line["product_variation_id"] for line in lines} == {None}


def test_products_count_is_the_number_of_lines(steady):
    deals = walk(steady, "deals", include_fields="products_count")[:100]
    lines = steady.by_cursor("/api/v2/deals/products", 500, deal_ids=ids(deals))
    owners = [line["deal_id"] for line in lines]
    assert {d["id"]: d["products_count"] for d in deals} == {
        d["id"]: owners.count(d["id"]) for d in deals
    }


def flow(simulator, deal, **query):
    return simulator.by_offset(f"/v1/deals/{deal}/flow", **query)


def test_flow_items_and_all_changes(fresh):
    deal = walk(fresh, "deals")[0]["id"]
    field = fresh.admin("field_add", entity="deals", name="Extra", type="varchar")
    fresh.admin("edit", entity="deals", id=deal, attributes={field["key"]: "custom", "title": "t"})
    few = flow(fresh, deal, items="dealChange")
    many = flow(fresh, deal, items="dealChange", all_changes="1")
    assert {row["object"] for row in many} == {"dealChange"}
    assert field["key"] in {row["data"]["field_key"] for row in many}
    assert field["key"] not in {row["data"]["field_key"] for row in few}


def test_flow_lines_have_the_documented_columns(steady):
    """API.md section 8.6; the schema says only "object", the example shows the keys."""
    deal = walk(steady, "deals")[0]["id"]
    columns = {
        "id", "item_id", "user_id", "field_key", "old_value", "new_value", "is_bulk_update_flag",
        "log_time", "change_source", "change_source_user_agent", "additional_data",
    }  # fmt: skip
    for row in flow(steady, deal, items="dealChange", all_changes="1"):
        assert row["data"].keys() == columns
        assert (row["data"]["item_id"], row["data"]["log_time"]) == (deal, row["timestamp"])
        assert row["data"]["additional_data"] == [] or isinstance(
            row["data"]["additional_data"], dict
        )


def test_flow_tells_creation_and_stage_moves(fresh):
    deal = walk(fresh, "deals", status="open")[0]
    other = next(row["id"] for row in walk(fresh, "stages") if row["id"] != deal["stage_id"])
    fresh.admin("clock", advance=60)
    fresh.admin("edit", entity="deals", id=deal["id"], attributes={"stage_id": other})
    lines = [row["data"] for row in flow(fresh, deal["id"], items="dealChange")]
    assert "add_time" in {line["field_key"] for line in lines}
    move = next(line for line in lines if line["field_key"] == "stage_id")
    assert (move["old_value"], move["new_value"]) == (deal["stage_id"], other)
    moved = fresh.data(f"/api/v2/deals/{deal['id']}")
    assert (moved["stage_change_time"], moved["update_time"]) == (fresh.now(), fresh.now())

"""Full tables and the shrink guard: what is flagged because a whole pass did not see it."""

import pytest
from harness import assert_equals_truth, expected_rows, sync
from section4 import Between, asked, company

PATHS = {
    "activity_types": "/v1/activityTypes",
    "currency": "/v1/currencies",
    "filters": "/v1/filters",
    "pipelines": "/api/v2/pipelines",
    "stages": "/api/v2/stages",
}
ENTITY = {"currency": "currencies"}
WHOLE = list(PATHS)


def alive(simulator, table):
    return sorted(expected_rows(simulator, table))


def remove(simulator, table, ids, op="delete"):
    simulator.admin(op, entity=ENTITY.get(table, table), ids=list(ids))


def add(simulator, table, count):
    simulator.admin("bulk_add", entity=ENTITY.get(table, table), count=count)


def flagged(database, table):
    return {key for key, row in database.rows(table).items() if row["_deleted_at"] is not None}


def load(simulate, database, table, *options, **rows):
    simulator = simulate(*company(*options, **rows))
    sync(simulator, database.url, "--tables", table)
    simulator.admin("reset_counters")
    return simulator


@pytest.mark.parametrize("table", WHOLE)
@pytest.mark.parametrize("how", ["delete", "purge"])
def test_rows_that_a_pass_did_not_see_are_flagged(simulate, database, table, how):
    simulator = load(simulate, database, table, filters=12, pipelines=4)
    assert_equals_truth(simulator, database, [table])
    gone = alive(simulator, table)[1]
    remove(simulator, table, [gone], how)
    add(simulator, table, 1)
    result = sync(simulator, database.url, "--tables", table, "--all")
    assert result.tables[table]["deleted"] == 1 and flagged(database, table) == {gone}
    assert_equals_truth(simulator, database, [table], ignore_rows={table: [gone]})
    before = database.snapshot([table], without=())
    assert sync(simulator, database.url, "--tables", table, "--all").rows() == {}
    assert database.snapshot([table], without=()) == before
    if how == "delete":
        simulator.advance(1)  # what is flagged comes back by a later request only
        remove(simulator, table, [gone], "undelete")
        sync(simulator, database.url, "--tables", table, "--all")
        assert flagged(database, table) == set()
        assert_equals_truth(simulator, database, [table])


def test_the_sweep_is_in_the_commit_of_the_pass(simulate, database):
    """The guard refuses the sweep: then nothing of the pass is there, neither its rows nor that it was read."""
    simulator = load(simulate, database, "filters", filters=60)
    before = database.snapshot(["filters"], without=()), database.state()["filters"]
    remove(simulator, "filters", alive(simulator, "filters")[:40])
    simulator.admin("edit", entity="filters", id=alive(simulator, "filters")[0])
    sync(simulator, database.url, "--tables", "filters", "--all", code=1)
    assert (database.snapshot(["filters"], without=()), database.state()["filters"]) == before
    # and it is asked for again by the next run, though its interval has not passed
    simulator.advance(86400)
    sync(simulator, database.url, "--tables", "filters", code=1)
    assert asked(simulator)[PATHS["filters"]] == 2


def test_a_pass_of_several_pages_sweeps_once_at_its_end(simulate, database):
    simulator = load(simulate, database, "stages", pipelines=130)  # 650 stages
    assert_equals_truth(simulator, database, ["stages"])
    ids = alive(simulator, "stages")
    assert len(ids) > 500
    remove(simulator, "stages", [ids[3], ids[-3]])
    simulator.fault("daily429", path=PATHS["stages"], nth=2)  # stops after the first page
    sync(simulator, database.url, "--tables", "stages", "--all", code=75)
    assert flagged(database, "stages") == set()
    simulator.admin("faults_clear")
    sync(simulator, database.url, "--tables", "stages", "--all")
    assert flagged(database, "stages") == {ids[3], ids[-3]}


@pytest.mark.parametrize("words", [(), ("--yes",)])
@pytest.mark.parametrize("table", WHOLE)
@pytest.mark.parametrize("empty", ["null", "array"])
def test_an_empty_answer_never_sweeps(simulate, database, words, table, empty):
    simulator = load(simulate, database, table, "--set", f"empty_v1={empty}", filters=12)
    rows = database.snapshot([table])
    remove(simulator, table, alive(simulator, table))
    result = sync(simulator, database.url, "--tables", table, "--all", *words, code=1)
    assert result.tables[table]["outcome"] == "failed" and "nothing was deleted" in result.stderr
    assert database.snapshot([table]) == rows


@pytest.mark.parametrize("lost, asks", [(10, 1), (11, 2), (19, 2)])
def test_a_small_table_that_shrinks_by_more_than_half_is_read_twice(simulate, database, lost, asks):
    simulator = load(simulate, database, "filters", filters=20)
    ids = alive(simulator, "filters")
    remove(simulator, "filters", ids[:lost])
    result = sync(simulator, database.url, "--tables", "filters", "--all")
    assert asked(simulator)[PATHS["filters"]] == asks
    assert result.tables["filters"]["deleted"] == lost
    assert flagged(database, "filters") == set(ids[:lost])


def test_a_small_table_whose_second_answer_is_whole_loses_nothing(simulate, database):
    simulator = load(simulate, database, "filters", filters=20)
    some = alive(simulator, "filters")[:15]
    remove(simulator, "filters", some)
    come_back = {2: lambda: remove(simulator, "filters", some, "undelete")}
    with Between(simulator, "/api/v1/filters", come_back) as between:
        sync(between, database.url, "--tables", "filters", "--all")
    assert flagged(database, "filters") == set()


def test_a_larger_table_that_shrinks_by_more_than_half_asks(simulate, database):
    simulator = load(simulate, database, "filters,pipelines", filters=40, pipelines=3)
    ids = alive(simulator, "filters")
    remove(simulator, "filters", ids[:21])
    words = ("--tables", "filters,pipelines", "--all")
    result = sync(simulator, database.url, *words, code=3)  # the other table is done
    assert result.tables["filters"]["outcome"] == "failed" and "--yes" in result.stderr
    assert flagged(database, "filters") == set()
    sync(simulator, database.url, *words, "--yes")
    assert flagged(database, "filters") == set(ids[:21])
    assert_equals_truth(simulator, database, ["filters", "pipelines"])


def test_half_of_a_larger_table_is_not_more_than_half(simulate, database):
    simulator = load(simulate, database, "filters", filters=40)
    ids = alive(simulator, "filters")
    remove(simulator, "filters", ids[:20])
    sync(simulator, database.url, "--tables", "filters", "--all")
    assert flagged(database, "filters") == set(ids[:20])


def test_new_rows_do_not_hide_that_a_table_shrank(simulate, database):
    """The half is one of the rows that were there, not of those that the same answer brought."""
    simulator = load(simulate, database, "filters", filters=40)
    remove(simulator, "filters", alive(simulator, "filters")[:25])
    add(simulator, "filters", 30)
    sync(simulator, database.url, "--tables", "filters", "--all", code=1)
    assert flagged(database, "filters") == set()


def test_a_small_table_that_was_replaced_whole_is_read_twice(simulate, database):
    simulator = load(simulate, database, "filters", filters=8)
    ids = alive(simulator, "filters")
    add(simulator, "filters", 3)
    remove(simulator, "filters", ids)
    sync(simulator, database.url, "--tables", "filters", "--all")
    assert asked(simulator)[PATHS["filters"]] == 2
    assert flagged(database, "filters") == set(ids)
    assert_equals_truth(simulator, database, ["filters"])


def test_rows_that_another_user_does_not_see_are_not_swept(simulate, database):
    simulator = load(simulate, database, "filters,pipelines", filters=12)
    mine = [row["id"] for row in simulator.truth("filters") if row["user_id"] == 900]
    for each in mine[:2]:  # 900 is the administrator
        simulator.admin("edit", entity="filters", id=each, attributes={"visible_to": 1})
    words = ("--tables", "filters,pipelines", "--all")
    for _ in range(2):  # it goes on asking
        result = sync(simulator, database.url, *words, token=simulator.member_token, code=3)
        assert "filters" in result.stderr and "--yes" in result.stderr
        assert flagged(database, "filters") == set()
    # A token anew, of the same user, changes nothing; and what is gone for the old user is gone.
    token = simulator.admin("rotate_token")["token"]
    gone = alive(simulator, "filters")[-1]
    remove(simulator, "filters", [gone])
    sync(simulator, database.url, *words, token=token)
    assert flagged(database, "filters") == {gone}
    sync(simulator, database.url, *words, "--yes", token=simulator.member_token)
    assert flagged(database, "filters") == {gone, *mine[:2]}
    # Now the member is the one that is remembered.
    sync(simulator, database.url, *words, token=simulator.member_token)

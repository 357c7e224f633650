"""Children: the queue of parents, product lines and the log of deals."""

import re
import signal
import threading
from itertools import chain
from urllib.parse import urlsplit

import pytest
from harness import assert_equals_truth, expected_rows, run_penstock, start_sync, sync, wait_until
from section4 import FLOW, LINES, PATHS, Between, asked, company, moment, queries, stamp

DEALS = PATHS["deals"]
CHILDREN = ["deal_products", "dealflow"]
ALL = "deals,deal_products,dealflow"


def load(simulate, database, *options, tables=ALL, **rows):
    rows = {"deals": 40, "products": 10, "deals_with_products": 60, "archived": 20} | rows
    simulator = simulate(*company(*options, **rows))
    sync(simulator, database.url, "--tables", tables or "pipelines")
    simulator.admin("reset_counters")
    return simulator


def queue(database, child):
    rows = database.query("SELECT * FROM _penstock_parents WHERE child = ?", child)
    return {row["deal_id"]: row for row in rows}


def live(simulator, archived=False):
    return [
        row["id"]
        for row in simulator.truth("deals")
        if not row["is_deleted"] and row["is_archived"] == archived
    ]


def with_lines(simulator, archived=False):
    ids = set(live(simulator, archived))
    rows = simulator.truth("deals")
    return [row["id"] for row in rows if row["id"] in ids and row["products_count"]]


def lines_of(simulator, deal):
    return [row["id"] for row in simulator.truth("deal_products") if row["deal_id"] == deal]


def move(simulator, deal):
    """To another stage, so that every mode of dealflow reads it."""
    deals = {row["id"]: row for row in simulator.truth("deals")}
    stages = [row["id"] for row in simulator.truth("stages") if not row["is_deleted"]]
    other = next(each for each in stages if each != deals[deal]["stage_id"])
    simulator.admin("edit", entity="deals", id=deal, attributes={"stage_id": other})


def flows(simulator):
    """Deals whose log was asked for, a deal a request."""
    found = [re.search(r"/deals/(\d+)/flow", each["path"]) for each in simulator.requests()]
    return [int(each[1]) for each in found if each]


def line_calls(simulator):
    """Deals of each call for product lines."""
    return [[int(id) for id in each["deal_ids"].split(",")] for each in queries(simulator, LINES)]


def children_called(simulator):
    return asked(simulator).get(LINES, 0) + asked(simulator).get(FLOW, 0)


def assert_right(simulator, database, tables=ALL, **more):
    assert_equals_truth(simulator, database, tables.split(","), **more)


# --- the queue ---


@pytest.mark.parametrize("tables", ["deals,deal_products", ALL])
def test_entries_are_written_with_the_page_that_made_them(simulate, database, tables):
    """Killed while the second page of deals is awaited: each deal of the first is in the table and in the queue.
    Of lines it is a later run that is killed, of all children the first."""
    first = tables == ALL
    simulator = load(simulate, database, tables="" if first else tables, deals=560, archived=0)
    if not first:
        ids = [row["id"] for row in simulator.truth("deals") if not row["is_deleted"]]
        later = {"op": "clock", "advance": 60}
        edits = [[later, {"op": "edit", "entity": "deals", "id": each}] for each in ids]
        simulator.operations(list(chain(*edits)))
    before = {key: row["update_time"] for key, row in database.rows("deals").items()}
    # The list of archived deals, the first page, the look at the end, the second page; later only the pages.
    simulator.fault("hang", path=DEALS, query="sort_by=update_time", nth=4 if first else 2)
    simulator.fault("hang", path=LINES, count=0)  # their calls go out meanwhile
    process = start_sync(simulator, database.url, "--tables", tables)

    def written():
        rows = database.rows("deals").items()
        return {key for key, row in rows if row["update_time"] != before.get(key)}

    wait_until(lambda: len(written()) >= 500)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    simulator.admin("faults_clear")

    deals = database.live("deals")
    assert len(written()) == 500
    assert queue(database, "dealflow").keys() == (written() & deals.keys() if first else set())
    wanted = {key for key in written() & deals.keys() if deals[key]["products_count"]}
    assert queue(database, "deal_products").keys() == wanted
    sync(simulator, database.url, "--tables", "deals,deal_products")
    assert_right(simulator, database, "deals,deal_products")
    assert queue(database, "deal_products") == {}


@pytest.mark.parametrize("child", CHILDREN)
def test_an_entry_is_removed_with_the_last_page_of_its_answer(simulate, database, child):
    """Killed between the two pages of one deal's answer: what came is stored, the deal stays queued."""
    simulator = load(simulate, database, "--big-deal-lines", 700, tables="", deals=10)
    deal = simulator.truth("deals")[0]["id"]
    edits = [
        {"op": "edit", "entity": "deals", "id": deal, "attributes": {"value": n}}
        for n in range(700)
    ]
    simulator.operations(edits)
    path = LINES if child == "deal_products" else f"/api/v1/deals/{deal}/flow"
    simulator.fault("hang", path=path, nth=2)
    process = start_sync(simulator, database.url, "--tables", f"deals,{child}")
    parent = "deal_id" if child == "deal_products" else "item_id"

    def stored():
        return sum(row[parent] == deal for row in database.rows(child).values())

    wait_until(lambda: stored() >= 450)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    simulator.admin("faults_clear")
    assert deal in queue(database, child)
    sync(simulator, database.url, "--tables", f"deals,{child}")
    assert queue(database, child) == {}
    assert_right(simulator, database, f"deals,{child}")


def test_priority_is_incremental_then_retry_then_backfill_newest_first(simulate, database):
    simulator = load(simulate, database, tables="", archived=0)
    deals = {row["id"]: row for row in simulator.truth("deals")}
    by_time = sorted(deals, key=lambda key: deals[key]["update_time"])
    start = moment(deals[by_time[20]]["update_time"])
    loaded = [
        key for key in by_time if moment(deals[key]["update_time"]) >= moment(stamp(start)[:10])
    ]
    failing = loaded[4]
    simulator.fault("status", status=500, path=f"/api/v1/deals/{failing}/flow", count=0)
    words = ("--tables", "deals,dealflow")
    sync(simulator, database.url, *words, "--start-date", stamp(start)[:10])
    assert queue(database, "dealflow").keys() == {failing}
    simulator.admin("faults_clear")
    simulator.advance(86400)
    for deal in (loaded[2], loaded[0]):
        move(simulator, deal)
        simulator.advance(1)
    # The lowered start date brings the past; the log of requests tells the order in which they were sent.
    result = sync(simulator, database.url, *words, "-vv")
    sent = [int(deal) for deal in re.findall(r"/deals/(\d+)/flow", result.stderr)]
    past = [key for key in by_time if key not in loaded]
    assert sent == [loaded[2], loaded[0], failing, *reversed(past)]
    assert_right(simulator, database, "deals,dealflow")


def test_a_deal_that_is_edited_again_while_queued_is_read_once(simulate, database):
    simulator = load(simulate, database)
    deal, product = with_lines(simulator)[0], simulator.truth("products")[0]["id"]
    simulator.fault("daily429", path="/api/v2/deals/products", count=0)
    simulator.fault("daily429", path="/api/v1/deals/", count=0)
    for _ in range(3):
        simulator.advance(600)
        move(simulator, deal)
        simulator.admin("line_add", deal=deal, product=product)
        sync(simulator, database.url, "--tables", ALL, code=75)
        assert queue(database, "dealflow").keys() == {deal}
        assert queue(database, "deal_products").keys() == {deal}
    simulator.admin("faults_clear")
    simulator.admin("reset_counters")
    sync(simulator, database.url, "--tables", ALL)
    assert flows(simulator) == [deal] and line_calls(simulator) == [[deal]]
    assert_right(simulator, database)


def test_an_idle_run_calls_no_children(simulate, database):
    simulator = load(simulate, database)
    sync(simulator, database.url, "--tables", ALL)
    assert children_called(simulator) == 0


# --- children while deals are still being read ---


class Beside(Between):
    """Holds the third page of deals until product lines have been answered; at_lines(n) happens
    when the answer to the n-th call for lines is there, and before it goes on its way."""

    def __init__(self, simulator, at_lines=lambda n: None):
        super().__init__(simulator, LINES, rewrite=self.answered)
        self.at_lines, self.calls, self.pages = at_lines, 0, 0
        self.lines_came = threading.Event()
        self.turn = threading.Lock()  # two calls for lines may be under way

    def meet(self, path):
        super().meet(path)
        if urlsplit(path).path == DEALS and "sort_direction=asc" in path:
            self.pages += 1
            if self.pages > 2 and not self.lines_came.wait(20):
                self.failures.append("no call for lines while deals were being read")

    def answered(self, body):
        with self.turn:
            self.calls += 1
            self.at_lines(self.calls)
            self.lines_came.set()
        return body


def many_deals(simulate, *options, **rows):
    # Four pages: too few for windows, so that what is edited meanwhile is on a page of this run.
    rows = {"deals": 1900, "products": 10, "deals_with_products": 30, "archived": 0} | rows
    return simulate(*company(*options, **rows))


def test_lines_are_read_beside_deals_in_as_many_calls(simulate, database):
    """As many as if all deals had been read before: all of them full but the last."""
    simulator, tables = many_deals(simulate), "deals,deal_products"
    with Beside(simulator) as beside:
        sync(beside, database.url, "--tables", tables)
    assert beside.calls > 2 and beside.pages > 3
    wanted = with_lines(simulator)
    calls = line_calls(simulator)
    assert sorted(chain(*calls)) == sorted(wanted)
    assert sorted(map(len, calls)) == [len(wanted) % 100] + [100] * (len(wanted) // 100)
    assert database.query("SELECT * FROM _penstock_parents") == []
    assert_right(simulator, database, tables)
    simulator.admin("reset_counters")
    sync(simulator, database.url, "--tables", tables)
    assert children_called(simulator) == 0


def test_deals_that_change_while_their_lines_are_read_are_read_again(simulate, database):
    simulator = many_deals(simulate)
    changed = []

    def change(call):
        if call > 1:
            return
        more, *others = line_calls(simulator)[0]
        fewer = next(deal for deal in others if len(lines_of(simulator, deal)) > 1)
        simulator.advance(5)
        simulator.admin("line_add", deal=more, product=simulator.truth("products")[0]["id"])
        simulator.admin("line_remove", id=lines_of(simulator, fewer)[0])
        changed.extend([more, fewer])

    with Beside(simulator, at_lines=change) as beside:
        sync(beside, database.url, "--tables", "deals,deal_products")
    asked_for = list(chain(*line_calls(simulator)))
    assert all(asked_for.count(deal) > 1 for deal in changed)
    assert_right(simulator, database, "deals,deal_products")


def test_lines_of_a_deal_that_is_deleted_while_they_are_read_stay_away(simulate, database):
    """The answer is on its way while the page of deals that says so is committed."""
    simulator = many_deals(simulate)

    def delete(call):
        if call > 1:
            return
        deal = line_calls(simulator)[0][0]
        simulator.advance(5)
        simulator.admin("delete", entity="deals", id=deal)
        beside.lines_came.set()
        wait_until(lambda: database.rows("deals").get(deal, {}).get("_deleted_at"))

    with Beside(simulator, at_lines=delete) as beside:
        sync(beside, database.url, "--tables", "deals,deal_products")
    assert_right(simulator, database, "deals,deal_products")


def test_a_run_that_is_killed_between_asks_for_no_lines_twice(simulate, database):
    simulator = many_deals(simulate)
    simulator.fault("hang", path=DEALS, query="sort_direction=asc", nth=6)
    process = start_sync(simulator, database.url, "--tables", "deals,deal_products")
    wait_until(lambda: len(line_calls(simulator)) > 2)
    wait_until(lambda: len(queue(database, "deal_products")) < 100)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    simulator.admin("faults_clear")
    sync(simulator, database.url, "--tables", "deals,deal_products")
    assert sorted(chain(*line_calls(simulator))) == sorted(with_lines(simulator))
    assert_right(simulator, database, "deals,deal_products")


def test_lines_of_deals_that_were_stored_before_their_list_failed(simulate, database):
    simulator = many_deals(simulate)
    simulator.fault("status", status=403, path=DEALS, query="sort_direction=asc", nth=4, count=0)
    result = sync(simulator, database.url, "--tables", "deals,deal_products", code=3)
    assert result.tables["deals"]["outcome"] == "failed"
    assert result.tables["deal_products"]["outcome"] == "done"
    stored = database.rows("deals")
    assert 0 < len(stored) < 2000
    asked_for = sorted(chain(*line_calls(simulator)))
    assert asked_for == sorted(set(with_lines(simulator)) & stored.keys())
    simulator.admin("faults_clear")
    sync(simulator, database.url, "--tables", "deals,deal_products")
    assert sorted(chain(*line_calls(simulator))) == sorted(with_lines(simulator))
    assert_right(simulator, database, "deals,deal_products")


def test_a_budget_that_ends_is_spent_on_the_newest_logs(simulate, database, tmp_path):
    """So logs wait for all deals, whatever may be sent meanwhile."""
    simulator = many_deals(simulate, "--latency-ms", 50, deals=1200)
    calls = 6
    lists = sync(simulator, f"sqlite:{tmp_path}/deals.db", "--tables", "deals").report["tokens"]
    simulator.admin("reset_counters")
    words = ("--tables", "deals,dealflow", "--max-tokens", lists + calls * 40)
    sync(simulator, database.url, *words, code=75)
    by_time = sorted(simulator.truth("deals"), key=lambda row: row["update_time"])
    assert set(flows(simulator)) == {row["id"] for row in by_time[-calls:]}


def test_children_leave_half_of_the_burst_window_to_lists(simulate, database):
    """20 requests in 2 s: until the last page of activities, logs of deals go only while less than 10 were
    sent. Counted are 1.5 s, since on a busy machine requests arrive closer together than they were sent.
    """
    rows = {"deals": 60, "activities": 6000, "archived": 0}
    simulator = simulate(*company("--plan", "lite", "--latency-ms", 300, **rows))
    sync(simulator, database.url, "--tables", "deals,dealflow,activities")
    log = simulator.requests()
    last = max(each["n"] for each in log if each["path"] == PATHS["activities"])
    crowds = [
        sum(each["ms"] - 1500 < other["ms"] and other["n"] < each["n"] for other in log)
        for each in log
        if each["path"].endswith("/flow") and each["n"] < last
    ]
    assert crowds and max(crowds) < 10
    assert_right(simulator, database, "deals,dealflow,activities")


# --- children without the table deals ---


@pytest.mark.parametrize("child", CHILDREN)
@pytest.mark.parametrize("recent", [False, True])
def test_without_the_table_deals_its_walk_runs_for_the_children(simulate, database, child, recent):
    simulator = load(simulate, database, tables="")
    if recent:  # within the overlap, so the next walk sees them again
        for deal in live(simulator)[:5] + live(simulator, archived=True)[:2]:
            simulator.admin("edit", entity="deals", id=deal)
        simulator.advance(20)
    sync(simulator, database.url, "--tables", child)
    assert database.columns("deals") == []
    assert_right(simulator, database, child)

    for pause in (1, 30, 3600, 6 * 3600):
        simulator.advance(pause)
        simulator.admin("reset_counters")
        sync(simulator, database.url, "--tables", child)
        assert children_called(simulator) == 0, f"after {pause} s more"

    deal = with_lines(simulator)[1]
    move(simulator, deal)
    simulator.admin("line_add", deal=deal, product=simulator.truth("products")[0]["id"])
    sync(simulator, database.url, "--tables", child)
    assert children_called(simulator) == 1
    assert_right(simulator, database, child)


def test_without_the_table_deals_stages_reads_only_deals_that_moved(simulate, database):
    simulator = load(simulate, database, tables="dealflow")
    simulator.advance(3600)
    moved, edited = live(simulator)[:2]
    move(simulator, moved)
    simulator.admin("edit", entity="deals", id=edited, attributes={"value": 5})
    new = simulator.admin("add", entity="deals")["id"]
    sync(simulator, database.url, "--tables", "dealflow")
    assert sorted(flows(simulator)) == sorted([moved, new])


def test_without_the_table_deals_lines_go_with_their_deals(simulate, database):
    simulator = load(simulate, database, tables="deal_products")
    simulator.advance(3600)
    emptied, deleted = with_lines(simulator)[:2]
    for line in lines_of(simulator, emptied):
        simulator.admin("line_remove", id=line)
    simulator.admin("delete", entity="deals", id=deleted)
    sync(simulator, database.url, "--tables", "deal_products")
    assert children_called(simulator) == 0
    assert_right(simulator, database, "deal_products")


# --- a child that was not always chosen ---


@pytest.mark.parametrize("first", ["deals", "deal_products", "dealflow", "deals,deal_products"])
def test_a_child_that_is_chosen_later_gets_every_deal(simulate, database, first):
    simulator = load(simulate, database, tables=first)
    simulator.advance(600)
    later = ",".join(sorted({*first.split(","), *CHILDREN}))
    sync(simulator, database.url, "--tables", later)
    assert_right(simulator, database, later)
    simulator.admin("reset_counters")
    sync(simulator, database.url, "--tables", later)
    assert children_called(simulator) == 0


def test_a_child_that_was_left_out_for_a_while_catches_up(simulate, database):
    simulator = load(simulate, database)
    deal, emptied, deleted = with_lines(simulator)[:3]
    simulator.advance(600)
    move(simulator, deal)
    simulator.admin("line_add", deal=deal, product=simulator.truth("products")[0]["id"])
    for line in lines_of(simulator, emptied):
        simulator.admin("line_remove", id=line)
    simulator.admin("delete", entity="deals", id=deleted)
    sync(simulator, database.url, "--tables", "deals")
    assert children_called(simulator) == 0
    simulator.advance(600)
    sync(simulator, database.url, "--tables", ALL)
    assert children_called(simulator) == 2  # not all deals anew
    assert_right(simulator, database)


# --- product lines ---


def test_lines_are_read_a_hundred_deals_a_call(simulate, database):
    simulator = load(simulate, database, tables="", deals=260, deals_with_products=90)
    sync(simulator, database.url, "--tables", "deals,deal_products")
    calls = line_calls(simulator)
    wanted = with_lines(simulator) + with_lines(simulator, archived=True)
    assert sorted(chain(*calls)) == sorted(wanted)
    assert len(wanted) > 200
    assert sorted(map(len, calls)) == [len(wanted) - 200, 100, 100]
    assert {each["sort_by"] for each in queries(simulator, LINES)} == {"deal_id"}
    assert_right(simulator, database, "deals,deal_products")


def test_a_set_is_replaced_whole_even_over_pages(simulate, database):
    simulator = load(simulate, database, "--big-deal-lines", 1300)
    big = simulator.truth("deals")[0]["id"]
    assert len(lines_of(simulator, big)) == 1300
    others = [deal for deal in with_lines(simulator) if len(lines_of(simulator, deal)) > 1][:5]
    gone = {lines_of(simulator, big)[at] for at in (0, 3, 499, 500, 800, 1299)}
    gone |= {lines_of(simulator, deal)[0] for deal in others if deal != big}
    simulator.advance(600)
    for line in gone:
        simulator.admin("line_remove", id=line)
    product = simulator.truth("products")[0]["id"]
    simulator.admin("line_add", deal=big, product=product)
    result = sync(simulator, database.url, "--tables", ALL)
    assert result.tables["deal_products"]["deleted"] == len(gone)
    lines = database.rows("deal_products")
    assert {key for key, row in lines.items() if row["_deleted_at"] is not None} == gone
    assert_right(simulator, database)


@pytest.mark.parametrize("removal", ["lines", "deal"])
def test_lines_of_a_deal_without_any_are_flagged_without_a_call(simulate, database, removal):
    simulator = load(simulate, database)
    deal = with_lines(simulator)[0]
    gone = lines_of(simulator, deal)
    simulator.advance(600)
    if removal == "lines":
        for line in gone:
            simulator.admin("line_remove", id=line)
    else:
        simulator.admin("delete", entity="deals", id=deal)
    result = sync(simulator, database.url, "--tables", ALL)
    assert line_calls(simulator) == []
    assert result.tables["deal_products"]["deleted"] + result.tables["deals"]["deleted"] >= len(
        gone
    )
    assert_right(simulator, database)
    if removal == "deal":
        when = database.rows("deals")[deal]["_deleted_at"]
        assert {database.rows("deal_products")[line]["_deleted_at"] for line in gone} == {when}
        simulator.advance(600)
        simulator.admin("undelete", entity="deals", id=deal)
        sync(simulator, database.url, "--tables", ALL)
        assert line_calls(simulator) == [[deal]]
        assert_right(simulator, database)


def test_lines_that_differ_from_the_count_are_asked_for_alone_and_delete_nothing(
    simulate, database
):
    simulator = load(simulate, database, archived=40)
    some = with_lines(simulator, archived=True)[:3]
    before = database.snapshot(["deal_products"])
    simulator.set(archived_lines="off")  # their count stays
    simulator.advance(600)
    for deal in some:
        simulator.admin("edit", entity="deals", id=deal)
    sync(simulator, database.url, "--tables", ALL, "--all", "--dealflow", "off")
    calls = line_calls(simulator)
    assert all([deal] in calls for deal in some)
    assert database.snapshot(["deal_products"]) == before
    assert queue(database, "deal_products") == {}


def test_a_line_that_comes_while_its_deal_is_read_is_kept(simulate, database):
    simulator = load(simulate, database)
    deal, other = with_lines(simulator)[:2]
    product = simulator.truth("products")[0]["id"]
    simulator.advance(600)
    for each in (deal, other):
        simulator.admin("edit", entity="deals", id=each)

    def add_line():
        simulator.advance(1)
        simulator.admin("line_add", deal=deal, product=product)

    with Between(simulator, LINES, {1: add_line}) as between:
        sync(between, database.url, "--tables", ALL)
    assert sorted(line_calls(simulator), key=len) == [[deal], sorted([deal, other])]
    assert_right(simulator, database, "deal_products")
    sync(simulator, database.url, "--tables", ALL)
    assert_right(simulator, database)


@pytest.mark.parametrize("status", [400, 404, 403])
def test_a_batch_that_is_refused_is_halved(simulate, database, status):
    simulator = load(simulate, database, tables="", deals=110, deals_with_products=100, archived=0)
    bad = max(with_lines(simulator))  # the only id with these digits
    simulator.fault("status", status=status, path=LINES, query=str(bad), count=0)
    result = sync(simulator, database.url, "--tables", "deals,deal_products")
    assert result.tables["deal_products"]["outcome"] == "done"
    assert_right(
        simulator,
        database,
        "deal_products",
        ignore_rows={"deal_products": lines_of(simulator, bad)},
    )
    assert len(line_calls(simulator)) <= 2 + 2 * 7
    if status == 404:  # the deal is not there
        assert queue(database, "deal_products") == {}
        return
    assert queue(database, "deal_products").keys() == {bad}
    assert f"deal {bad}" in result.tables["deal_products"]["message"]
    simulator.admin("faults_clear")
    simulator.advance(86400)
    sync(simulator, database.url, "--tables", "deals,deal_products")
    assert_right(simulator, database, "deals,deal_products")


def test_all_deals_with_products_are_queued_again_every_week(simulate, database):
    simulator = load(simulate, database)
    line = lines_of(simulator, with_lines(simulator)[0])[0]
    simulator.admin(
        "edit", entity="deal_products", id=line, attributes={"quantity": 77}, touch_deal=False
    )
    simulator.advance(7 * 86400 - 60)
    sync(simulator, database.url, "--tables", ALL)
    assert line_calls(simulator) == []
    simulator.advance(120)
    sync(simulator, database.url, "--tables", ALL)
    calls = chain(*line_calls(simulator))
    assert sorted(calls) == sorted(with_lines(simulator) + with_lines(simulator, archived=True))
    assert_right(simulator, database)


def test_full_every_is_a_setting(simulate, database, tmp_path):
    simulator = load(simulate, database, tables="")
    (tmp_path / "penstock.yaml").write_text(
        f"connections:\n  - {{name: acme, api_token: 'env:ACME', destination: '{database.url}',"
        f" api_url: '{simulator.url}', tables: [deals, deal_products], full_every: 2h}}\n"
    )

    def run():
        result = run_penstock("sync", cwd=tmp_path, env={"ACME": simulator.token})
        assert result.returncode == 0, result.stderr
        return len(line_calls(simulator))

    assert run() == 1
    simulator.advance(3600)
    assert run() == 1
    simulator.advance(3600)
    assert run() == 2


def test_lines_that_went_while_deals_were_loaded_anew_are_flagged(simulate, database):
    simulator = load(simulate, database)
    emptied, deleted = with_lines(simulator)[:2]
    simulator.advance(600)
    for line in lines_of(simulator, emptied):
        simulator.admin("line_remove", id=line)
    simulator.admin("delete", entity="deals", id=deleted)
    result = run_penstock("reset", "default", "deals", "--yes", "--to", database.url)
    assert result.returncode == 0, result.stderr
    sync(simulator, database.url, "--tables", ALL)
    assert_right(simulator, database)


# --- the log of deals ---


@pytest.mark.parametrize("mode", ["stages", "all", "off"])
def test_modes_of_dealflow(simulate, database, mode):
    words = ("--tables", ALL, "--dealflow", mode)
    simulator = load(simulate, database, tables="", custom_fields=5)
    sync(simulator, database.url, *words)
    moved, edited = live(simulator)[:2]
    simulator.admin("reset_counters")
    simulator.advance(600)
    move(simulator, moved)
    simulator.admin("edit", entity="deals", id=edited, attributes={"value": 12.5})
    new = simulator.admin("add", entity="deals")["id"]
    sync(simulator, database.url, *words)
    wanted = {"stages": [moved, new], "all": [moved, edited, new], "off": []}[mode]
    assert sorted(flows(simulator)) == sorted(wanted)
    assert (database.columns("dealflow") == []) == (mode == "off")
    asked_for = [each for each in simulator.requests() if each["path"].endswith("/flow")]
    assert all("items=dealChange&all_changes=1" in each["query"] for each in asked_for)
    if mode == "all":
        assert_right(simulator, database)
    if mode == "stages":  # every line of a log that was read, whatever it is about
        later = {row["id"] for row in simulator.truth("dealflow") if row["item_id"] == edited}
        assert_right(simulator, database, ignore_rows={"dealflow": later})


def test_a_flow_of_many_pages(simulate, database):
    for order in ("newest", "oldest"):
        simulator = load(simulate, database, "--set", f"flow_order={order}", tables="", deals=3)
        deal = live(simulator)[0]
        edit = {"op": "edit", "entity": "deals", "id": deal}
        simulator.operations([edit | {"attributes": {"value": n}} for n in range(1100)])
        sync(simulator, database.url, "--tables", "deals,dealflow")
        assert flows(simulator).count(deal) == 3
        assert_right(simulator, database, "deals,dealflow")
        database.path.unlink()


@pytest.mark.parametrize("kind", ["null", "success_false", "garbage"])
def test_an_answer_that_says_nothing_is_asked_for_again(simulate, database, kind):
    simulator = load(simulate, database, tables="")
    deal = live(simulator)[3]
    simulator.fault(kind, path=f"/api/v1/deals/{deal}/flow", count=2)
    result = sync(simulator, database.url, "--tables", ALL)
    assert flows(simulator).count(deal) == 3
    assert "message" not in result.tables["dealflow"]
    assert_right(simulator, database)


@pytest.mark.parametrize("status", [404, 410])
def test_a_deal_that_vanished_is_skipped(simulate, database, status):
    simulator = load(simulate, database, tables="")
    deal = live(simulator)[3]
    simulator.fault("status", status=status, path=f"/api/v1/deals/{deal}/flow", count=0)
    result = sync(simulator, database.url, "--tables", ALL)
    assert flows(simulator).count(deal) == 1
    assert result.tables["dealflow"]["outcome"] == "done"
    assert queue(database, "dealflow") == {}
    gone = {row["id"] for row in simulator.truth("dealflow") if row["item_id"] == deal}
    assert_right(simulator, database, ignore_rows={"dealflow": gone})


@pytest.mark.parametrize("status", [500, 400, 403])
def test_what_still_fails_waits_with_backoff_and_fails_no_table(simulate, database, status):
    simulator = load(simulate, database, tables="")
    deal = live(simulator)[3]
    simulator.fault("status", status=status, path=f"/api/v1/deals/{deal}/flow", count=0)
    waits = []
    for tries in (1, 2, 3):
        result = sync(simulator, database.url, "--tables", ALL)
        assert result.tables["dealflow"]["outcome"] == "done"
        assert f"deal {deal}" in result.tables["dealflow"]["message"]
        entry = queue(database, "dealflow")[deal]
        assert entry["tries"] == tries
        waits.append(moment(entry["not_before"]) - moment(simulator.now()))
        simulator.admin("reset_counters")
        result = sync(simulator, database.url, "--tables", ALL)  # its time has not come
        assert flows(simulator) == [] and "wait" in result.tables["dealflow"]["message"]
        simulator.advance(waits[-1].total_seconds() + 1)
    assert waits[0] > 0 * waits[0] and waits[0] < waits[1] < waits[2]
    simulator.admin("faults_clear")
    result = sync(simulator, database.url, "--tables", ALL)
    assert queue(database, "dealflow") == {} and "message" not in result.tables["dealflow"]
    assert_right(simulator, database)


@pytest.mark.parametrize("child", ["dealflow", "deal_products"])
@pytest.mark.parametrize("status", [500, 403])
def test_an_endpoint_that_fails_for_every_deal_is_left_alone(simulate, database, child, status):
    """After five deals (or hundreds of them) in a row the rest waits; none was read, so the table failed."""
    deals = {"dealflow": 400, "deal_products": 1200}[child]  # many a round, and many a hundred
    simulator = load(simulate, database, tables="", deals=deals)
    path = {"dealflow": "/api/v1/deals/", "deal_products": "/api/v2/deals/products"}[child]
    pattern = {"dealflow": "/v1/deals/{id}/flow", "deal_products": "/api/v2/deals/products"}[child]
    simulator.fault("status", status=status, path=path, count=0)
    words = ("--tables", f"deals,{child}")

    def asked():
        return simulator.stats()["paths"].get(pattern, {"requests": 0})["requests"]

    result = sync(simulator, database.url, *words, code=3)
    report = result.tables[child]
    waiting = queue(database, child)
    assert report["outcome"] == "failed" and len(waiting) > 200
    assert f"{len(waiting):,} deal(s) wait" in report["message"]
    assert f"HTTP {status}" in report["message"] and "deal " in report["message"]
    # What was under way when the first failed, and the tries of five: six each, while 403 says at once
    # that it is no use, but a hundred deals of lines are halved down to the first ones.
    under_way, tries, halving = 20, {500: 6, 403: 1}[status], 0
    if child == "deal_products" and status == 403:
        halving = 15
    assert 5 * tries <= asked() <= under_way + 5 * tries + halving

    # as long as it lasts, a run makes sure with one
    simulator.advance(60)
    simulator.admin("reset_counters")
    sync(simulator, database.url, *words, code=3)
    assert tries <= asked() <= tries + halving

    simulator.admin("faults_clear")
    simulator.advance(86400)
    result = sync(simulator, database.url, *words)
    assert queue(database, child) == {} and "message" not in result.tables[child]
    assert_right(simulator, database, f"deals,{child}")


def test_single_deals_that_fail_do_not_stop_the_others(simulate, database):
    simulator = load(simulate, database, tables="", deals=100)
    failing = live(simulator)[3:60:8]
    for deal in failing:
        simulator.fault("status", status=500, path=f"/api/v1/deals/{deal}/flow", count=0)
    sync(simulator, database.url, "--tables", ALL)
    assert queue(database, "dealflow").keys() == set(failing) and len(failing) > 5


def test_a_failing_deal_that_changes_meanwhile_is_read_at_once(simulate, database):
    simulator = load(simulate, database, tables="")
    deal = live(simulator)[3]
    simulator.fault("status", status=500, path=f"/api/v1/deals/{deal}/flow", count=0)
    sync(simulator, database.url, "--tables", ALL)
    simulator.admin("faults_clear")
    simulator.advance(60)
    move(simulator, deal)
    sync(simulator, database.url, "--tables", ALL)
    assert queue(database, "dealflow") == {}
    assert_right(simulator, database)
    assert expected_rows(simulator, "dealflow")

"""What two databases must share that were filled by different lives of the same runs: tables, their
columns, state, fields and queue, cell by cell.

Excused are what no two runs share, _synced_at, _run_id and the random nonces of tables, and the run
log, whose rows tell of the kills. Times that a run's clock wrote (the state's, and _deleted_at of what
a sweep flagged) go on while a run lasts, even where the simulator's clock stands: they may differ by
some seconds. _deleted_at of a deal is its update_time and must be the same to the second.

Where DDL is not transactional, names of new columns are committed before the columns are made, and so
before fields_at, the time of the list that they came from: a killed run leaves it old, which only means
that the list is read again earlier."""

import datetime

from harness import TABLES

SECONDS = datetime.timedelta(seconds=10)  # the longest run, and more


def times(value, excused):
    """A state without the excused keys, and its times."""
    if isinstance(value, dict):
        value = {key: inner for key, inner in value.items() if key not in excused}
        pairs = {key: times(inner, excused) for key, inner in value.items()}
        return (
            {key: pair[0] for key, pair in pairs.items()},
            [time for key in sorted(pairs) for time in pairs[key][1]],
        )
    if isinstance(value, list):
        pairs = [times(inner, excused) for inner in value]
        return [pair[0] for pair in pairs], [time for pair in pairs for time in pair[1]]
    if isinstance(value, str) and len(value) >= 20 and value.endswith("Z"):
        return "a time", [datetime.datetime.fromisoformat(value.removesuffix("Z"))]
    return value, []


def facts(database):
    """Everything to compare, with the times that a clock wrote apart."""
    with database.session():
        tables = database.snapshot()
        types = {table: database.types(table) for table in TABLES}
        excused = {"nonce"} if database.transactional_ddl else {"nonce", "fields_at"}
        state, state_times = times(database.state(), excused)
        fields = database.query('SELECT * FROM "_penstock_fields"')
        queue = database.query('SELECT * FROM "_penstock_parents"')
    flagged = {}
    for table in TABLES:
        if table == "deals":
            continue
        for key, row in tables[table].items():
            if row["_deleted_at"] is not None:
                flagged[table, key] = datetime.datetime.fromisoformat(row["_deleted_at"])
                row["_deleted_at"] = "a time"
    return {
        "tables": tables,
        "types": types,
        "state": state,
        "state_times": state_times,
        "flagged": flagged,
        "fields": sorted(fields, key=lambda row: (row["table"], row["key"], row["part"])),
        "queue": queue,
    }


def different(a, b, path=""):
    """Where two values differ, as lines of text."""
    if isinstance(a, dict) and isinstance(b, dict):
        keys = sorted(a.keys() | b.keys(), key=str)
        missing = object()
        pairs = [(f"{path}.{key}", a.get(key, missing), b.get(key, missing)) for key in keys]
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        pairs = [(f"{path}[{i}]", x, y) for i, (x, y) in enumerate(zip(a, b))]
    else:
        return [] if a == b else [f"{path}: {a!r} and {b!r}"]
    return [line for inner, x, y in pairs if x != y for line in different(x, y, inner)]


def assert_same_facts(a, b):
    for what in ("tables", "types", "state", "fields"):
        lines = different(a[what], b[what], what)
        assert not lines, "\n".join(lines[:20])
    assert a["queue"] == b["queue"] == [], f"deals wait: {a['queue']} and {b['queue']}"
    for one, other in zip(a["state_times"], b["state_times"], strict=True):
        assert abs(one - other) <= SECONDS, f"times of the state: {one} and {other}"
    for key, moment in a["flagged"].items():
        other = b["flagged"][key]
        assert abs(moment - other) <= SECONDS, f"_deleted_at of {key}: {moment} and {other}"

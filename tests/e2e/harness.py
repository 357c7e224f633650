"""What end-to-end tests share: a running pipedrive-sim, penstock as a process, and the comparison of
a destination (destinations.py) with the company.

Expected values come from the simulator's truth by the rules below, never from what penstock said.
PENSTOCK_BUILD names the build folder (default: build)."""

import contextlib
import datetime
import functools
import http.client
import json
import os
import pathlib
import random
import subprocess
import tempfile
import time
import urllib.parse
from decimal import Decimal

from destinations import TABLES, Literal, Sqlite, parse  # tests take them from here

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("PENSTOCK_BUILD", ROOT / "build")).resolve()
PENSTOCK = BUILD / "src/cli/penstock"
SIMULATOR = BUILD / "simulator/pipedrive-sim"

SYSTEM_COLUMNS = ("_synced_at", "_deleted_at", "_run_id", "_extra")
# No limits that slow a run down, a day's budget that no test uses up a share of, and a clock that
# stands until a test moves it.
QUICK = ("--plan", "ultimate", "--seats", "1000", "--no-limits", "--frozen-clock")
# Nobody's real record of spent tokens; tests that care have their own (conftest.py).
if "PENSTOCK_STATE_DIR" not in os.environ:
    STATE_DIR = tempfile.TemporaryDirectory(prefix="penstock-state-")
    os.environ["PENSTOCK_STATE_DIR"] = STATE_DIR.name


# --- the simulator ---


class Simulator:
    """A pipedrive-sim of its own. Options as in simulator/README.md."""

    def __init__(self, *options):
        command = [SIMULATOR, "--port", "0", "--quiet", *map(str, options)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE)
        ready = self.process.stdout.readline()
        assert ready, f"{command} ended without its ready line"
        ready = json.loads(ready)
        self.url = ready["url"]
        self.companies = ready["companies"]
        self.token = self.companies[0]["token"]
        self.member_token = self.companies[0]["member_token"]
        self.pid = self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """Ends it, and tells how it ended (0 = well)."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()
        finally:
            self.process.stdout.close()

    def request(self, method, path, body=None, headers=None):
        """Status and bytes. A connection a request, so any thread may call it."""
        connection = http.client.HTTPConnection(urllib.parse.urlsplit(self.url).netloc, timeout=30)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def admin(self, op, **arguments):
        """One operation of the admin API; its result."""
        return self.operations([{"op": op, **arguments}])[0]

    def operations(self, operations):
        """Several operations under one lock, so in one second; their results."""
        status, body = self.request("POST", "/_sim/", json.dumps(operations))
        assert status == 200, (body[:500], operations)
        return parse(body)["results"]

    def read(self, path, **query):
        status, body = self.request("GET", f"/_sim/{path}?{urllib.parse.urlencode(query)}")
        assert status == 200, (path, body[:500])
        return parse(body)

    def truth(self, table, **query):
        """All rows that are not purged, in the list's shape with all include fields."""
        entity = {"currency": "currencies"}.get(table, table)
        query = urllib.parse.urlencode({"include_fields": "all", **query})
        status, body = self.request("GET", f"/_sim/truth/{entity}?{query}")
        assert status == 200, (table, body[:500])
        return [parse(line) for line in body.splitlines()]

    def stats(self):
        return self.read("stats")

    def requests(self, last=10000):
        return self.read("requests", last=last)

    def count(self, **query):
        return self.read("count", **query)

    def switches(self):
        return self.read("switches")

    def set(self, **values):
        self.admin("set", values=values)

    def fault(self, kind, **arguments):
        return self.admin("fault", kind=kind, **arguments)

    def advance(self, seconds):
        """Moves the simulated clock; the new time."""
        return self.admin("clock", advance=seconds)["now"]

    def now(self):
        return self.advance(0)


@contextlib.contextmanager
def simulators():
    """Starts simulators that end, and end well, with the block."""
    started = []

    def start(*options):
        started.append(Simulator(*options))
        return started[-1]

    try:
        yield start
    finally:
        codes = [simulator.stop() for simulator in started]
    assert codes == [0] * len(started)


# --- penstock ---


def environment(token=None, env=None):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PIPEDRIVE") and k != "CI"}
    if token:
        clean["PIPEDRIVE_API_TOKEN"] = token
    return clean | (env or {})


def check_sanitizers(stderr):
    assert "Sanitizer" not in stderr and "runtime error:" not in stderr, stderr


def start_penstock(*words, token=None, cwd=None, env=None):
    """A process to be killed, stopped or waited for (finish_penstock)."""
    return subprocess.Popen(
        [PENSTOCK, *map(str, words)],
        cwd=cwd,
        env=environment(token, env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish_penstock(process, timeout=120, codes=None):
    """Waits; a CompletedProcess. codes: it must end with one of these."""
    try:
        stdout, stderr = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        stdout, stderr = process.communicate()
        raise AssertionError(f"{process.args} took longer than {timeout} s\n{stdout}\n{stderr}")
    check_sanitizers(stderr)
    code = process.returncode
    assert codes is None or code in codes, f"exit {code}, not one of {codes}\n{stdout}{stderr}"
    return subprocess.CompletedProcess(process.args, code, stdout, stderr)


def run_penstock(*words, token=None, cwd=None, env=None, timeout=120):
    return finish_penstock(start_penstock(*words, token=token, cwd=cwd, env=env), timeout)


class SyncResult:
    """What `sync --json` said of one connection."""

    def __init__(self, completed):
        self.code = completed.returncode
        self.stdout = completed.stdout
        self.stderr = completed.stderr
        lines = completed.stdout.splitlines()
        self.report = parse(lines[0]) if lines else None
        self.tables = {row["table"]: row for row in self.report["tables"]} if lines else {}

    def __repr__(self):
        return f"exit {self.code}\n{self.stdout}{self.stderr}"

    def rows(self):
        """Rows written a table, without the tables that wrote none."""
        return {name: row["rows"] for name, row in self.tables.items() if row["rows"]}


def sync_words(simulator, url, *words, command="sync"):
    return (
        command,
        "--to",
        url,
        "--api-url",
        simulator.url,
        "--json",
        "--retry-base-ms",
        "20",
        *words,
    )


def start_sync(simulator, url, *words, token=None, env=None, command="sync"):
    return start_penstock(
        *sync_words(simulator, url, *words, command=command),
        token=token or simulator.token,
        env=env,
    )


def finish_sync(process, timeout=120):
    return SyncResult(finish_penstock(process, timeout))


def sync(simulator, url, *words, code=0, token=None, env=None, timeout=120, command="sync"):
    """Runs once, and insists on the exit code; code=None takes any."""
    process = start_sync(simulator, url, *words, token=token, env=env, command=command)
    result = finish_sync(process, timeout)
    assert code is None or result.code == code, result
    return result


def refresh(simulator, url, *words, **more):
    """A sync with a full pass."""
    return sync(simulator, url, *words, command="refresh", **more)


def random_seed():
    """A new one for each test; PENSTOCK_TEST_SEED repeats one that a failed test printed."""
    seed = int(os.environ.get("PENSTOCK_TEST_SEED", random.randrange(10**6)))
    print("PENSTOCK_TEST_SEED =", seed)
    return seed


def wait_until(condition, timeout=20, what="condition"):
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, f"no {what} within {timeout} s"
        time.sleep(0.005)


# --- what the tables should hold ---


# Columns whose API values may be numbers and booleans, but which are text.
TEXT_COLUMNS = {("dealflow", "old_value"), ("dealflow", "new_value")}
TIMESTAMPS = {"created", "modified", "last_login"}  # beside *_time
DATES = {"birthday"}  # beside *_date
TIMES_OF_DAY = {"due_time"}
INTEGERS = {"id", "channel", "visible_to", "owner_id", "person_id", "org_id", "stage_id", "deal_id"}
DECIMALS = {"value", "probability", "arr", "mrr", "acv", "tax", "sum", "discount"}
DECIMALS |= {"quantity", "item_price"}
UNSET_TIMES = {"", "0000-00-00", "0000-00-00 00:00:00"}
CUSTOM_FIELDS_OF = {
    "deals": "deal_fields",
    "persons": "person_fields",
    "organizations": "organization_fields",
    "products": "product_fields",
}
PARENT = {"deal_products": "deal_id", "dealflow": "item_id"}
# Which rows the lists show: name of the flag, and its value in a deleted row.
DELETED_FLAG = dict.fromkeys(
    ("deals", "persons", "organizations", "activities", "products", "pipelines", "stages", "users"),
    ("is_deleted", True),
) | dict.fromkeys(("notes", "files", "filters"), ("active_flag", False))


def is_deleted(table, row):
    flag, value = DELETED_FLAG.get(table, (None, None))
    return flag is not None and row[flag] is value


@functools.cache
def kind_of(table, column):
    """timestamp, date, time, text, integer, decimal or None (as JSON says)."""
    if (table, column) in TEXT_COLUMNS:
        return "text"
    if column in INTEGERS and (table, column) != ("filters", "visible_to"):
        return "integer"
    if column in DECIMALS:
        return "decimal"
    if column in TIMES_OF_DAY:
        return "time"
    if column.endswith("_time") or column in TIMESTAMPS:
        return "timestamp"
    if column.endswith("_date") or column in DATES:
        return "date"
    return None


CUSTOM_KINDS = {
    "date": "date",
    "daterange": "date",
    "time": "time",
    "timerange": "time",
    "varchar": "text",
    "varchar_auto": "text",
    "text": "text",
    "phone": "text",
    "double": "decimal",
    "monetary": "decimal",
} | dict.fromkeys(("int", "enum", "user", "org", "people"), "integer")


class Misfit(ValueError):
    """A value that does not fit its column: NULL there, the original in _extra."""


def convert(value, kind):
    """An API value as the destination should hold it. JSON stays what it is: see same()."""
    if value is None:
        return None
    if isinstance(value, (dict, list)):
        if kind is not None:
            raise Misfit(value)
        return value
    if isinstance(value, bool):
        return ("true" if value else "false") if kind == "text" else int(value)
    if isinstance(value, (int, Decimal)):
        if kind == "integer" and (isinstance(value, Decimal) or not -(2**63) <= value < 2**63):
            raise Misfit(value)
        return str(value) if kind == "text" else value
    if kind in ("integer", "decimal"):
        raise Misfit(value)  # the simulator sends no numbers as text
    if kind in ("timestamp", "date", "time"):
        return None if value in UNSET_TIMES else moment(value, kind)
    return value


FORMS = {"timestamp": "%Y-%m-%d %H:%M:%S", "date": "%Y-%m-%d", "time": "%H:%M:%S"}


@functools.lru_cache(10000)  # strptime is slow, and many rows share their times
def moment(text, kind):
    if kind == "timestamp":
        text = text.removesuffix("Z").replace("T", " ").removesuffix(".000")
    try:
        return datetime.datetime.strptime(text, FORMS[kind]).strftime(FORMS[kind])
    except ValueError:
        raise Misfit(text)


def number(cell):
    if isinstance(cell, float):
        return Decimal(repr(cell))  # the shortest digits that make this double
    try:
        return Decimal(cell)
    except (ArithmeticError, TypeError, ValueError):
        return None


def is_number(value):
    return isinstance(value, (int, Decimal)) and not isinstance(value, bool)


def same_json(a, b, to_the_digit=True):
    """Equal to the digit: 1.0, 1.00 and 1 differ. Else numbers are compared as numbers."""
    if not to_the_digit and is_number(a) and is_number(b):
        return a == b
    if type(a) is not type(b):
        return False
    if isinstance(a, Literal):
        return a.text == b.text
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same_json(a[key], b[key], to_the_digit) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(same_json(x, y, to_the_digit) for x, y in zip(a, b))
    return a == b


def without_zeros(value):
    """U+0000 as a database keeps it that has no such character."""
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")
    if isinstance(value, dict):
        return {without_zeros(key): without_zeros(inner) for key, inner in value.items()}
    return [without_zeros(inner) for inner in value] if isinstance(value, list) else value


def same(expected, cell, to_the_digit=True):
    """Whether a cell holds the converted value."""
    if expected is None or type(expected) is str:
        return type(cell) is type(expected) and cell == expected
    if isinstance(expected, (dict, list)):
        stored = parse(cell) if isinstance(cell, (str, bytes)) else cell
        return cell is not None and same_json(expected, stored, to_the_digit)
    if type(expected) is type(cell) is int:
        return expected == cell
    if isinstance(expected, int) and -(2**63) <= expected < 2**63 and isinstance(cell, str):
        return False
    return number(cell) == expected


class Expected:
    """A truth row as a destination row: cells, and the keys of _extra."""

    def __init__(self, table, row, columns, fields, types):
        self.cells = dict.fromkeys(columns)
        self.extra = {}
        self.problems = []
        for key, value in row.items():
            column = key + "_std" if key + "_std" in self.cells else key
            if key == "custom_fields" and key not in self.cells:
                self.add_custom(value or {}, fields, types)
            elif column in self.cells:
                self.put(column, value, kind_of(table, key), self.extra, key)
            elif value not in (None, {}):
                self.extra[key] = value
        for column in SYSTEM_COLUMNS:
            self.cells.pop(column, None)

    def put(self, column, value, kind, extra, key, original=None):
        try:
            self.cells[column] = convert(value, kind)
        except Misfit:
            extra[key] = original or value

    def add_custom(self, values, fields, types):
        extra = {}
        for key, value in values.items():
            if value is None:
                continue
            kind = CUSTOM_KINDS.get(types.get(key))
            parts = value if isinstance(value, dict) else {"value": value}
            for part, inner in parts.items():
                column = fields.get((key, "" if part == "value" else part))
                if column is not None:
                    self.put(
                        column,
                        inner,
                        kind if part in ("value", "until") else None,
                        extra,
                        key,
                        value,
                    )
                elif inner is not None:
                    self.problems.append(f"custom field {key} has no column for {part!r}")
            if (key, "parts") in fields:
                self.cells[fields[key, "parts"]] = value
        if extra:
            self.extra["custom_fields"] = extra


def expected_rows(simulator, table, company=None):
    """Truth rows that the destination should hold: id → (row, whether it is flagged)."""
    query = {"company": company} if company else {}
    rows = simulator.truth(table, **query)
    if table == "deal_fields":
        return {row["id"]: (row, False) for row in rows if row.get("id") is not None}
    if table in ("deals", "users"):  # asked for with their deleted ones
        return {row["id"]: (row, is_deleted(table, row)) for row in rows}
    if table in ("deal_products", "dealflow"):
        hidden = table == "deal_products" and lines_are_hidden(simulator, query)
        deals = simulator.truth("deals", **query)
        gone = {
            deal["id"] for deal in deals if deal["is_deleted"] or (hidden and deal["is_archived"])
        }
        parent = PARENT[table]
        return {row["id"]: (row, False) for row in rows if row[parent] not in gone}
    return {row["id"]: (row, False) for row in rows if not is_deleted(table, row)}


def lost_parents(simulator, table, company=None):
    """Deals whose children may stay as they were read: histories of deals that are deleted now, and
    lines of archived deals where the API hides those."""
    query = {"company": company} if company else {}
    if table == "dealflow":
        flag = "is_deleted"
    elif table == "deal_products" and lines_are_hidden(simulator, query):
        flag = "is_archived"
    else:
        return set()
    return {deal["id"] for deal in simulator.truth("deals", **query) if deal[flag]}


def lines_are_hidden(simulator, query):
    return simulator.read("switches", **query)["archived_lines"] == "off"


def field_types(simulator, table, company=None):
    if table not in CUSTOM_FIELDS_OF:
        return {}
    query = {"company": company} if company else {}
    return {
        row["key"]: row["field_type"] for row in simulator.truth(CUSTOM_FIELDS_OF[table], **query)
    }


def compare_table(simulator, destination, table, company=None, ignore_columns=(), ignore_rows=()):
    """Differences between a table and the truth, as lines of text.

    Rows that are in the destination and should not be are fine if they are flagged."""
    stored = destination.rows(table)
    wanted = expected_rows(simulator, table, company)
    lost = lost_parents(simulator, table, company)
    columns = destination.columns(table)
    fields = destination.fields(table)
    types = field_types(simulator, table, company)
    problems = []
    for key in wanted.keys() - stored.keys() - set(ignore_rows):
        problems.append(f"{table} {key}: missing")
    for key, row in stored.items():
        if key in ignore_rows:
            continue
        if key not in wanted:
            if row["_deleted_at"] is None and row.get(PARENT.get(table)) not in lost:
                problems.append(f"{table} {key}: should not be there, or be flagged")
            continue
        truth, flagged = wanted[key]
        if not destination.zero_bytes:
            truth = without_zeros(truth)
        problems += compare_row(
            f"{table} {key}",
            *(table, truth, flagged, row, (columns, fields, types), ignore_columns),
            destination.keeps_json_text,
        )
    return problems


def compare_row(where, table, truth, flagged, row, context, ignore_columns=(), to_the_digit=True):
    expected = Expected(table, truth, *context)
    problems = [f"{where}: {problem}" for problem in expected.problems]
    for column, value in expected.cells.items():
        if column not in ignore_columns and not same(value, row[column], to_the_digit):
            problems.append(f"{where}: {column} is {row[column]!r}, should be {value!r}")
    extra = parse(row["_extra"]) if row["_extra"] is not None else {}
    if not ignore_columns and not same_json(expected.extra, extra, to_the_digit):
        problems.append(f"{where}: _extra is {row['_extra']!r}, should hold {expected.extra!r}")
    if (row["_deleted_at"] is not None) != flagged:
        problems.append(f"{where}: _deleted_at is {row['_deleted_at']!r}, deleted is {flagged}")
    elif (
        flagged
        and "update_time" in truth
        and row["_deleted_at"] != convert(truth["update_time"], "timestamp")
    ):
        problems.append(
            f"{where}: _deleted_at is {row['_deleted_at']!r}, should be its update_time"
        )
    return problems


class Once:
    """A company whose truth is asked for once a table: a comparison needs that of deals five times."""

    def __init__(self, simulator):
        self.truth = functools.cache(simulator.truth)
        self.read = functools.cache(simulator.read)


def compare_with_truth(
    simulator, destination, tables=TABLES, company=None, ignore_columns=None, ignore_rows=None
):
    """Differences between tables and the truth, as lines of text; [] = all equal.

    ignore_columns, ignore_rows: table → names, table → ids."""
    problems = []
    company_once = Once(simulator)
    with destination.session():
        for table in tables:
            columns = (ignore_columns or {}).get(table, ())
            rows = (ignore_rows or {}).get(table, ())
            problems += compare_table(company_once, destination, table, company, columns, rows)
    return problems


def assert_equals_truth(simulator, destination, tables=TABLES, **more):
    problems = compare_with_truth(simulator, destination, tables, **more)
    assert not problems, f"{len(problems)} differences:\n" + "\n".join(problems[:30])


def assert_same_tables(a, b, tables=TABLES):
    """Two snapshots (Destination.snapshot), cell by cell."""
    for table in tables:
        assert a[table].keys() == b[table].keys(), (
            table,
            sorted(a[table].keys() ^ b[table].keys())[:20],
        )
        different = [
            (key, a[table][key], b[table][key])
            for key in a[table]
            if a[table][key] != b[table][key]
        ]
        assert not different, (table, len(different), different[:3])

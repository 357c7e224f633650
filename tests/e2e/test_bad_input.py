"""What penstock does when something is wrong: one message that says what, where and what to do next; the exit code that
belongs to it; and nothing half-written."""

import gzip
import json
import os
import resource
import signal
import sqlite3
import subprocess
import time

import pytest
from harness import (
    PENSTOCK,
    assert_equals_truth,
    environment,
    finish_penstock,
    run_penstock,
    start_penstock,
    wait_until,
)
from section4 import Between
from unhappy import (
    FAST,
    SMALL,
    UNREAL,
    Api,
    answer,
    assert_says,
    assert_secret,
    closed_port,
    complaint,
    dump,
    errors,
    files,
    is_root,
    outcomes,
    run_as,
    server,
    somebody,
    sync,
    sync_words,
    table_complaint,
    tokens_of,
    warnings,
)

ME = "/api/v1/users/me"
PERSONS = "/api/v2/persons"
# persons is the table that has trouble, the others go on
TABLES = ("--tables", "persons,pipelines,users")
COPY_TOKEN = ("token", "copy it again", "Personal preferences")


@pytest.fixture
def simulator(simulate):
    return simulate(*SMALL, "--persons", 1300, "--companies", 2)


# --- credentials ---


@pytest.mark.parametrize("command", ["sync", "check", "plan", "discover"])
def test_wrong_token(simulator, database, command):
    words = ("--to", database.url, "--api-url", simulator.url, *FAST)
    run = run_penstock(command, *words, token=UNREAL)
    assert run.returncode == 4
    complaint(run, "401", "refused", *COPY_TOKEN, "request ")
    assert_secret(run.stdout + run.stderr, [UNREAL])
    assert files(database.path.parent) == []
    assert simulator.stats()["requests"] == 1  # asking again would not help


@pytest.mark.parametrize("token", [None, "", "  ", "two\nlines", "a b", "p\u00e4ss"])
def test_missing_or_mangled_token(simulator, database, token):
    env = {} if token is None else {"PIPEDRIVE_API_TOKEN": token}
    run = run_penstock(*sync_words(simulator, database.url), env=env)
    assert run.returncode == 2
    complaint(run, "token", "Personal preferences")
    assert token in (None, "", "  ") or token not in run.stderr
    assert files(database.path.parent) == []
    assert simulator.stats()["requests"] == 0


def test_a_line_break_after_the_token_is_forgiven(simulator, database):
    sync(simulator, database.url, "--tables", "pipelines", token=simulator.token + "\n")


def test_token_without_administrator_rights(simulator, database):
    run = sync(simulator, database.url, *TABLES, token=simulator.member_token)
    (warning,) = warnings(run)
    assert_says(warning, "not an administrator", "missing", "administrator's token")
    assert errors(run) == []
    assert database.rows("persons") and database.rows("users")

    words = ("--to", database.url, "--api-url", simulator.url)
    run = run_penstock("check", *words, token=simulator.member_token)
    assert run.returncode == 0
    (warning,) = warnings(run)
    assert_says(warning, "not an administrator", "token of an administrator")
    assert "not an administrator" in run.stdout


def test_closed_account(simulator, database):
    sync(simulator, database.url, *TABLES)
    before = dump(database.path)
    simulator.set(closed="on")
    run = sync(simulator, database.url, *TABLES, "--all", code=4)
    complaint(run, "402", "account is not open", "billing")
    assert dump(database.path) == before
    run = run_penstock(
        "check", "--to", database.url, "--api-url", simulator.url, token=simulator.token
    )
    assert run.returncode == 4
    complaint(run, "402", "billing")


def test_token_that_dies_during_a_run(simulator, database):
    simulator.fault("status", status=401, path=PERSONS, nth=3, count=0)
    run = sync(simulator, database.url, *TABLES, code=4)
    complaint(run, "persons", "401", *COPY_TOKEN)
    assert len(database.rows("persons")) >= 500  # what was read is kept
    simulator.admin("faults_clear")
    sync(simulator, database.url, *TABLES)
    assert_equals_truth(simulator, database, ["persons"])


@pytest.mark.parametrize("command", ["sync", "check", "plan"])
def test_token_of_another_company(simulator, database, command):
    sync(simulator, database.url, *TABLES)
    before = dump(database.path)
    other = simulator.companies[1]["token"]
    words = ("--to", database.url, "--api-url", simulator.url)
    run = run_penstock(command, *words, token=other)
    assert run.returncode == 2
    said = complaint(run, "company", "token", "another destination or schema")
    assert command == "check" or "7001" in said and "7002" in said
    assert dump(database.path) == before
    assert_secret(run.stdout + run.stderr, tokens_of(simulator))


# --- what was typed ---


@pytest.mark.parametrize(
    "date", ["yesterday", "13/01/2024", "02/30/2024", "2023-02-29", "1/2/2024x", "20240101", "-1"]
)
def test_start_date_that_is_none(simulator, database, date):
    run = sync(simulator, database.url, f"--start-date={date}", code=2)
    complaint(run, "--start-date", "MM/DD/YYYY", "YYYY-MM-DD", date)
    assert files(database.path.parent) == [] and simulator.stats()["requests"] == 0


def test_unknown_table(simulator, database):
    run = sync(simulator, database.url, "--tables", "users,dealz", code=2)
    complaint(run, '"dealz"', "the tables are", "deal_products")
    assert files(database.path.parent) == [] and simulator.stats()["requests"] == 0


@pytest.mark.parametrize(
    "url, words",
    [
        ("oracle:crm.db", ("oracle", "sqlite:")),
        ("crm.db", ("crm.db", "sqlite:crm.db")),
        ("sqlite:", ("no file", "sqlite:crm.db")),
        ("sqlite::memory:", ("memory", "sqlite:crm.db")),
        ("sqlite://crm.db", ("two slashes", "sqlite:crm.db")),
    ],
)
def test_destination_that_is_none(simulator, tmp_path, url, words):
    run = sync(simulator, url, code=2, cwd=tmp_path)
    complaint(run, *words)
    assert files(tmp_path) == []


def test_password_of_a_destination_is_not_repeated(simulator, tmp_path):
    run = sync(simulator, "oracle://me:s3cr3tpassw0rd@host/db", code=2, cwd=tmp_path)
    complaint(run, "oracle")
    assert "s3cr3t" not in run.stderr


@pytest.mark.parametrize(
    "url, words",
    [
        ("http://192.0.2.1", ("192.0.2.1", "without encryption", "https://")),
        ("http://api.pipedrive.com", ("api.pipedrive.com", "without encryption", "https://")),
        ("http://localhost.example.com", ("without encryption", "https://")),
        ("ftp://api.pipedrive.com", ("ftp://", "https://")),
        ("https://me:passw0rd@api.pipedrive.com", ("user name or password", "remove")),
        ("https://api.pipedrive.com/v1", ("more than scheme and host", "https://")),
        ("https://api.pipedrive.com?a=b", ("more than scheme and host", "https://")),
        ("nonsense", ("cannot be read", "https://api.pipedrive.com")),
        ("https://", ("cannot be read", "https://api.pipedrive.com")),
        ("http://127.0.0.1:99999", ("cannot be read", "https://api.pipedrive.com")),
        # longer than a name may be: no name server is asked
        ("https://" + "x" * 64 + ".invalid", ("xxxx.invalid", "unknown", "check the API URL")),
    ],
)
def test_api_url_that_is_none(database, url, words):
    run = sync(Api(url), database.url, code=2)
    complaint(run, *words)
    assert "passw0rd" not in run.stderr
    assert files(database.path.parent) == []


# --- servers that are no Pipedrive ---


def test_api_url_that_refuses_connections(database):
    run = sync(Api(f"http://127.0.0.1:{closed_port()}"), database.url, code=1)
    complaint(run, "127.0.0.1", "no connection", "check the network", "port")
    assert files(database.path.parent) == []


BOMB = gzip.compress(b"[" + b" " * 100_000_000, 1)
SERVERS = {
    "not HTTP": ((b"SSH-2.0-OpenSSH_9.2\r\n",), 1, ("not HTTP", "check the API URL")),
    "no words": ((b"",), 1, ("without an answer",)),
    "HTML": ((answer(200, b"<html>Welcome!</html>"),), 1, ("not JSON", "check the API URL")),
    "another API": ((answer(200, b'{"status":"ok"}'),), 1, ("envelope", "check the API URL")),
    "no such path": ((answer(404, b"<html>Nope</html>"),), 1, ("404", "API URL")),
    "redirect": (
        (answer(301, b"", "Location: https://login.example.com/"),),
        2,
        ("301", "API URL", "https://api.pipedrive.com"),
    ),
    "proxy's 407": ((answer(407, b"<html>who are you?</html>"),), 1, ("407",)),
    "nobody": (
        (answer(200, b'{"success":true,"data":{"id":"x"}}'),),
        1,
        ("users/me", "address right"),
    ),
    "endless": (
        (answer(200, b"[", length=False), *[b" " * 1_000_000] * 100),
        1,
        ("over the ceiling", "API URL"),
    ),
    "gzip bomb": (
        (answer(200, BOMB, "Content-Encoding: gzip"),),
        1,
        ("over the ceiling", "API URL"),
    ),
    "endless headers": (
        (b"HTTP/1.1 200 OK\r\n", *[b"X-Noise: " + b"x" * 8000 + b"\r\n"] * 100),
        1,
        ("headers",),
    ),
}


@pytest.mark.parametrize("name", SERVERS)
def test_server_that_is_no_pipedrive(database, name):
    pieces, code, words = SERVERS[name]
    with server(*pieces) as api:
        run = sync(api, database.url, code=code)
    complaint(run, *words)
    assert files(database.path.parent) == []


def test_server_that_never_answers(database):
    with server(None) as api:
        start = time.monotonic()
        run = sync(api, database.url, "--timeout-ms", 100, code=1)
    complaint(run, "127.0.0.1", "nothing was received", "100 ms", "check the network")
    assert time.monotonic() - start < 20
    assert files(database.path.parent) == []


ECHOES = [
    (401, "Unknown token {}"),
    (400, "{}" + "x" * 190 + " {}"),
    (400, "x" * 180 + " {} {}"),  # a message is cut at 200 bytes
    (403, "{}"),
    (404, "no {} here"),
    (429, "{}"),
    (500, "{}{}{}"),
    (200, "{}"),
]


@pytest.mark.parametrize("status, text", ECHOES)
def test_server_that_repeats_the_token(database, status, text):
    words = text.replace("{}", UNREAL)
    escaped = "".join(f"\\u{ord(c):04x}" for c in words)
    for body in (words, escaped):
        page = f'{{"success":false,"error":"{body}","error_info":"{body}"}}'.encode()
        echo = [f"{name}: {UNREAL}" for name in ("Location", "X-Correlation-Id", "Retry-After")]
        with server(answer(status, page, *echo, reason=UNREAL)) as api:
            words = sync_words(api, database.url, "-vv", "--timeout-ms", 3000)
            run = run_penstock(*words, token=UNREAL, timeout=30) if status != 429 else None
            if run is None:  # it would wait long and often
                process = start_penstock(*words, token=UNREAL)
                time.sleep(1)
                process.send_signal(signal.SIGINT)
                run = finish_penstock(process)
        assert run.returncode != 0
        assert_secret(run.stdout + run.stderr, [UNREAL])
        assert errors(run)


# --- the destination ---


def test_directory_that_does_not_exist(simulator, tmp_path):
    run = sync(simulator, "sqlite:none/crm.db", code=1, cwd=tmp_path)
    complaint(run, "none/crm.db", "directory none does not exist", "create it")
    assert files(tmp_path) == []


def test_directory_instead_of_a_file(simulator, tmp_path):
    run = sync(simulator, f"sqlite:{tmp_path}", code=1)
    complaint(run, str(tmp_path), "directory", "name a file")
    assert files(tmp_path) == []


@pytest.mark.parametrize("content", [b"hello", b"This is a letter, not a database.\n" * 500])
@pytest.mark.parametrize("command", ["sync", "check"])
def test_file_that_is_not_a_database(simulator, database, content, command):
    database.path.write_bytes(content)
    words = ("--to", database.url, "--api-url", simulator.url, *FAST)
    run = run_penstock(command, *words, token=simulator.token)
    assert run.returncode == 1
    complaint(run, "crm.db", "not an SQLite database", "another path")
    assert database.path.read_bytes() == content
    assert files(database.path.parent) == ["crm.db"]


def test_check_leaves_nothing_behind(simulator, database):
    run = run_penstock(
        "check", "--to", database.url, "--api-url", simulator.url, token=simulator.token
    )
    assert run.returncode == 0, run
    assert "writable" in run.stdout
    assert files(database.path.parent) == []


@pytest.mark.parametrize("command", ["sync", "check"])
def test_without_the_right_to_write(simulator, command):
    with somebody() as (folder, program, rights):
        database = folder / "crm.db"
        program = program.rename(folder / command)

        def run():
            words = ["--to", f"sqlite:{database}", "--api-url", simulator.url, *FAST]
            return subprocess.run(
                [program, command, *words],
                env=environment(simulator.token),
                capture_output=True,
                text=True,
                stdin=subprocess.DEVNULL,
                **rights,
            )

        if not is_root():
            folder.chmod(0o555)
        first = run()  # no file, and no right to make one
        assert first.returncode == 1
        complaint(first, str(folder), "write to")
        folder.chmod(0o755)
        assert files(folder) == [command]

        sync(simulator, f"sqlite:{database}", *TABLES)
        before = dump(database)
        database.chmod(0o444)
        second = run()
        assert second.returncode == 1
        complaint(second, "crm.db", "not writable", "right to write")
        assert dump(database) == before


def limit_files(size):
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def test_file_size_limit(simulator, database):
    """The full disk of a user who may not mount one."""
    run = run_as(PENSTOCK, simulator, database.url, *TABLES, preexec_fn=limit_files(300_000))
    assert run.returncode == 1, (run.returncode, run.stderr)
    complaint(run, "crm.db", "disk", "run again", "half-written")
    database.check()
    sync(simulator, database.url, *TABLES)
    assert_equals_truth(simulator, database, ["persons", "pipelines"])


@pytest.fixture
def small_disk(tmp_path):
    """A folder of 600 kB, and how to make it larger. Whoever may not mount has the test above."""
    folder = tmp_path / "disk"
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", "size=600k", "tmpfs", folder]
    mounted = is_root() and subprocess.run(["mount", *options], capture_output=True).returncode == 0
    yield folder if mounted else None
    if mounted:
        subprocess.run(["umount", "-l", folder], check=True)


def test_full_disk(simulator, small_disk):
    if small_disk is None:
        return  # see test_file_size_limit
    path = small_disk / "crm.db"
    run = sync(simulator, f"sqlite:{path}", *TABLES, code=1)
    complaint(run, "crm.db", "disk is full", "free some space", "half-written")
    stored = sqlite3.connect(path)
    assert stored.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    state = dict(stored.execute("SELECT name, value FROM _penstock_state"))
    count = (
        stored.execute("SELECT count(*) FROM persons").fetchone() if "persons" in state else (0,)
    )
    stored.close()
    assert count[0] % 500 == 0  # whole pages, with their bookmark
    assert count == (0,) or json.loads(state["persons"])["lists"]["all"]["bookmark"]

    subprocess.run(["mount", "-o", "remount,size=50m", small_disk], check=True)
    run = sync(simulator, f"sqlite:{path}", *TABLES)
    stored = sqlite3.connect(path)
    wanted = {row["id"] for row in simulator.truth("persons") if not row["is_deleted"]}
    assert {id for (id,) in stored.execute("SELECT id FROM persons")} == wanted
    stored.close()

    before = dump(path)
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    run = sync(simulator, f"sqlite:{path}", *TABLES, code=1)
    complaint(run, "crm.db", "not writable")
    run = sync(simulator, f"sqlite:{small_disk}/new.db", *TABLES, code=1)
    complaint(run, "new.db", "Read-only file system")
    subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
    assert dump(path) == before


def test_database_locked_by_another_process(simulator, database):
    sync(simulator, database.url, *TABLES)
    before = dump(database.path)
    other = sqlite3.connect(database.path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    run = sync(simulator, database.url, *TABLES, "--lock-timeout-ms", 300, code=1)
    complaint(run, "crm.db", "locked by another process", "300 ms", "run again")
    other.execute("ROLLBACK")
    other.close()
    assert dump(database.path) == before
    sync(simulator, database.url, *TABLES)


def test_second_penstock(simulator, database):
    simulator.fault("latency", ms=600, path=PERSONS, count=0)
    first = start_penstock(*sync_words(simulator, database.url, *TABLES), token=simulator.token)
    wait_until(lambda: list(database.path.parent.glob("*.penstock-lock")))
    run = sync(simulator, database.url, *TABLES, code=75)
    complaint(run, "another penstock", str(first.pid), "crm.db", "since 20", "run again")
    run = run_penstock(
        "check", "--to", database.url, "--api-url", simulator.url, token=simulator.token
    )
    assert run.returncode == 0, run  # who only looks may look
    assert finish_penstock(first).returncode == 0
    assert_equals_truth(simulator, database, ["persons"])


FOREIGN = {
    "table": ("CREATE TABLE persons (id INTEGER PRIMARY KEY, name TEXT)", "did not make"),
    "view": ("CREATE VIEW persons AS SELECT 1 AS id, 'me' AS name", "did not make"),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_table_that_somebody_else_made(simulator, database, kind):
    sql, words = FOREIGN[kind]
    connection = sqlite3.connect(database.path)
    connection.execute(sql)
    if kind == "table":
        connection.execute("INSERT INTO persons VALUES (7, 'mine')")
    connection.commit()
    connection.close()
    run = sync(simulator, database.url, *TABLES, code=3)
    again = "rename it, or choose another schema"
    table_complaint(run, "persons", "crm.db", words, again, of=3)
    assert outcomes(run) == {"persons": "failed", "pipelines": "done", "users": "done"}
    assert len(database.query("SELECT * FROM persons")) == 1
    assert_equals_truth(simulator, database, ["pipelines", "users"])
    # it alone: nothing at all can be done before a person makes way
    run = sync(simulator, database.url, "--tables", "persons", code=2)
    assert_says(errors(run)[0], "persons", words, again)
    run = run_penstock("status", "--to", database.url)
    assert run.returncode == 0, run  # who only looks may look

    rename = {"table": "ALTER TABLE persons RENAME TO mine", "view": "DROP VIEW persons"}
    connection = sqlite3.connect(database.path)
    connection.execute(rename[kind])
    connection.close()
    sync(simulator, database.url, *TABLES)
    assert_equals_truth(simulator, database, ["persons", "pipelines", "users"])


@pytest.mark.parametrize("kind", FOREIGN)
def test_table_that_somebody_else_made_in_another_schema(simulator, database, kind):
    connection = sqlite3.connect(database.path)
    connection.execute(FOREIGN[kind][0])
    connection.commit()
    connection.close()
    sync(simulator, database.url, *TABLES, "--schema", "pipedrive")
    assert database.columns("persons") == ["id", "name"]
    assert len(database.query("SELECT * FROM pipedrive_persons")) > 1000


DEALS = ("--tables", "deals,deal_products,dealflow,pipelines")


@pytest.mark.parametrize("kind", ["table", "view"])
def test_deals_that_somebody_else_made(simulate, database, kind):
    """Their lines and logs wait for them: nothing is read from a stranger's table."""
    simulator = simulate(*SMALL, "--deals", 40)
    sql = "SELECT 7 AS id, 'mine' AS title, 3 AS products_count"
    connection = sqlite3.connect(database.path)
    connection.execute(f"CREATE {kind} deals AS {sql}")
    connection.commit()
    connection.close()
    run = sync(simulator, database.url, *DEALS, code=3)
    assert outcomes(run) == {
        **dict.fromkeys(("deals", "deal_products", "dealflow"), "failed"),
        "pipelines": "done",
    }
    assert_says(" ".join(errors(run)), "did not make", "the deals that it belongs to")
    assert simulator.stats()["paths"].keys().isdisjoint({"/v1/deals/{id}/flow"})
    connection = sqlite3.connect(database.path)
    assert connection.execute("SELECT * FROM deals").fetchall() == [(7, "mine", 3)]
    connection.execute(f"DROP {kind} deals")
    connection.close()
    sync(simulator, database.url, *DEALS)
    assert_equals_truth(simulator, database, ["deals", "deal_products", "dealflow"])


@pytest.mark.parametrize("kind", ["table", "view"])
def test_lines_that_somebody_else_made(simulate, database, kind):
    """Deals flag the lines of what was deleted: not those of a stranger."""
    simulator = simulate(*SMALL, "--deals", 40, "--deleted-deals", 5)
    connection = sqlite3.connect(database.path)
    connection.execute(f"CREATE {kind} deal_products AS SELECT 7 AS id, 3 AS deal_id")
    connection.commit()
    connection.close()
    run = sync(simulator, database.url, *DEALS, code=3)
    table_complaint(run, "deal_products", "did not make", of=4)
    assert_equals_truth(simulator, database, ["deals", "dealflow"])
    connection = sqlite3.connect(database.path)
    assert connection.execute("SELECT * FROM deal_products").fetchall() == [(7, 3)]
    connection.execute(f"DROP {kind} deal_products")
    connection.close()
    sync(simulator, database.url, *DEALS)
    assert_equals_truth(simulator, database, ["deals", "deal_products", "dealflow"])


def test_a_way_that_is_cleared_during_the_run(simulate, database):
    """The first page was refused, so later ones must not move the bookmark past it."""
    simulator = simulate(*SMALL, "--persons", 1300)
    connection = sqlite3.connect(database.path)
    connection.execute(FOREIGN["view"][0])
    connection.commit()
    simulator.fault("latency", ms=300, path=PERSONS, nth=2, count=0)
    process = start_penstock(*sync_words(simulator, database.url, *TABLES), token=simulator.token)
    wait_until(lambda: simulator.stats()["paths"].get("/api/v2/persons", {}).get("requests", 0) > 1)
    connection.execute("DROP VIEW persons")
    connection.close()
    assert finish_penstock(process).returncode in (0, 3)
    sync(simulator, database.url, *TABLES)
    assert_equals_truth(simulator, database, ["persons"])


def test_column_of_another_type(simulator, database):
    sync(simulator, database.url, *TABLES)
    connection = sqlite3.connect(database.path)
    connection.execute("ALTER TABLE persons DROP COLUMN owner_id")
    connection.execute("ALTER TABLE persons ADD COLUMN owner_id BLOB")
    connection.commit()
    connection.close()
    before = database.rows("persons")
    simulator.advance(100)
    simulator.admin("edit", entity="persons", id=sorted(before)[3], attributes={"name": "New"})
    run = sync(simulator, database.url, *TABLES, "--all", code=3)
    table_complaint(run, "persons", "owner_id", "type", "rename that column", "run again", of=3)
    assert outcomes(run) == {"persons": "failed", "pipelines": "done", "users": "done"}
    assert database.rows("persons") == before


# --- bad pages ---

NEXT = ("run again", "persons")
PAGES = {  # kind of the fault → its arguments, and what must be said when it stays
    "garbage": ({}, ("not JSON", *NEXT)),
    "html": ({}, ("not JSON", *NEXT)),
    "empty": ({}, ("empty", *NEXT)),
    "null": ({}, ("could not answer", *NEXT)),
    "success_false": ({}, ("could not answer", "Something went wrong", *NEXT)),
    "string": ({"kind": "wrong_shape", "shape": "string"}, ("data", *NEXT)),
    "object": ({"kind": "wrong_shape", "shape": "object"}, ("data", *NEXT)),
    "number": ({"kind": "wrong_shape", "shape": "number"}, ("data", *NEXT)),
    "deep": ({"depth": 1000}, ("nested too deeply", *NEXT)),
    "deeper": ({"kind": "deep", "depth": 1_000_000}, ("nested too deeply", *NEXT)),
    "pad": ({"bytes": 100_000_000}, ("over the ceiling", "leave the table out")),
    "bad_utf8": ({}, ("UTF-8", *NEXT)),
    "repeat_cursor": ({"nth": 3}, ("repeats a cursor", *NEXT)),
    "500": ({"kind": "status", "status": 500}, ("HTTP 500", "Pipedrive has a fault", *NEXT)),
    "503": ({"kind": "status", "status": 503}, ("HTTP 503", "maintenance", *NEXT)),
    "reset": ({}, ("connection", "127.0.0.1", "persons")),
    "reset_body": ({}, ("connection", "check the network", "persons")),
    "truncate": ({}, ("cut off", "persons")),
    "slow": ({"bytes_per_second": 2000}, ("timed out", "check the network", "persons")),
    "hang": ({}, ("nothing was received", "check the network", "persons")),
}
SHORT = ("--timeout-ms", 1500)
LASTS = ("slow", "hang")  # takes until the time is out


def install(simulator, name, **more):
    arguments, _ = PAGES[name]
    simulator.fault(**{"kind": name, "path": PERSONS, **arguments, **more})


@pytest.mark.parametrize("name", PAGES)
def test_fault_once(simulator, database, name):
    install(simulator, name, count=1)
    words = SHORT if name in LASTS else ()
    run = sync(simulator, database.url, *TABLES, *words)
    assert errors(run) == [] and warnings(run) == []
    assert simulator.stats()["faults"] >= 1
    assert_equals_truth(simulator, database, ["persons", "pipelines", "users"])


@pytest.mark.parametrize("name", PAGES)
def test_fault_for_ever(simulator, database, name):
    words = PAGES[name][1]
    install(simulator, name, count=0)
    short = ("--timeout-ms", 200) if name in LASTS else ()
    run = sync(simulator, database.url, *TABLES, *short, code=3)
    table_complaint(run, "persons", *words, of=3)
    assert outcomes(run) == {"persons": "failed", "pipelines": "done", "users": "done"}
    assert_equals_truth(simulator, database, ["pipelines", "users"])
    assert len(database.rows("persons")) in (0, 500)
    assert run.stdout.splitlines()[-1].startswith("failed in 0:0")
    simulator.admin("faults_clear")
    sync(simulator, database.url, *TABLES)
    assert_equals_truth(simulator, database, ["persons"])


def test_server_fault_names_the_request(simulator, database):
    """What Pipedrive's support asks for first."""
    install(simulator, "503", count=0)
    run = sync(simulator, database.url, *TABLES, code=3)
    said = table_complaint(run, "persons", "[request ", of=3)
    request = said.split("[request ")[1].rstrip("]")
    assert len(request) == 36 and request.count("-") == 4


def test_failure_leaves_the_table_as_it_was(simulator, database):
    sync(simulator, database.url, *TABLES)
    before = database.snapshot(["persons"], without=())
    simulator.advance(300)
    simulator.admin("bulk", entity="persons", count=700)
    install(simulator, "garbage", count=0)
    sync(simulator, database.url, *TABLES, "--all", code=3)
    assert database.snapshot(["persons"], without=()) == before
    simulator.admin("faults_clear")
    sync(simulator, database.url, *TABLES)
    assert_equals_truth(simulator, database, ["persons"])


def test_all_tables_fail(simulator, database):
    simulator.fault("status", status=502, path="/api/v2/", count=0)
    run = sync(simulator, database.url, "--tables", "persons,pipelines", code=1)
    said = errors(run)
    assert sorted(line.split(":")[0] for line in said[:2]) == ["persons", "pipelines"]
    assert said[2:] == ["2 of 2 tables failed"]


def test_wide_page_needs_little_memory(simulate, tmp_path):
    """100 MB for every request: read up to the ceiling, then dropped."""

    def peak(simulator, name):
        words = sync_words(simulator, f"sqlite:{tmp_path}/{name}.db", *TABLES)
        process = subprocess.Popen(
            [PENSTOCK, *map(str, words)],
            env=environment(simulator.token),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        return process.returncode, usage.ru_maxrss * 1024

    simulator = simulate(*SMALL)
    code, usual = peak(simulator, "usual")
    assert code == 0
    simulator.fault("pad", bytes=100_000_000, path=PERSONS, count=0)
    code, wide = peak(simulator, "wide")
    assert code == 3
    assert wide < usual + (64 << 20), (usual, wide)


# --- records ---


def test_record_without_id_once(simulator, database):
    simulator.fault("no_id", path=PERSONS, count=1)
    run = sync(simulator, database.url, *TABLES)
    assert warnings(run) == []
    assert_equals_truth(simulator, database, ["persons"])  # it came when it was asked for again


def test_record_without_id_for_ever(simulator, database):
    simulator.fault("no_id", path=PERSONS, count=0)
    run = sync(simulator, database.url, "--tables", "persons,pipelines")
    said = warnings(run)
    assert said and all("persons" in each and "without an id" in each for each in said)
    wanted = {row["id"] for row in simulator.truth("persons") if not row["is_deleted"]}
    lost = wanted - database.rows("persons").keys()
    assert 1 <= len(lost) <= 4  # the first of each page, no more
    assert_equals_truth(simulator, database, ["persons"], ignore_rows={"persons": lost})


@pytest.mark.parametrize(
    "table, path", [("filters", "/api/v1/filters"), ("stages", "/api/v2/stages")]
)
def test_record_without_id_is_not_taken_for_deleted(simulate, database, table, path):
    simulator = simulate(*SMALL)
    sync(simulator, database.url, "--tables", table)
    before = database.live(table)
    simulator.fault("no_id", path=path, count=0)
    run = sync(simulator, database.url, "--tables", table, "--all")
    assert "without an id" in warnings(run)[0]
    assert database.live(table).keys() == before.keys()


def test_page_that_is_held_and_then_repeats_its_cursor(simulator, database):
    """A custom field turns up in the middle of a walk, on a page whose cursor is wrong."""

    def add_field():
        simulator.admin("field_add", entity="persons", name="Shoe size", type="double", fill=100)
        simulator.fault("repeat_cursor", path=PERSONS, count=1)

    with Between(simulator, PERSONS, {3: add_field}) as between:
        between.companies = simulator.companies
        sync(between, database.url, *TABLES)
    assert "shoe_size" in database.columns("persons")
    # the rows that were read before have no shoe size yet
    assert_equals_truth(simulator, database, ["persons"], ignore_columns={"persons": ["shoe_size"]})


# --- limits ---


def parked_report(simulator, database, *words):
    run = sync(simulator, database.url, "--json", *words, code=75)
    return json.loads(run.stdout)


def test_daily_budget(simulator, database):
    simulator.fault("daily429", path=PERSONS, nth=4, count=0, retry_after=5430)
    run = sync(simulator, database.url, *TABLES, code=75)
    complaint(run, "persons", "429", "budget of today is used up", "run again in 1 h 30 min")
    assert outcomes(run)["persons"] == "parked"
    assert len(database.rows("persons")) == 1000
    state = database.state()

    report = parked_report(simulator, database, *TABLES)
    assert report["outcome"] == "parked" and report["resume_s"] == 5430
    assert "budget" in report["message"]
    assert database.state() == state and len(database.rows("persons")) == 1000

    simulator.admin("faults_clear")
    simulator.admin("reset_counters")
    sync(simulator, database.url, *TABLES)
    assert_equals_truth(simulator, database, ["persons", "pipelines", "users"])
    # the rest, and no page of what is there already
    assert simulator.stats()["paths"][PERSONS]["requests"] <= 2


def test_daily_budget_when_only_what_went_wrong_is_wanted(simulator, database):
    simulator.fault("daily429", path=ME, count=0, retry_after=7200)
    run = sync(simulator, database.url, "-q", code=75)
    complaint(run, "429", "budget", "run again in 2 h")
    assert run.stdout == ""
    assert files(database.path.parent) == []


def test_burst_limit(simulator, database):
    simulator.fault("burst429", path=PERSONS, count=1)
    run = sync(simulator, database.url, *TABLES)
    assert errors(run) == []
    assert simulator.stats()["burst429"] == 1
    assert_equals_truth(simulator, database, ["persons"])


@pytest.mark.parametrize("path", [ME, PERSONS])
def test_firewall(simulator, database, path):
    """HTML with 403: others must not be asked either, and it is no refusal of some fields."""
    simulator.fault("block403", path=path, count=0)
    run = sync(simulator, database.url, "--tables", "persons", code=75)
    complaint(run, "403", "firewall blocks", "wait", "same token", "run again")
    assert warnings(run) == []
    assert [each["path"] for each in simulator.requests() if each["status"] == 403] == [path]
    simulator.admin("faults_clear")
    sync(simulator, database.url, "--tables", "persons")
    assert_equals_truth(simulator, database, ["persons"])


# --- the flow of deals ---

FEW_DEALS = (*SMALL, "--deals", 12, "--deleted-deals", 0, "--archived", 0)
FLOW = ("--tables", "deals,dealflow")


def first_deals(simulator, count):
    return [row["id"] for row in simulator.truth("deals")][:count]


def waiting(database):
    rows = database.query("SELECT * FROM _penstock_parents")
    return {row["deal_id"] for row in rows if row["child"] == "dealflow"}


def test_flow_that_answers_null(simulate, database):
    simulator = simulate(*FEW_DEALS)
    bad, once = first_deals(simulator, 2)
    simulator.fault("null", path=f"/api/v1/deals/{bad}/flow", count=0)
    simulator.fault("null", path=f"/api/v1/deals/{once}/flow", count=1)
    run = sync(simulator, database.url, *FLOW)
    assert errors(run) == [] and outcomes(run)["dealflow"] == "done"
    (said,) = [line for line in run.stdout.splitlines() if line.startswith("dealflow: ")]
    assert_says(said, "1 deal", f"deal {bad}", "could not answer", "wait for another try")
    lines = {row["id"] for row in simulator.truth("dealflow") if row["item_id"] == bad}
    assert lines
    assert_equals_truth(simulator, database, ["dealflow"], ignore_rows={"dealflow": lines})
    assert waiting(database) == {bad}

    simulator.admin("reset_counters")
    run = sync(simulator, database.url, *FLOW)  # too early
    assert "/v1/deals/{id}/flow" not in simulator.stats()["paths"]
    assert_says(run.stdout, "dealflow: 1 deal", "wait")

    simulator.admin("faults_clear")
    simulator.advance(3600)
    sync(simulator, database.url, *FLOW)
    assert_equals_truth(simulator, database, ["deals", "dealflow"])
    assert waiting(database) == set()


def test_flow_of_a_deal_that_is_gone(simulate, database):
    simulator = simulate(*FEW_DEALS)
    (gone,) = first_deals(simulator, 1)
    simulator.fault("status", status=404, path=f"/api/v1/deals/{gone}/flow", count=0)
    run = sync(simulator, database.url, *FLOW)
    assert errors(run) == [] and outcomes(run)["dealflow"] == "done"
    lines = {row["id"] for row in simulator.truth("dealflow") if row["item_id"] == gone}
    assert_equals_truth(simulator, database, ["dealflow"], ignore_rows={"dealflow": lines})
    assert waiting(database) == set()  # nobody will ask for it again


# --- secrets ---


@pytest.mark.parametrize("how", ["env", "config env", "config file"])
@pytest.mark.parametrize("log", ["text", "json"])
def test_token_appears_nowhere(simulator, tmp_path, how, log):
    database = tmp_path / "crm.db"
    words = ["sync", "--api-url", simulator.url, *FAST, *TABLES, "-vv", "--log-format", log]
    env = {}
    if how == "env":
        words += ["--to", f"sqlite:{database}"]
        env["PIPEDRIVE_API_TOKEN"] = simulator.token
    else:
        reference = "env:ACME_TOKEN" if how == "config env" else "file:token.txt"
        env["ACME_TOKEN"] = simulator.token if how == "config env" else ""
        (tmp_path / "penstock.yaml").write_text(
            f"connections:\n  - name: acme\n    api_token: {reference}\n    destination: sqlite:{database}\n"
        )
        if how == "config file":
            (tmp_path / "token.txt").write_text(simulator.token + "\n")

    def check(run):
        assert_secret(run.stdout + run.stderr, tokens_of(simulator))
        for path in tmp_path.iterdir():
            if path.name != "token.txt":
                assert_secret(path.read_bytes(), tokens_of(simulator))

    simulator.fault("latency", ms=300, path=PERSONS, nth=2, count=1)
    process = start_penstock(*words, "--json", env=env, cwd=tmp_path)
    wait_until(lambda: simulator.stats()["paths"].get(PERSONS, {}).get("requests", 0) >= 1)
    for name in ("cmdline", "comm"):
        with open(f"/proc/{process.pid}/{name}", "rb") as file:
            assert_secret(file.read(), tokens_of(simulator))
    for path in (tmp_path / "crm.db-wal", tmp_path / "crm.db", *tmp_path.glob("*lock")):
        assert_secret(path.read_bytes(), tokens_of(simulator))
    run = finish_penstock(process)
    assert run.returncode == 0, run
    assert "/api/v2/persons" in run.stderr  # -vv does tell the requests
    check(run)
    for fault in ("status", "garbage", "reset", "daily429", "block403"):
        simulator.admin("faults_clear")
        simulator.fault(fault, path=PERSONS, count=0)
        run = run_penstock(*words, "--json", env=env, cwd=tmp_path)
        assert run.returncode in (1, 3, 75)
        check(run)
    for command in ("status", "check", "plan", "discover"):
        more = [] if command == "status" else words[1:3]
        to = words[words.index("--to") :][:2] if how == "env" else []
        check(run_penstock(command, *more, *to, "-vv", env=env, cwd=tmp_path))

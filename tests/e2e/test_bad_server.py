"""What a person may get wrong with PostgreSQL and MariaDB, and what servers do to whoever writes to
them: one message that says what failed, where, and what to do; the right exit code; nothing half
written; no password anywhere; never for ever."""

import concurrent.futures
import contextlib
import re
import socket
import subprocess
import threading
import time
import urllib.parse

import pytest
from harness import ROOT, assert_equals_truth, run_penstock
from places import PARTS, PASSWORD, PLACES, start
from section4 import Between, company
from unhappy import (
    FAST,
    assert_says,
    assert_secret,
    closed_port,
    errors,
    tokens_of,
    warnings,
)

TABLES = ("--tables", "persons,notes,pipelines")
NAMES = ("persons", "notes", "pipelines")
SECONDS = 60  # a loaded machine, sanitizers, and a limit of 10 s for connecting
BOTH = ("postgres", "mariadb")
DAY = 24 * 3600


@pytest.fixture(scope="module")
def servers():
    """Both kinds, started side by side."""
    with concurrent.futures.ThreadPoolExecutor() as pool:
        found = dict(zip(BOTH, pool.map(start, BOTH), strict=True))
    yield found
    for server in found.values():
        server.remove()


@pytest.fixture(params=BOTH)
def place(request, servers):
    return PLACES[request.param](servers[request.param])


@pytest.fixture
def postgres(servers):
    return PLACES["postgres"](servers["postgres"])


@pytest.fixture
def mariadb(servers):
    return PLACES["mariadb"](servers["mariadb"])


@pytest.fixture
def simulator(simulate):
    return simulate(*company("--frozen-clock", persons=12, notes=6))


# --- runs ---


def complaint(done, *words):
    """The one error that was said; that a table failed is said once more in the end."""
    said = [
        line for line in errors(done) if not re.match(r"first load:|1 of 3 tables failed", line)
    ]
    assert len(said) == 1, done.stderr
    assert_says(said[0], *words)
    return said[0]


def words_of(command, simulator, url):
    api = () if command in ("status", "reset", "views") else ("--api-url", simulator.url, *FAST)
    tables = () if command in ("check", "reset", "views") else TABLES
    return (command, "--to", url, *api, *tables)


def run(command, simulator, url, *words, code=0, env=None):
    """As a person would type it; looks for secrets in what was said."""
    began = time.monotonic()
    done = run_penstock(
        *words_of(command, simulator, url), *words, token=simulator.token, env=env, timeout=SECONDS
    )
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    said = done.stdout + done.stderr
    for part in (*PARTS, PASSWORD, urllib.parse.quote(PASSWORD, safe="")):
        assert part not in said, said
    assert_secret(said, tokens_of(simulator))
    done.seconds = time.monotonic() - began
    return done


def sync(simulator, place, *words, **more):
    return run("sync", simulator, place.url, *words, **more)


def refused(simulator, url, code, *words, commands=("check", "sync", "status"), **more):
    """Every command says the same, and ends with the same code. The last message."""
    for command in commands:
        said = complaint(run(command, simulator, url, code=code, **more), *words)
    return said


def assert_loaded(simulator, place, tables=NAMES):
    assert_equals_truth(simulator, place.stored, tables)


def state_of(place):
    """Everything that a failed run may not touch."""
    return place.stored.snapshot(NAMES, without=()), place.stored.state()


def edit(simulator, entity, id, **attributes):
    simulator.advance(100)
    simulator.admin("edit", entity=entity, id=id, attributes=attributes)


def first_id(simulator, table):
    return min(row["id"] for row in simulator.truth(table))


def give(place, message, words="GRANT|CREATE SCHEMA|CREATE DATABASE"):
    """Does as an administrator what the message asks for, as it is written there."""
    found = re.search(rf"(?:{words}) .*", message)
    assert found, message
    for statement in re.split(r"; |, or ", found[0].rstrip(";")):
        place.admin(statement, database="" if place.kind == "mysql" else None)


# --- the way there ---


def test_nobody_listens(simulator, place):
    port = closed_port()
    url = place.address_url(address=f"127.0.0.1:{port}")
    refused(
        simulator,
        url,
        1,
        "127.0.0.1",
        str(port),
        "connecting",
        "check" if place.kind == "mysql" else "see that",
    )


def test_host_that_does_not_exist(simulator, place):
    url = place.address_url(address="no-such-host.invalid")
    refused(simulator, url, 1, "no-such-host.invalid", "connecting", "host")


@pytest.mark.parametrize("login", ["wrong password", "no password", "unknown user"])
def test_login(simulator, place, login):
    login = {
        "wrong password": f"{place.user}:Zauberwort-{PASSWORD[:3]}",
        "no password": place.user,
        "unknown user": f"nobody:{PASSWORD[:5]}",
    }[login]
    refused(simulator, place.address_url(login), 2, place.address, "connecting", "password")
    assert not place.stored.columns("persons")


def test_password_from_elsewhere(simulator, place, tmp_path):
    """A variable of the environment, or the file that the database's own tools read."""
    url = place.address_url(place.user)
    variable = {"postgres": "PGPASSWORD", "mysql": "MYSQL_PWD"}[place.kind]
    run("sync", simulator, url, env={variable: PASSWORD})
    if place.kind == "postgres":
        path = tmp_path / ".pgpass"
        path.write_text(f"*:*:*:{place.user}:{PASSWORD}\n")
    else:
        path = tmp_path / ".my.cnf"
        path.write_text(f'[client]\npassword="{PASSWORD}"\n')
    path.chmod(0o600)
    run("check", simulator, url, env={"HOME": str(tmp_path), "PGPASSFILE": str(path)})
    assert_loaded(simulator, place)


def test_database_that_does_not_exist(simulator, servers):
    place = PLACES["postgres"](servers["postgres"], create=False)
    said = refused(simulator, place.url, 2, place.address, "no such database", place.database)
    assert "CREATE DATABASE" in said


def test_mariadb_makes_a_database_that_does_not_exist(simulator, servers):
    place = PLACES["mariadb"](servers["mariadb"], create=False)
    place.admin(f"GRANT ALL ON *.* TO {place.user}@'%'", database="")
    run("check", simulator, place.url)
    assert not place.admin(f"SHOW DATABASES LIKE '{place.database}'", database="")
    sync(simulator, place)
    assert_loaded(simulator, place)


@contextlib.contextmanager
def listener(serve):
    """A server that is none: serve(connection) for each."""
    server = socket.create_server(("127.0.0.1", 0), backlog=16)

    def meet(connection):
        with contextlib.suppress(OSError), connection:
            serve(connection)

    def accept():
        with contextlib.suppress(OSError):
            while True:
                connection, _ = server.accept()
                threading.Thread(target=meet, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.getsockname()[1]}"
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join()


def receive(connection, count):
    data = b""
    while len(data) < count:
        more = connection.recv(count - len(data))
        if not more:
            raise OSError("closed")
        data += more
    return data


def old_postgres(connection):
    """The handshake of PostgreSQL 9.6, without TLS and without a password."""

    def message(kind, body):
        connection.sendall(kind + (len(body) + 4).to_bytes(4, "big") + body)

    while True:
        length = int.from_bytes(receive(connection, 4), "big")
        body = receive(connection, length - 4)
        if int.from_bytes(body[:4], "big") not in (80877103, 80877104):  # TLS, GSS
            break
        connection.sendall(b"N")
    message(b"R", bytes(4))
    parameters = {"server_version": "9.6.24", "server_encoding": "UTF8", "client_encoding": "UTF8"}
    for name, value in parameters.items():
        message(b"S", f"{name}\0{value}\0".encode())
    message(b"Z", b"I")
    receive(connection, 1)


def old_mariadb(connection):
    """The handshake of MariaDB 5.5; then every command is well done."""

    def packet(number, body):
        connection.sendall(len(body).to_bytes(3, "little") + bytes([number]) + body)

    done = b"\0\0\0\2\0\0\0"
    greeting = b"\x0a5.5.68-MariaDB\0" + (7).to_bytes(4, "little") + b"12345678\0"
    greeting += b"\xff\xf7\x21\x02\0\x0f\x80\x15" + bytes(10) + b"123456789012\0"
    packet(0, greeting + b"mysql_native_password\0")
    number = 1
    while True:
        head = receive(connection, 4)
        receive(connection, int.from_bytes(head[:3], "little"))
        packet(head[3] + 1, done)
        number += 1


def test_server_that_is_too_old(simulator, place):
    serve = {"postgres": old_postgres, "mysql": old_mariadb}[place.kind]
    needed = {"postgres": "12 or later", "mysql": "10.5"}[place.kind]
    with listener(serve) as address:
        url = place.address_url(address=address)
        refused(simulator, url, 2, address, place.old, needed)


@pytest.mark.parametrize("answer", ["something else", "silence"])
def test_server_that_is_none(simulator, place, answer):
    """A web server's or SSH's port; one that never says a word."""

    def serve(connection):
        if answer == "silence":
            receive(connection, 100_000)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" + b"<html>" * 20)

    with listener(serve) as address:
        said = refused(
            simulator, place.address_url(address=address), 1, address, commands=("sync",)
        )
        assert_says(said, "connecting")


# --- URLs ---

URLS = {  # what comes after the scheme; {login} and {address} are right → words
    "one slash": (":/crm", ("HOST",)),
    "port too large": ("://{login}@127.0.0.1:99999/crm", ("port", "65535")),
    "port 0": ("://{login}@127.0.0.1:0/crm", ("port", "65535")),
    "port of letters": ("://{login}@127.0.0.1:abc/crm", ("port",)),
    "unescaped @": ("://me:Zauber@wort@{address}/crm", ("%40", "@")),
    "unescaped /": ("://me:Zauber/wort@{address}/crm", ("%2F", "/")),
    "unescaped #": ("://me:Zauber#wort@{address}/crm", ("%23", "#")),
    "unescaped ?": ("://me:Zauber?wort@{address}/crm", ("%3F",)),
    "unescaped %": ("://me:Zauber%wort@{address}/crm", ("%25",)),
    "space": ("://{login}@127.0.0.1 /crm", ("space",)),
    "unknown parameter": ("://{login}@{address}/crm?sslmod=require", ("sslmod",)),
    "bad value": ("://{login}@{address}/crm?{mode}=maybe", ("{mode}",)),
}


@pytest.mark.parametrize("name", URLS)
def test_mistake_in_the_url(simulator, place, name):
    text, words = URLS[name]
    login, mode = f"{place.user}:Zauberwort", {"postgres": "sslmode", "mysql": "ssl-mode"}
    parts = {"login": login, "address": place.address, "mode": mode[place.kind]}
    url = place.scheme + text.format(**parts)
    if name == "one slash" and place.kind == "postgres":
        words = ("host",)
    said = refused(simulator, url, 2, *(word.format(**parts) for word in words))
    assert "zauber" not in said.lower() and "wort" not in said.replace("password", "")


def test_database_left_out_of_the_url(simulator, place):
    """PostgreSQL takes the user's name for it; for MariaDB it is "pipedrive"."""
    url = place.address_url(database="")
    if place.kind == "postgres":
        refused(simulator, url, 2, "no such database", place.user, "URL")
    else:
        refused(simulator, url, 1, "database pipedrive", "GRANT", commands=("sync", "check"))


def test_key_value_text_of_libpq(simulator, postgres):
    """PostgreSQL's other notation works, and is not shown with its password."""
    host, port = postgres.address.split(":")
    text = f"host={host} port={port} dbname={postgres.database} user={postgres.user}"
    for command in ("sync", "check", "status"):
        run(command, simulator, f"postgres:{text} password='{PASSWORD}'")
    refused(simulator, f"postgres:{text} password=Zauberwort", 2, "password")
    assert_loaded(simulator, postgres)


# --- schemas ---

SCHEMAS = {  # a name → what is said where it is refused
    "select": {},
    "user": {},
    "CRM": {},
    "a" * 40: {},
    "b" * 41: {"postgres": ("1 to 40",), "mysql": ("1 to 40",)},
    "ü": {"postgres": ("letters",), "mysql": ("letters",)},
    "a b": {"postgres": ("letters",), "mysql": ("letters",)},
    'quo"te': {"postgres": ("letters",), "mysql": ("letters",)},
    "pg_mine": {"postgres": ("keeps for itself",)},
    "mysql": {"mysql": ("cannot be", "choose another")},
    "information_schema": {"postgres": ("keeps for itself",), "mysql": ("cannot be",)},
}


@pytest.mark.parametrize("schema", SCHEMAS)
def test_schema(simulator, place, schema):
    if place.kind == "mysql":
        place.admin(f"GRANT ALL ON *.* TO {place.user}@'%'")
    if words := SCHEMAS[schema].get(place.kind):
        for command in ("check", "sync"):
            done = run(command, simulator, place.url, f"--schema={schema}", code=2)
            complaint(done, "schema", *words)
        return
    for command in ("check", "sync", "sync", "status"):
        run(command, simulator, place.url, f"--schema={schema}")
    if place.kind == "mysql":
        assert_equals_truth(simulator, place.reader(schema), NAMES)
        place.admin(f"DROP DATABASE `{schema}`", database="")
    else:
        assert place.value(f'SELECT count(*) FROM "{schema}".persons') > 10


def test_schemas_that_differ_by_case(simulator, postgres):
    """They are two in PostgreSQL, and each keeps its own."""
    sync(simulator, postgres, "--schema", "crm")
    edit(simulator, "persons", first_id(simulator, "persons"), birthday="2001-02-03")
    sync(simulator, postgres, "--schema", "CRM")
    count = "SELECT count(*) FROM {}.persons WHERE birthday = '2001-02-03'"
    assert postgres.value(count.format("crm")) == 0
    assert postgres.value(count.format('"CRM"')) == 1


CONFIG = """\
connections:
  - name: acme
    api_token: env:PIPEDRIVE_API_TOKEN
    destination: {}
  - name: globex
    api_token: env:PIPEDRIVE_API_TOKEN
    destination: {}
"""


@pytest.mark.parametrize("other", ["same", "alias", "password", "case"])
def test_two_connections_in_one_schema(simulator, place, tmp_path, other):
    alias = {"postgres": "postgresql", "mysql": "mariadb"}[place.kind]
    second = {
        "same": place.url,
        "alias": place.url.replace(place.scheme, alias, 1),
        "password": place.address_url(f"{place.user}:Zauberwort"),
        "case": place.url.replace(place.scheme, place.scheme.upper(), 1),
    }[other]
    (tmp_path / "penstock.yaml").write_text(CONFIG.format(place.url, second))
    done = run_penstock("sync", token=simulator.token, cwd=tmp_path)
    assert done.returncode == 2, done
    said = complaint(done, "penstock.yaml:7", '"globex"', '"acme"', "same tables", '"schema"')
    assert not any(part in said for part in PARTS), said


# --- rights ---


def test_without_the_right_to_make_a_schema(simulator, place):
    """What the message asks an administrator for is what helps."""
    if place.kind == "postgres":
        place.admin(f"ALTER DATABASE {place.database} OWNER TO postgres")
    else:
        place.admin(f"REVOKE ALL PRIVILEGES ON `{place.database}`.* FROM {place.user}@'%'")
    said = refused(
        simulator, place.url, 1, place.database, place.user, "GRANT", commands=("check", "sync")
    )
    assert not place.stored.columns("_penstock_state")
    give(place, said, "CREATE SCHEMA|CREATE DATABASE")
    run("check", simulator, place.url)
    sync(simulator, place)
    assert_loaded(simulator, place)


def test_without_the_right_to_make_tables(simulator, place):
    if place.kind == "postgres":
        place.admin("CREATE SCHEMA pipedrive")  # of another role
    else:
        place.admin(
            f"REVOKE ALL PRIVILEGES ON `{place.database}`.* FROM {place.user}@'%'",
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON `{place.database}`.* TO {place.user}@'%'",
        )
    said = refused(simulator, place.url, 1, place.user, "GRANT", commands=("sync", "check"))
    give(place, said, "GRANT")
    run("check", simulator, place.url)
    sync(simulator, place)
    assert_loaded(simulator, place)


def test_user_of_the_readme(simulator, place, servers):
    """The statements that the README gives an administrator are enough, for every command."""
    place = PLACES[place.server.name](place.server, create=False)
    text = (ROOT / "README.md").read_text()
    begin, end = (
        ("-- PostgreSQL, ", "-- MariaDB") if place.kind == "postgres" else ("-- MariaDB, ", "```")
    )
    block = text[text.index(begin) :].split("\n", 1)[1].split(end)[0]
    if place.kind == "postgres":
        place.admin(
            f"CREATE DATABASE {place.database}", "CREATE ROLE analysts", database="postgres"
        )
    block = block.replace("…", PASSWORD).replace("penstock", place.user)
    if place.kind == "mysql":
        block = block.replace("pipedrive", place.database)
    statements = [line for line in block.splitlines() if line and "USER" not in line]
    place.admin(
        *(line for line in statements if "ROLE " + place.user + " LOGIN" not in line),
        database="" if place.kind == "mysql" else None,
    )
    for command in ("check", "sync", "views", "sync", "refresh", "status"):
        run(command, simulator, place.url)
    assert_loaded(simulator, place)
    run("reset", simulator, place.url, "--yes")


def take_update_away(place):
    """The right to change rows of one table; SQL that gives it back."""
    if place.kind == "postgres":
        table, who = "pipedrive.persons", place.user
        place.admin(f"REVOKE UPDATE ON {table} FROM {who}")
        return f"GRANT UPDATE ON {table} TO {who}"
    names = [name for (name,) in place.admin("SHOW TABLES") if name != "persons"]
    who = f"{place.user}@'%'"
    place.admin(
        f"REVOKE UPDATE ON `{place.database}`.* FROM {who}",
        *(f"GRANT UPDATE ON `{place.database}`.`{name}` TO {who}" for name in names),
    )
    return f"GRANT UPDATE ON `{place.database}`.persons TO {who}"


def test_without_update_on_one_table(simulator, place):
    sync(simulator, place)
    back = take_update_away(place)
    edit(simulator, "persons", first_id(simulator, "persons"), birthday="2001-02-03")
    before = place.stored.rows("persons"), place.stored.state()["persons"]
    complaint(sync(simulator, place, code=1), "persons", place.database, "right", "GRANT")
    assert (place.stored.rows("persons"), place.stored.state()["persons"]) == before
    place.admin(back)
    sync(simulator, place)
    assert_loaded(simulator, place)


def test_tables_of_another_owner(simulator, postgres):
    """A restore as another role leaves tables that may be written but not altered."""
    sync(simulator, postgres)
    postgres.admin(
        "ALTER TABLE pipedrive.persons OWNER TO postgres",
        f"GRANT ALL ON pipedrive.persons TO {postgres.user}",
        "ALTER TABLE pipedrive.persons DROP COLUMN label_ids",
    )
    edit(simulator, "persons", first_id(simulator, "persons"), birthday="2001-02-03")
    said = complaint(sync(simulator, postgres, code=1), "persons", "owner")
    assert_says(said, "must be owner")
    postgres.admin(f"ALTER TABLE pipedrive.persons OWNER TO {postgres.user}")
    sync(simulator, postgres)
    assert_loaded(simulator, postgres)


@contextlib.contextmanager
def read_only(place):
    if place.kind == "postgres":
        setting = f"ALTER ROLE {place.user} IN DATABASE {place.database} SET"
        place.admin(f"{setting} default_transaction_read_only = on")
        yield
        place.admin(f"{setting} default_transaction_read_only = off")
        return
    place.admin("SET GLOBAL read_only = 1")
    try:
        yield
    finally:
        place.admin("SET GLOBAL read_only = 0")


@pytest.mark.parametrize("loaded", [False, True])
def test_read_only_server(simulator, place, loaded):
    if loaded:
        sync(simulator, place)
    before = state_of(place)
    with read_only(place):
        words = ("read-only", place.database)
        refused(simulator, place.url, 1, *words, commands=("check", "sync"))
        run("status", simulator, place.url)
    assert state_of(place) == before
    sync(simulator, place)
    assert_loaded(simulator, place)


# --- what people do to tables ---


def test_table_that_a_person_made(simulator, place):
    if place.kind == "postgres":
        place.admin(f"CREATE SCHEMA pipedrive AUTHORIZATION {place.user}")
    place.admin(
        f"CREATE TABLE {place.schema}persons (id bigint PRIMARY KEY, name varchar(20))",
        f"INSERT INTO {place.schema}persons VALUES (7, 'mine')",
    )
    if place.kind == "postgres":
        place.admin(f"ALTER TABLE pipedrive.persons OWNER TO {place.user}")
    words = ("persons", place.database, "did not make", "rename it, or choose another schema")
    complaint(sync(simulator, place, code=3), *words)
    assert place.admin(f"SELECT * FROM {place.schema}persons") in ([(7, "mine")], ((7, "mine"),))


def test_view_in_the_place_of_a_table(simulator, place):
    sync(simulator, place)
    place.admin(
        f"DROP TABLE {place.schema}persons", f"CREATE VIEW {place.schema}persons AS SELECT 1 AS id"
    )
    if place.kind == "postgres":
        place.admin(f"ALTER VIEW pipedrive.persons OWNER TO {place.user}")
    complaint(sync(simulator, place, "--all", code=3), "view", "persons", "rename it")


@pytest.mark.parametrize("column", ["name", "_extra", "_deleted_at"])
def test_column_that_was_dropped(simulator, place, column):
    """It comes back with its values: the table is loaded anew."""
    sync(simulator, place)
    place.admin(f"ALTER TABLE {place.schema}persons DROP COLUMN {column}")
    said = warnings(sync(simulator, place))
    assert len(said) == 1, said
    assert_says(said[0], "persons", "loaded anew", column)
    assert_loaded(simulator, place)
    assert warnings(sync(simulator, place)) == []


@pytest.mark.parametrize("column", ["_synced_at", "_run_id"])
def test_column_about_runs_that_was_dropped(simulator, place, column):
    sync(simulator, place)
    place.admin(f"ALTER TABLE {place.schema}persons DROP COLUMN {column}")
    edit(simulator, "persons", first_id(simulator, "persons"), birthday="2001-02-03")
    assert warnings(sync(simulator, place)) == []
    assert column in place.stored.columns("persons")
    assert_loaded(simulator, place)


def test_key_that_was_dropped(simulator, place):
    sync(simulator, place)
    place.admin(f"ALTER TABLE {place.schema}persons DROP COLUMN id")
    edit(simulator, "persons", first_id(simulator, "persons"), birthday="2001-02-03")
    said = complaint(sync(simulator, place, code=3), "persons", "primary key", "id", "reset")
    assert place.database in said
    run("reset", simulator, place.url, "--yes")
    sync(simulator, place)
    assert_loaded(simulator, place)


TYPES = {  # a type that a person gave the column owner_id → words, or None where it goes on
    "numeric": {"postgres": ("numeric", None), "mysql": ("decimal(65,30)", None)},
    "text": {"postgres": ("text", None), "mysql": ("longtext", None)},
    "short text": {"postgres": ("varchar(3)", ()), "mysql": ("varchar(9)", ())},
    "small": {"postgres": ("smallint", ()), "mysql": ("smallint", ())},
}


@pytest.mark.parametrize("name", TYPES)
def test_column_of_another_type(simulator, place, name):
    type, words = TYPES[name][place.kind]
    sync(simulator, place)
    change = {"postgres": "ALTER COLUMN owner_id TYPE", "mysql": "MODIFY COLUMN owner_id"}
    using = {"postgres": f" USING NULL::{type}", "mysql": ""}[place.kind]
    if place.kind == "mysql":
        place.admin("UPDATE persons SET owner_id = NULL")
    place.admin(f"ALTER TABLE {place.schema}persons {change[place.kind]} {type}{using}")
    id = first_id(simulator, "persons")
    edit(simulator, "persons", id, name="New")
    before = place.stored.rows("persons")
    if words is None:
        sync(simulator, place)
        row = place.stored.rows("persons")[id]
        wanted = {row["id"]: row for row in simulator.truth("persons")}[id]["owner_id"]
        assert row["name"] == "New" and int(row["owner_id"]) == wanted
        return
    complaint(sync(simulator, place, code=3), "persons", "owner_id", "type", "rename that column")
    assert place.stored.rows("persons") == before


LOSSES = {"dropped": "DROP TABLE", "truncated": "TRUNCATE TABLE", "thinned": "DELETE FROM"}


@pytest.mark.parametrize("loss", LOSSES)
def test_rows_that_were_taken_away(simulator, place, loss):
    sync(simulator, place)
    where = " WHERE id % 3 = 0" if loss == "thinned" else ""
    place.admin(f"{LOSSES[loss]} {place.schema}persons{where}".replace("%", "%%", 0))
    said = warnings(sync(simulator, place))
    assert len(said) == 1, said
    assert_says(said[0], "persons", "loaded anew")
    assert_loaded(simulator, place)
    assert warnings(sync(simulator, place)) == []


def test_view_of_a_person_over_a_column_that_widens(simulate, place):
    """PostgreSQL refuses to change it under the view; MariaDB does not care."""
    simulator = simulate(*company("--frozen-clock", persons=12, notes=6))
    key = simulator.admin("field_add", entity="persons", name="Size", type="double")["key"]
    id = first_id(simulator, "persons")
    simulator.admin("edit", entity="persons", id=id, raw={key: "12.50"})
    simulator.advance(100)
    sync(simulator, place)
    place.admin(f"CREATE VIEW {place.schema}sizes AS SELECT id, size FROM {place.schema}persons")
    simulator.admin("field_type", entity="persons", key=key, type="varchar")
    edit(simulator, "persons", id, **{key: "n/a"})
    simulator.advance(DAY)
    if place.kind == "postgres":
        before = place.stored.rows("persons")
        said = complaint(sync(simulator, place, code=3), "pipedrive.sizes", "size", "persons")
        assert_says(said, "drop the view", "run again")
        assert place.stored.rows("persons") == before
        place.admin("DROP VIEW pipedrive.sizes")
    sync(simulator, place)
    assert place.stored.rows("persons")[id]["size"] == "n/a"


# --- limits ---


@contextlib.contextmanager
def variable(place, name, value):
    """A global variable of MariaDB, for sessions to come."""
    before = place.value(f"SELECT @@GLOBAL.{name}")
    place.admin(f"SET GLOBAL {name} = {value}")
    try:
        yield
    finally:
        before = f"'{before}'" if isinstance(before, str) else before
        place.admin(f"SET GLOBAL {name} = {before}")


def write_long_notes(simulator, size=300_000):
    simulator.advance(100)
    for row in simulator.truth("notes"):
        simulator.admin("edit", entity="notes", id=row["id"], attributes={"content": "é" * size})


def test_notes_that_need_several_packets(simulator, mariadb):
    write_long_notes(simulator)
    with variable(mariadb, "max_allowed_packet", 1 << 20):
        sync(simulator, mariadb)
    assert_loaded(simulator, mariadb)


def test_note_larger_than_a_packet(simulator, mariadb):
    write_long_notes(simulator)
    with variable(mariadb, "max_allowed_packet", 16 << 10):
        said = complaint(sync(simulator, mariadb, code=1), "notes", "larger", mariadb.database)
        assert_says(said, "SET GLOBAL max_allowed_packet", "run again")
    assert not mariadb.stored.rows("notes")
    sync(simulator, mariadb)
    assert_loaded(simulator, mariadb)


@pytest.mark.parametrize(
    "name, value",
    [("local_infile", 0), ("max_statement_time", 0.001), ("max_prepared_stmt_count", 0)],
)
def test_variable_of_mariadb(simulator, mariadb, name, value):
    with variable(mariadb, name, value):
        if name == "max_prepared_stmt_count":
            complaint(sync(simulator, mariadb, code=1), name, "run again")
        else:
            sync(simulator, mariadb)
    sync(simulator, mariadb)
    assert_loaded(simulator, mariadb)


@contextlib.contextmanager
def full(place):
    """No connection is left to the user."""
    if place.kind == "postgres":
        place.admin(f"ALTER ROLE {place.user} CONNECTION LIMIT 0")
        yield
        place.admin(f"ALTER ROLE {place.user} CONNECTION LIMIT -1")
        return
    with variable(place, "max_connections", 10):
        held = [place.connect() for _ in range(10)]
        yield
        for connection in held:
            connection.close()


def test_no_connection_left(simulator, place):
    with full(place):
        refused(simulator, place.url, 1, place.address, "no connection left", "close some")
    sync(simulator, place)
    assert_loaded(simulator, place)


def test_user_with_one_connection(simulator, place):
    """A run needs no more."""
    limit = {
        "postgres": f"ALTER ROLE {place.user} CONNECTION LIMIT 1",
        "mysql": f"ALTER USER {place.user}@'%' WITH MAX_USER_CONNECTIONS 1",
    }
    place.admin(limit[place.kind])
    sync(simulator, place)
    assert_loaded(simulator, place)


# --- locks ---


@contextlib.contextmanager
def held(place, *statements):
    """Another session, in the middle of a transaction."""
    connection = place.connect()
    place.do(connection, *statements)
    try:
        yield
    finally:
        connection.close()


LOCKS = {
    "table": {
        "postgres": ("BEGIN", "LOCK TABLE pipedrive.persons IN ACCESS EXCLUSIVE MODE"),
        "mysql": ("LOCK TABLES persons WRITE",),
    },
    "row": {
        "postgres": ("BEGIN", "UPDATE pipedrive.persons SET name = 'mine'"),
        "mysql": ("BEGIN", "UPDATE persons SET name = 'mine'"),
    },
}


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_of_another_session(simulator, place, lock):
    sync(simulator, place)
    edit(simulator, "persons", first_id(simulator, "persons"), birthday="2001-02-03")
    before = state_of(place)
    with held(place, *LOCKS[lock][place.kind]):
        done = sync(simulator, place, "--lock-timeout-ms", 300, code=1)
        complaint(done, "persons", "locked by another", "waited", "run again")
        assert done.seconds < 15
    assert state_of(place)[0]["persons"] == before[0]["persons"]
    sync(simulator, place)
    assert_loaded(simulator, place)


def test_reader_of_a_table_that_must_change(simulator, place):
    """A report that runs for hours over a table that gets a column."""
    sync(simulator, place)
    simulator.admin("field_add", entity="persons", name="Size", type="double")
    edit(simulator, "persons", first_id(simulator, "persons"), birthday="2001-02-03")
    simulator.advance(DAY)
    read = f"SELECT count(*) FROM {place.schema}persons"
    with held(place, "BEGIN", read):
        done = sync(simulator, place, "--lock-timeout-ms", 300, code=1)
        complaint(done, "persons", "locked by another", "waited", "run again")
        assert done.seconds < 15
    sync(simulator, place)
    assert "size" in place.stored.columns("persons")
    assert_loaded(simulator, place)


# --- settings of the server ---


def write_texts(simulator):
    """What a wrong character set or time zone would spoil."""
    simulator.advance(100)
    texts = ["Grüße, 東京 🏗", "back\\slash 'quote' \"double\" %s ; --", "tab\tline\nend "]
    for row, text in zip(simulator.truth("persons"), texts):
        simulator.admin("edit", entity="persons", id=row["id"], attributes={"name": text})


SPOILERS = {
    "TimeZone": "'America/New_York'",
    "DateStyle": "'SQL, DMY'",
    "IntervalStyle": "'sql_standard'",
    "client_encoding": "'LATIN1'",
    "standard_conforming_strings": "off",
    "extra_float_digits": "-15",
    "bytea_output": "'escape'",
    "search_path": "'nowhere'",
    "statement_timeout": "1",
    "idle_in_transaction_session_timeout": "1",
    "default_transaction_isolation": "'serializable'",
    "default_transaction_deferrable": "on",
    "transform_null_equals": "on",
    "array_nulls": "off",
    "quote_all_identifiers": "on",
    "lc_messages": "'C'",
    "check_function_bodies": "off",
    "row_security": "on",
    "temp_tablespaces": "''",
    "enable_hashjoin": "off",
}


def test_settings_of_a_postgres_role(simulator, postgres):
    write_texts(simulator)
    for name, value in SPOILERS.items():
        postgres.admin(f"ALTER ROLE {postgres.user} SET {name} = {value}")
    run("check", simulator, postgres.url)
    sync(simulator, postgres)
    edit(simulator, "notes", first_id(simulator, "notes"), content="ø")
    sync(simulator, postgres)
    run("status", simulator, postgres.url)
    assert_loaded(simulator, postgres)


def test_statement_timeout_of_a_busy_server(simulator, postgres):
    """A millisecond is short even for the statement that lifts it, while sixteen sessions begin."""
    sync(simulator, postgres)
    postgres.admin(f"ALTER ROLE {postgres.user} SET statement_timeout = 1")
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: run("status", simulator, postgres.url), range(64)))


def test_variables_of_libpq(simulator, postgres):
    write_texts(simulator)
    env = {
        "PGTZ": "America/New_York",
        "PGDATESTYLE": "SQL, DMY",
        "PGCLIENTENCODING": "LATIN1",
        "PGOPTIONS": "-c search_path=nowhere -c statement_timeout=1",
    }
    sync(simulator, postgres, env=env)
    assert_loaded(simulator, postgres)


@pytest.mark.parametrize("mode", ["''", "'ANSI'", "'NO_BACKSLASH_ESCAPES,PAD_CHAR_TO_FULL_LENGTH'"])
def test_settings_of_mariadb(simulator, servers, mode):
    place = PLACES["mariadb"](servers["mariadb"], create=False)
    place.new_database("CHARACTER SET latin1 COLLATE latin1_german1_ci")
    write_texts(simulator)
    with contextlib.ExitStack() as stack:
        for name, value in {
            "sql_mode": mode,
            "time_zone": "'-05:00'",
            "character_set_server": "latin1",
            "collation_server": "latin1_german1_ci",
            "tx_isolation": "'SERIALIZABLE'",
            "autocommit": 0,
            "init_connect": "'SET NAMES latin1, SQL_SAFE_UPDATES = 1'",
            "explicit_defaults_for_timestamp": 0,
            "default_storage_engine": "'MyISAM'",
        }.items():
            stack.enter_context(variable(place, name, value))
        run("check", simulator, place.url)
        sync(simulator, place)
        edit(simulator, "notes", first_id(simulator, "notes"), content="ø")
        sync(simulator, place)
        run("status", simulator, place.url)
    assert_loaded(simulator, place)


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_encoding_of_a_postgres_database(simulator, servers, encoding):
    place = PLACES["postgres"](servers["postgres"], create=False)
    place.new_database(f"ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0")
    words = (place.database, encoding, "CREATE DATABASE", "UTF8")
    refused(simulator, place.url, 2, *words, commands=("check", "sync"))


# --- servers that go away ---


def test_server_that_stops_during_a_run(simulator, place):
    """Between two requests of one run."""
    sync(simulator, place)
    edit(simulator, "persons", first_id(simulator, "persons"), birthday="2001-02-03")
    edit(simulator, "notes", first_id(simulator, "notes"), content="New")
    with Between(simulator, "/api/v2/persons", {1: place.server.stop}) as between:
        between.companies = simulator.companies
        done = run("sync", between, place.url, code=1)
    place.server.process.wait(timeout=30)
    place.server.start()
    said = complaint(done, "connection", "lost", place.database, "run again")
    assert len(said) < 500
    sync(simulator, place)
    assert_loaded(simulator, place)


# --- backups ---


def copy(place, target):
    """As a person moves a backup: dump, restore."""
    port = str(place.server.port)
    if place.kind == "postgres":
        login = ("-h", "127.0.0.1", "-p", port, "-U", "postgres")
        dump = ["pg_dump", *login, place.database]
        restore = ["psql", "-q", "-v", "ON_ERROR_STOP=1", *login, target.database]
    else:
        login = ("--no-defaults", "--host=127.0.0.1", f"--port={port}", "--user=root")
        dump = ["mariadb-dump", *login, "--single-transaction", place.database]
        restore = ["mariadb", *login, target.database]
    text = subprocess.run(dump, check=True, capture_output=True).stdout
    subprocess.run(restore, check=True, input=text, capture_output=True)


def test_older_backup(simulator, place, servers):
    """The database is restored as it was yesterday: the next run goes on from there."""
    sync(simulator, place)
    target = PLACES[place.server.name](place.server)
    copy(place, target)
    edit(simulator, "persons", first_id(simulator, "persons"), birthday="2001-02-03")
    edit(simulator, "notes", first_id(simulator, "notes"), content="New")
    simulator.admin("bulk_add", entity="persons", count=3)
    sync(simulator, place)
    if place.kind == "postgres":  # the dump brings its owner along
        target.user = place.user
    else:
        target.admin(f"GRANT ALL ON `{target.database}`.* TO {target.user}@'%'")
    run("check", simulator, target.url)
    done = sync(simulator, target)
    assert warnings(done) == []
    assert_loaded(simulator, target)


# --- TLS ---


def test_tls_that_the_server_does_not_offer(simulator, place):
    query = {"postgres": "?sslmode=require", "mysql": "?ssl-mode=required"}[place.kind]
    words = (place.address, query.split("=")[0][1:], "TLS")
    refused(simulator, place.address_url(query=query), 2, *words)


def certificate(server, name):
    """A certificate of our own for one name, and its key, where the server may read them."""
    paths = server.folder / "own.crt", server.folder / "own.key"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"]
    command += ["-out", paths[0], "-keyout", paths[1]]
    server.run(*map(str, command))
    server.run("chmod", "600", str(paths[1]))
    return paths


@contextlib.contextmanager
def restarted(server, **settings):
    """The server with more settings on its command line."""
    usual = server.server_command
    words = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
    server.stop()
    server.server_command = lambda: (*usual(), *words)
    try:
        server.start()
        yield
    finally:
        server.stop()
        server.server_command = usual
        server.start()


def test_tls_of_postgres(simulator, postgres):
    paths = certificate(postgres.server, "db.example")
    settings = [("ssl_cert_file", paths[0]), ("ssl_key_file", paths[1]), ("ssl", "on")]
    with held(postgres, *(f"ALTER SYSTEM SET {name} = '{value}'" for name, value in settings)):
        postgres.admin("SELECT pg_reload_conf()")
    root = f"sslrootcert={paths[0]}"
    wrong_name = postgres.address_url(query=f"?sslmode=verify-full&{root}")
    words = ("TLS", "db.example", "127.0.0.1", "sslmode")
    refused(simulator, wrong_name, 2, *words)
    nobody = postgres.address_url(query="?sslmode=verify-full&sslrootcert=/nowhere/root.crt")
    refused(simulator, nobody, 2, "/nowhere/root.crt", "sslrootcert", commands=("sync",))
    run("sync", simulator, postgres.address_url(query=f"?sslmode=verify-ca&{root}"))
    assert_loaded(simulator, postgres)


def test_tls_of_mariadb(simulator, mariadb):
    paths = certificate(mariadb.server, "db.example")
    root = f"ssl-ca={paths[0]}"
    with restarted(mariadb.server, ssl_cert=paths[0], ssl_key=paths[1]):
        wrong_name = mariadb.address_url(query=f"?ssl-mode=verify_identity&{root}")
        refused(simulator, wrong_name, 2, "encrypted", "ssl-mode", "ssl-ca")
        run("sync", simulator, mariadb.address_url(query="?ssl-mode=required"))
        assert_loaded(simulator, mariadb)


def test_names_in_lower_case(simulator, servers):
    """lower_case_table_names = 1, as on Windows: the server spells Names its own way."""
    server = servers["mariadb"]
    with restarted(server, lower_case_table_names=1):
        place = PLACES["mariadb"](server, "CRM_Upper")
        for command in ("check", "sync", "sync", "status"):
            run(command, simulator, place.url)
        assert_loaded(simulator, place)
        place.admin("DROP DATABASE crm_upper", database="")

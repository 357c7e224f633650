"""penstock.yaml with mistakes: one line that names the file, the line, the connection and what was expected; exit code 2;
no request and no file. And the words on the command line that go with it."""

import subprocess

import pytest
from harness import PENSTOCK, environment, run_penstock
from unhappy import assert_says, assert_secret, complaint, files, is_root, somebody

SECRET = "8f14e45fceea167a5a36dedd4bea2543f2a0b1c7"
GOOD = """\
connections:
  - name: acme
    api_token: env:ACME_TOKEN
    destination: sqlite:acme.db
    tables: [deals, persons]
  - name: globex
    api_token: env:GLOBEX_TOKEN
    destination: sqlite:globex.db
    start_date: 01/31/2024
    every: {hot: 15m, full: 1d}
"""
KEYS = "known keys are name, api_token, destination"


@pytest.fixture
def penstock(tmp_path):
    """Runs with this text as penstock.yaml; insists on the exit code and on leaving nothing."""

    def run(text, *words, code=2, env={"ACME_TOKEN": SECRET, "GLOBEX_TOKEN": SECRET}):
        path = tmp_path / "penstock.yaml"
        if text is not None:
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        before = files(tmp_path)
        run = run_penstock(*(words or ("sync",)), cwd=tmp_path, env=env)
        assert run.returncode == code, (run.returncode, run.stdout, run.stderr)
        assert run.stdout == ""
        assert_secret(run.stderr, [SECRET])
        assert files(tmp_path) == before
        return run

    return run


def edit(old, new):
    assert GOOD.count(old) == 1, old
    return GOOD.replace(old, new)


def more(line):
    """One more line in the second connection: line 11."""
    return GOOD + f"    {line}\n"


# What was changed → line, connection, words of the message
MISTAKES = {
    # keys
    "unknown key": (more("tabels: [deals]"), 11, "globex", ('"tabels"', '"tables"', "known keys")),
    "strange key": (more("colour: red"), 11, "globex", ('"colour"', "known keys are", "start_date")),
    "key of the top": (GOOD + "version: 2\n", 11, None, ('"version"', "known keys are connections")),
    "key twice": (more("name: globex2"), 11, "globex", ('"name"', "twice")),
    "missing key": (edit("    destination: sqlite:globex.db\n", ""), 6, "globex", ('"destination"', "missing")),
    "key in every": (edit("hot: 15m", "warm: 15m"), 10, "globex", ('"warm"', "hot, archived, full")),
    "list as key": (more("[a, b]: c"), 11, "globex", ("expected a key", "a list")),
    # types
    "text for a list": (edit("[deals, persons]", "deals"), 5, "acme", ('"tables"', "a list", "single value")),
    "list for a text": (edit("name: globex", "name: [globex]"), 6, None, ('"name"', "a text", "a list")),
    "mapping for a text": (more("schema: {a: b}"), 11, "globex", ('"schema"', "a text", "a mapping")),
    "text for a mapping": (edit("{hot: 15m, full: 1d}", "15m"), 10, "globex", ('"every"', "a mapping", "hot, archived, full")),
    "nothing": (edit("sqlite:globex.db", ""), 8, "globex", ('"destination"', "no value")),
    "empty list": (edit("[deals, persons]", "[]"), 5, "acme", ('"tables"', "empty")),
    "text for connections": ("connections: acme\n", 1, None, ('"connections"', "a list", "single value")),
    "text for a connection": ("connections:\n  - acme\n", 2, None, ("mapping", "name, api_token, destination")),
    "only a text": ("hello\n", 1, None, ("mapping", "connections")),
    "a list at the top": ("- name: acme\n", 1, None, ("mapping", "connections", "a list")),
    "control character": (edit("sqlite:acme.db", '"sqlite:acme\\x07.db"'), 4, "acme", ('"destination"', "control character")),
    "very long": (edit("sqlite:acme.db", "sqlite:" + "a" * 2000), 4, "acme", ('"destination"', "longer than 1000")),
    # values
    "table": (edit("[deals, persons]", "[deals, dealz]"), 5, "acme", ('"dealz"', "the tables are", "deal_products")),
    "date": (edit("01/31/2024", "31/01/2024"), 9, "globex", ('"start_date"', "MM/DD/YYYY", "YYYY-MM-DD")),
    "date that is none": (edit("01/31/2024", "2023-02-29"), 9, "globex", ('"start_date"', "MM/DD/YYYY")),
    "duration": (edit("15m", "15 minutes"), 10, "globex", ('"every.hot"', "duration", "15m")),
    "negative duration": (more("full_every: -1d"), 11, "globex", ('"full_every"', "duration")),
    "choice": (more("dealflow: some"), 11, "globex", ('"dealflow"', "stages, all, off", '"some"')),
    "custom fields": (more("custom_fields: yes"), 11, "globex", ('"custom_fields"', "names, keys, json")),
    "gateway": (more("gateway: berlin"), 11, "globex", ('"gateway"', "none")),
    "name": (edit("name: globex", "name: Globex Corp."), 6, None, ('"name"', "letters, digits")),
    "schema": (more("schema: 1st"), 11, "globex", ('"schema"', "letters, digits and underscores")),
    "destination": (edit("sqlite:globex.db", "oracle:globex"), 8, "globex", ('"oracle"', "sqlite:")),
    "no destination": (edit("sqlite:globex.db", "globex.db"), 8, "globex", ("globex.db", "sqlite:globex.db")),
    "api_url": (more("api_url: api.pipedrive.com"), 11, "globex", ('"api_url"', "https://")),
    "api_url without encryption": (more("api_url: http://api.pipedrive.com"), 11, "globex", ("encryption", "https://")),
    "api_url with a path": (more("api_url: https://api.pipedrive.com/v1"), 11, "globex", ("scheme and host", "https://")),
    # twice
    "name twice": (edit("name: globex", "name: acme"), 6, "acme", ("taken", "line 2")),
    "same tables": (edit("sqlite:globex.db", "sqlite:./acme.db"), 8, "globex", ("same tables", '"acme"', '"schema"')),
    # tokens
    "token": (edit("env:ACME_TOKEN", SECRET), 3, "acme", ('"api_token"', "env:NAME or file:PATH", "take it out")),
    "token as a key": (more(f"{SECRET}: x"), 11, "globex", ("unknown key", "known keys")),
    "token as a name": (edit("name: globex", f"name: {SECRET}!"), 6, None, ('"name"', "letters")),
    "token as a choice": (more(f"dealflow: {SECRET}"), 11, "globex", ('"dealflow"', "stages")),
    "token in another key": (edit("01/31/2024", SECRET), 9, "globex", ('"start_date"', "MM/DD/YYYY")),
    "reference without a name": (edit("env:ACME_TOKEN", '"env:"'), 3, "acme", ('"api_token"', "env:NAME")),
    # YAML
    "tab": (edit("    destination: sqlite:globex.db", "\tdestination: sqlite:globex.db"), 8, None, ("not YAML", "tab character")),
    "bracket": (edit("[deals, persons]", "[deals, persons"), 6, None, ("not YAML",)),
    "indentation": (edit("    destination: sqlite:acme.db", "   destination: sqlite:acme.db"), 4, None, ("not YAML",)),
    "alias": (edit("[deals, persons]", "&x [deals]") + "    tables: *x\n", 5, "globex", ("aliases", "write the value out")),
    "two documents": (GOOD + "---\nconnections: []\n", 12, None, ("second document", "one list")),
    "not UTF-8": (GOOD.encode() + b"    schema: \xff\xfe\n", 11, None, ("not YAML", "UTF-8")),
    "binary": (bytes(range(1, 256)), 1, None, ("not YAML",)),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_mistake(penstock, name):
    text, line, connection, words = MISTAKES[name]
    run = penstock(text)
    place = f'connection "{connection}": ' if connection else ""
    said = complaint(run, *words)
    assert said.startswith(f"penstock.yaml:{line}: {place}"), said
    assert place or not said.startswith(f"penstock.yaml:{line}: connection"), said
    assert len(said) < 700


@pytest.mark.parametrize("command", ["check", "discover", "plan", "status", "reset"])
def test_mistake_for_every_command(penstock, command):
    words = [command, "acme", "--yes"] if command == "reset" else [command]
    run = penstock(more("tabels: [deals]"), *words)
    complaint(run, "penstock.yaml:11", '"globex"', '"tabels"', '"tables"')


def test_mistake_as_json(penstock):
    run = penstock(more("tabels: [deals]"), "sync", "--log-format", "json")
    assert run.stderr.count("\n") == 1
    assert_says(run.stderr, '"code":"config"', "penstock.yaml:11", "tabels")


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "---\n", "\n\n"])
def test_empty_file(penstock, text):
    complaint(penstock(text), "penstock.yaml:1", "no connections", "penstock discover --yaml")


@pytest.mark.parametrize("text", ["connections:\n", "connections: []\n"])
def test_no_connection(penstock, text):
    complaint(penstock(text), "penstock.yaml:1", '"connections"')


def test_large_file(penstock):
    complaint(penstock("#" * 2_000_000), "penstock.yaml", "1 MiB", "no configuration file")


def test_deep_file(penstock):
    complaint(penstock("connections: " + "[" * 2000), "penstock.yaml:", "not YAML")


def test_no_file_at_all(penstock):
    run = penstock(None)
    complaint(run, "no destination", "--to sqlite:crm.db", "penstock.yaml")


def test_file_that_is_not_there(penstock):
    run = penstock(None, "sync", "--config", "other.yaml")
    complaint(run, "other.yaml", "no such file")


def test_directory_instead_of_a_file(penstock, tmp_path):
    (tmp_path / "conf").mkdir()
    complaint(penstock(None, "sync", "--config", "conf"), "conf", "directory")


def test_file_that_may_not_be_read():
    with somebody() as (folder, program, rights):
        path = folder / "penstock.yaml"
        path.write_text(GOOD)
        path.chmod(0o000)
        run = subprocess.run(
            [program, "sync"],
            cwd=folder,
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            **rights,
        )
        assert run.returncode == 2
        complaint(run, "penstock.yaml", "permission denied")
    assert PENSTOCK.exists() and (rights or not is_root())


# --- tokens that the file refers to ---


def test_variable_that_is_not_set(penstock):
    run = penstock(GOOD, env={"ACME_TOKEN": SECRET})
    complaint(run, "penstock.yaml:7", '"globex"', "env:GLOBEX_TOKEN", "not set", "export it")


def test_variable_that_is_empty(penstock):
    run = penstock(GOOD, env={"ACME_TOKEN": "", "GLOBEX_TOKEN": SECRET})
    complaint(run, "penstock.yaml:3", '"acme"', "env:ACME_TOKEN", "empty")


@pytest.mark.parametrize(
    "content, words",
    [
        (None, ("no such file",)),
        (b"", ("empty",)),
        (b"\n" + SECRET.encode(), ("empty",)),
        (b"a\x01b\n", ("control characters",)),
        (b"x" * 5000, ("longer than",)),
    ],
)
def test_token_file(penstock, tmp_path, content, words):
    if content is not None:
        (tmp_path / "token.txt").write_bytes(content)
    run = penstock(edit("env:ACME_TOKEN", "file:token.txt"))
    complaint(run, "penstock.yaml:3", '"acme"', "token.txt", *words)
    assert "xxxxx" not in run.stderr


# --- the command line with it ---


@pytest.mark.parametrize(
    "words, said",
    [
        (("sync", "acmee"), ('"acmee"', "did you mean acme?")),
        (("sync", "initech"), ('"initech"', "the file has acme, globex")),
        (("sync", "acme", "initech"), ('"initech"', "the file has acme, globex")),
        (("reset",), ("name the connection", "penstock reset")),
        (("reset", "acme", "dealz", "--yes"), ('"dealz"', "the tables are")),
        (("sync", "--tables", "dealz"), ('"dealz"', "the tables are")),
        (
            ("sync", "--to", "sqlite:a.db", "--config", "penstock.yaml"),
            ("--to", "--config", "exclude"),
        ),
        (("sync", "--schema", "x"), ("--schema", "--to")),
        (("sync", "--start-date", "never"), ("--start-date", "MM/DD/YYYY", '"never"')),
    ],
)
def test_words_that_do_not_fit(penstock, words, said):
    complaint(penstock(GOOD, *words), *said)

"""What the command line says without asking Pipedrive: help, version, usage errors, man page, completion.

PENSTOCK_BUILD names the build folder (default: build)."""

import json
import os
import pathlib
import re
import subprocess

import pytest
from harness import QUICK, run_penstock, sync

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("PENSTOCK_BUILD", ROOT / "build")).resolve()
PENSTOCK = BUILD / "src/cli/penstock"
COMMANDS = ["check", "discover", "plan", "sync", "status", "verify", "reset"]


@pytest.fixture
def penstock(tmp_path):
    def run(*words, env=None, **more):
        clean = {k: v for k, v in os.environ.items() if not k.startswith("PIPEDRIVE") and k != "CI"}
        return subprocess.run(
            [PENSTOCK, *words],
            cwd=tmp_path,
            env=clean | (env or {}),
            text=True,
            capture_output=True,
            timeout=30,
            stdin=subprocess.DEVNULL,
            **more,
        )

    return run


def one_line(result, start, code=2):
    assert result.returncode == code
    assert result.stdout == ""
    assert result.stderr.startswith("penstock: " + start), result.stderr
    assert result.stderr.count("\n") == 1


def test_no_arguments_show_the_way(penstock):
    result = penstock()
    assert result.returncode == 2
    assert result.stdout == ""
    assert "export PIPEDRIVE_API_TOKEN=... ; penstock sync --to sqlite:crm.db" in result.stderr
    assert all(f"\n  {command} " in result.stderr for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command(penstock, command):
    result = penstock(command, "--help")
    assert result.returncode == 0
    assert result.stderr == ""
    assert result.stdout.startswith(f"Usage: penstock {command} ")
    assert max(map(len, result.stdout.splitlines())) < 80
    assert penstock("help", command).stdout == result.stdout
    assert "--memory-mib" not in result.stdout  # for tests only


def test_help_and_version(penstock):
    assert "75  stopped" in penstock("--help").stdout
    assert penstock("help").stdout == penstock("--help").stdout
    version = penstock("--version").stdout
    assert version.startswith("penstock ") and version.count("\n") == 1


@pytest.mark.parametrize(
    "words, start",
    [
        (["snyc"], 'unknown command "snyc"; did you mean sync?'),
        (["frobnicate"], 'unknown command "frobnicate"; see penstock --help'),
        (["sync", "--tabels", "deals"], "unknown option --tabels; did you mean --tables?"),
        (["sync", "--max-lag", "2h"], "--max-lag is not an option of sync"),
        (["status", "--max-lag", "soon"], "--max-lag takes a duration"),
        (["sync", "--start-date", "13/01/2024"], "--start-date takes a day as MM/DD/YYYY"),
        (["sync"], "no destination: give --to sqlite:crm.db"),
        (["sync", "--to", "sqlite:crm.db"], "no API token: export PIPEDRIVE_API_TOKEN="),
        (["sync", "acme", "--to", "sqlite:crm.db"], 'unknown connection "acme"'),
        (["sync", "--config", "none.yaml"], "cannot read the configuration: "),
    ],
)
def test_usage_errors_are_one_line(penstock, words, start):
    one_line(penstock(*words), start)


def test_a_token_typed_as_an_option_is_not_repeated(penstock):
    for words in (
        ["--api-token=s3cr3tt0k3n"],
        ["--token", "s3cr3tt0k3n"],
        ["sync", "--api_token=s3cr3tt0k3n"],
    ):
        result = penstock(*words)
        assert result.returncode == 2
        assert "s3cr3tt0k3n" not in result.stderr + result.stdout


CONFIG = """connections:
  - name: acme
    api_token: env:ACME_TOKEN
    destination: sqlite:acme.db
"""


@pytest.mark.parametrize(
    "more, start",
    [
        (
            "    tabels: [deals]\n",
            'penstock.yaml:5: connection "acme": unknown key "tabels": did you mean "tables"?',
        ),
        ("    tables: [dealz]\n", 'penstock.yaml:5: connection "acme": '),
        (
            "    every: {full: often}\n",
            'penstock.yaml:5: connection "acme": "every.full" takes a duration',
        ),
        (
            "  - {name: b, api_token: env:B, destination: 'sqlite:acme.db'}\n",
            'penstock.yaml:5: connection "b": writes to the same tables as the connection "acme"',
        ),
        ("", 'penstock.yaml:3: connection "acme": '),  # ACME_TOKEN is not set
    ],
)
def test_configuration_errors_name_the_line(penstock, tmp_path, more, start):
    (tmp_path / "penstock.yaml").write_text(CONFIG + more)
    one_line(penstock("sync"), start)


def test_a_token_in_the_configuration_is_not_repeated(penstock, tmp_path):
    (tmp_path / "penstock.yaml").write_text(CONFIG.replace("env:ACME_TOKEN", "s3cr3tt0k3n"))
    result = penstock("sync")
    one_line(result, 'penstock.yaml:3: connection "acme": "api_token" takes env:NAME or file:PATH')
    assert "s3cr3tt0k3n" not in result.stderr


def test_errors_are_json_when_asked(penstock):
    result = penstock("sync", "--log-format", "json")
    assert result.returncode == 2
    assert '"code":"config"' in result.stderr and result.stderr.startswith("{")


def test_a_reset_makes_no_database(penstock, tmp_path):
    """A name that was mistyped."""
    run = penstock("reset", "--to", "sqlite:cmr.db", "--yes")
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout == "default: there was nothing to drop in sqlite:cmr.db\n"
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_no_success(penstock):
    with open("/dev/full", "w") as full:
        result = subprocess.run(
            [PENSTOCK, "--help"], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert result.returncode == 1
    assert result.stderr.startswith("penstock: cannot write to standard output")


def test_man_page_is_clean_and_complete():
    page = BUILD / "src/cli/penstock.1"
    lint = subprocess.run(
        ["mandoc", "-T", "lint", "-W", "warning", page], capture_output=True, text=True
    )
    assert lint.stdout + lint.stderr == ""
    text = subprocess.run(
        ["mandoc", "-T", "ascii", "-O", "width=100", page], capture_output=True, text=True
    ).stdout
    text = "".join(c for i, c in enumerate(text) if c != "\b" and text[i + 1 : i + 2] != "\b")
    for word in ("--to URL", "--start-date MM/DD/YYYY", "dealflow", "full_every", "deal_products"):
        assert word in text, word
    assert "--retry-base-ms" not in text and "@MAN" not in text


def test_man_page_knows_each_key_of_the_configuration(penstock, tmp_path):
    (tmp_path / "penstock.yaml").write_text(CONFIG + "    zzzz: 1\n")
    known = penstock("sync").stderr.partition("known keys are ")[2].strip().split(", ")
    page = (BUILD / "src/cli/penstock.1").read_text().splitlines()
    assert "api_token" in known and not [key for key in known if f".It Cm {key}" not in page]


def keys_of(value):
    """Of all objects inside; the three of a range are one."""
    if isinstance(value, list):
        return set().union(*map(keys_of, value))
    if not isinstance(value, dict):
        return set()
    names = {re.sub("_(low|likely|high)$", "", key) for key in value}
    return names.union(*map(keys_of, value.values()))


@pytest.mark.parametrize("command", COMMANDS + ["refresh", "views"])
def test_man_page_knows_each_key_of_the_json(simulate, database, command):
    simulator = simulate(*QUICK, "--size", "small")
    words = ("--to", database.url, "--json")
    api = ("--api-url", simulator.url)
    sync(simulator, database.url, "--max-tokens", 1000, code=75)  # parked: histories wait
    simulator.admin("edit", entity="deals", id=1, attributes={"title": "new"}, touch=False)
    needs = () if command in ("status", "views", "reset") else api
    more = {"reset": ["--yes"], "sync": ["--max-tokens", 100]}.get(command, [])
    run = run_penstock(command, *words, *needs, *more, token=simulator.token)
    page = (BUILD / "src/cli/penstock.1").read_text()
    section = page[page.index(".Sh JSON OUTPUT") : page.index(".Sh ENVIRONMENT")]
    parts = re.split(r"^\.It ", section, flags=re.M)
    (part,) = [part for part in parts if command in re.findall(r"\w+", part.partition("\n")[0])]
    shared = (
        [other for other in parts if other.startswith("Cm status")] if command == "plan" else []
    )
    said = set(
        re.findall(r"\w+", " ".join(re.findall(r"^\.Cm (.*)", "\n".join([part, *shared]), re.M)))
    )
    keys = keys_of(json.loads(run.stdout)) - {"connection"}
    assert keys and keys <= said, keys - said


def complete(*words, cwd):
    """What bash would offer for the last of the words."""
    script = f"""
        source '{BUILD}/src/cli/penstock.bash'
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
        _penstock 2>/dev/null
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    result = subprocess.run(
        ["bash", "-c", script, "bash", PENSTOCK, *words], cwd=cwd, capture_output=True, text=True
    )
    return result.stdout.split()


def test_completion(tmp_path):
    (tmp_path / "penstock.yaml").write_text(CONFIG)
    assert complete("s", cwd=tmp_path) == ["sync", "status"]
    assert complete("sync", "--max", cwd=tmp_path) == ["--max-tokens"]
    assert complete("status", "--max", cwd=tmp_path) == ["--max-lag"]
    assert complete("sync", "--tables", "deals,pers", cwd=tmp_path) == ["deals,persons"]
    assert complete("sync", "--dealflow", "a", cwd=tmp_path) == ["all"]
    assert "sqlite:" in complete("sync", "--to", "", cwd=tmp_path)
    assert complete("sync", "a", cwd=tmp_path) == ["acme"]
    assert complete("reset", "acme", "fi", cwd=tmp_path) == ["filters", "files"]

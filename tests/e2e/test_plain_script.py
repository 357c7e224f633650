"""The script that the bench measures Penstock against does the same work: it brings the same rows."""

import contextlib
import sqlite3
import subprocess
import sys

from harness import QUICK, ROOT, environment, expected_rows, sync

PLAIN = ROOT / "bench" / "peers" / "plain.py"
# More than a page of the two lists that it reads by offset (files have 100 a page), and more deals
# than one request for their lines takes.
COMPANY = (*QUICK, "--notes", 600, "--files", 150, "--deals", 150)
SAME_TEXT = {
    "deals": ("title", "currency", "status"),
    "persons": ("name", "first_name"),
    "activities": ("subject", "due_date"),
    "deal_products": ("name", "tax_method"),
    "notes": ("content",),
    "files": ("file_name",),
}
TABLES = (*SAME_TEXT, "organizations", "products", "pipelines", "stages", "users", "filters")
TABLES += ("activity_types", "currency")


def read_by_script(simulator, path):
    """Table → id → row, after one run."""
    command = [sys.executable, PLAIN, path, "--api-url", simulator.url]
    subprocess.run(command, env=environment(simulator.token), check=True, timeout=60)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        return {table: rows_of(connection, table) for table in TABLES}


def rows_of(connection, table):
    rows = connection.execute(f'SELECT * FROM "{table}"').fetchall()
    assert len({row["id"] for row in rows}) == len(rows)
    return {row["id"]: dict(row) for row in rows}


def test_it_brings_the_rows_that_penstock_brings(simulate, database, tmp_path):
    simulator = simulate(*COMPANY)
    theirs = read_by_script(simulator, tmp_path / "plain.db")
    sync(simulator, database.url, "--dealflow", "off")
    for table in TABLES:
        rows, ours = theirs[table], database.live(table)
        alive = {key for key, (_, gone) in expected_rows(simulator, table).items() if not gone}
        assert alive and alive <= rows.keys(), table
        assert ours.keys() == alive, table
        for key in alive:
            for name in SAME_TEXT.get(table, ()):
                assert rows[key][name] == ours[key][name], (table, key, name)


def test_a_second_run_updates_rows(simulate, tmp_path):
    simulator = simulate(*COMPANY)
    before = read_by_script(simulator, tmp_path / "plain.db")
    deal = simulator.truth("deals")[0]["id"]
    simulator.admin("edit", entity="deals", id=deal, attributes={"title": "another title"})
    after = read_by_script(simulator, tmp_path / "plain.db")
    assert after["deals"][deal]["title"] == "another title"
    assert {t: rows.keys() for t, rows in after.items()} == {
        t: rows.keys() for t, rows in before.items()
    }

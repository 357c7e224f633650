"""metadata_columns: the system columns under the names of other connectors, or none at all."""

import pytest
from harness import TABLES, run_penstock, sync
from section4 import company

# Documented names: when a row was loaded, when it was deleted, whether it is.
STYLES = {
    "native": ("_synced_at", "_deleted_at", None),
    "stitch": ("_sdc_batched_at", "_sdc_deleted_at", None),
    "fivetran": ("_fivetran_synced", "_deleted_at", "_fivetran_deleted"),
    "airbyte": ("_airbyte_extracted_at", "_ab_cdc_deleted_at", None),
}
ROWS = dict(deals=8, persons=3, notes=3, pipelines=2, filters=4, custom_fields=3)


def change(simulator):
    simulator.advance(3600)
    simulator.admin("delete", entity="deals", ids=[2])
    simulator.admin("delete", entity="filters", ids=[1])
    simulator.admin("edit", entity="deals", id=3, attributes={"title": "another"})
    simulator.advance(3600)


@pytest.mark.parametrize("style", STYLES)
def test_styles(simulate, database, style):
    synced_at, deleted_at, is_deleted = STYLES[style]
    words = ("--metadata-columns", style, "--all")
    simulator = simulate(*company(**ROWS))
    sync(simulator, database.url, *words)
    others = {name for names in STYLES.values() for name in names if name} - set(STYLES[style])
    for table in TABLES:
        assert {synced_at, deleted_at, "_run_id", "_extra"} <= set(database.columns(table))
        assert not others & set(database.columns(table))
    before = database.rows("deals")
    assert all(row[synced_at] and row[deleted_at] is None for row in before.values())
    change(simulator)
    sync(simulator, database.url, *words)
    deals, filters = database.rows("deals"), database.rows("filters")
    assert [key for key, row in deals.items() if row[deleted_at]] == [2]
    assert [key for key, row in filters.items() if row[deleted_at]] == [1]
    assert {key for key in deals if deals[key][synced_at] != before[key][synced_at]} == {2, 3}
    if is_deleted:
        rows = database.query(f'SELECT id FROM deals WHERE "{is_deleted}"')
        assert rows == [{"id": 2}]
        assert database.query(f'SELECT count(*) n FROM deals WHERE NOT "{is_deleted}"') == [
            {"n": len(deals) - 1}
        ]
    # Commands that only look need not be told.
    status = run_penstock("status", "--to", database.url)
    assert status.returncode == 0, status.stderr


def test_none(simulate, database):
    """Without columns to flag them in, rows that are deleted go."""
    words = ("--metadata-columns", "none", "--all")
    simulator = simulate(*company(**ROWS))
    sync(simulator, database.url, *words)
    for table in TABLES:
        assert not [name for name in database.columns(table) if name.startswith("_")]
    before = database.rows("deals")
    change(simulator)
    result = sync(simulator, database.url, *words)
    assert set(database.rows("deals")) == set(before) - {2}
    assert database.rows("deals")[3]["title"] == "another"
    assert 1 not in database.rows("filters")
    assert result.tables["filters"]["deleted"] == 1
    # And the next run does not believe that the tables lost rows.
    assert sync(simulator, database.url, *words).rows() == {}


def test_another_style_needs_a_reset(simulate, database):
    simulator = simulate(*company(deals=2))
    sync(simulator, database.url, "--tables", "deals", "--metadata-columns", "stitch")
    before = database.snapshot(["deals"], without=())
    result = sync(simulator, database.url, "--tables", "deals", code=2)
    assert "metadata_columns: stitch, not native" in result.stderr + result.stdout
    assert database.snapshot(["deals"], without=()) == before
    reset = run_penstock("reset", "--to", database.url, "--yes")
    assert reset.returncode == 0, reset.stderr
    sync(simulator, database.url, "--tables", "deals")
    assert "_synced_at" in database.columns("deals")

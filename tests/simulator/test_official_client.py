"""Pipedrive's own client (npm package pipedrive) reads every collection of ours."""

import json
import subprocess

import pytest

EXPECTED = {
    "v2 activities": "activities",
    "v2 organizations": "organizations",
    "v2 persons": "persons",
    "v2 pipelines": "pipelines",
    "v2 products": "products",
    "v2 stages": "stages",
    "v1 activityTypes": "activity_types",
    "v1 currencies": "currencies",
    "v1 files": "files",
    "v1 filters": "filters",
    "v1 notes": "notes",
    "v1 users": "users",
}
FIELDS = ["deal", "organization", "person", "product"]


@pytest.fixture(scope="module")
def collected(steady, official_client):
    command = ["node", "collect.js", steady.url, steady.token]
    run = subprocess.run(command, cwd=official_client, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@pytest.mark.parametrize("name", EXPECTED)
def test_collection(steady, collected, name):
    table = EXPECTED[name]
    gone = [row for row in steady.truth(table) if row.get("is_deleted") is True]
    count = steady.read("count")[table]
    assert len(collected[name]) == count["rows"] - count["deleted"]
    alive = {row["id"] for row in steady.truth(table)} - {row["id"] for row in gone}
    assert {*collected[name]} <= alive


def test_deals(steady, collected):
    for name, archived in (("v2 deals", False), ("v2 deals/archived", True)):
        expected = [
            row["id"]
            for row in steady.truth("deals")
            if not row["is_deleted"] and row["is_archived"] is archived
        ]
        assert collected[name] == expected


@pytest.mark.parametrize("entity", FIELDS)
@pytest.mark.parametrize("api", ["v1", "v2"])
def test_fields(steady, collected, entity, api):
    """All of v1; of v2 the custom ones, since standard keys have other names there."""
    rows = steady.truth(f"{entity}_fields")
    custom = {row["key"] for row in rows if row["edit_flag"] and not row.get("is_subfield")}
    found = {*collected[f"{api} {entity}Fields"]}
    assert custom and custom <= found
    assert api == "v2" or found == {row["key"] for row in rows}


def test_deal_products(steady, collected):
    alive = {*collected["v2 deals"], *collected["v2 deals/archived"]}
    expected = [row["id"] for row in steady.truth("deal_products") if row["deal_id"] in alive]
    assert sorted(collected["v2 deals/products"]) == sorted(expected)


def test_dealflow(steady, collected):
    alive = {*collected["v2 deals"], *collected["v2 deals/archived"]}
    expected = [row["id"] for row in steady.truth("dealflow") if row["item_id"] in alive]
    assert sorted(collected["v1 deals/{id}/flow"]) == sorted(expected)


def test_me(steady, collected):
    assert collected["v1 users/me"] == [steady.companies[0]["user_id"]]


def test_nothing_is_read_twice(collected):
    for name, keys in collected.items():
        assert len(keys) == len(set(map(str, keys))), name

"""Custom fields of every type, and values that come verbatim (API.md section 7)."""

import json
import re

import pytest
from shapes import CLOCK, DAY
from simclient import STEADY, ids

CREATABLE = (
    "varchar varchar_auto text double monetary set enum user org people phone time timerange "
    "date daterange address"
).split()

PARTS = {
    "subpremise", "street_number", "route", "sublocality", "locality", "admin_area_level_1",
    "admin_area_level_2", "country", "postal_code", "formatted_address",
}  # fmt: skip


def is_text(value):
    return isinstance(value, str)


def is_id(value):
    return type(value) is int


def is_number(value):
    return not isinstance(value, (bool, str, list, dict))


def is_day(value):
    return is_text(value) and bool(DAY.fullmatch(value))


def is_clock(value):
    return is_text(value) and bool(CLOCK.fullmatch(value))


def of(keys, **checks):
    """An object of just these keys."""
    return lambda value: (
        value.keys() == keys and all(checks[key](value[key]) for key in keys & checks.keys())
    )


V2_SHAPES = {
    "varchar": is_text,
    "varchar_auto": is_text,
    "text": is_text,
    "phone": is_text,
    "double": is_number,
    "monetary": of({"value", "currency"}, value=is_number),
    "enum": is_id,
    "set": lambda value: isinstance(value, list) and all(map(is_id, value)),
    "user": is_id,
    "org": is_id,
    "people": is_id,
    "date": is_day,
    "daterange": of({"value", "until"}, value=is_day, until=is_day),
    "time": of({"value", "timezone_id", "timezone_name"}, value=is_clock, timezone_id=is_id),
    "timerange": of({"value", "until", "timezone_id", "timezone_name"}, value=is_clock),
    "address": lambda value: "value" in value and value.keys() <= PARTS | {"value"},
}

V1_SUFFIXES = {
    "monetary": {"_currency"},
    "daterange": {"_until"},
    "timerange": {"_until"},
    "address": {f"_{part}" for part in PARTS},
}


def custom(simulator, entity="deal"):
    fields = simulator.by_cursor(f"/api/v2/{entity}Fields", 500)
    return [field for field in fields if field["is_custom_field"]]


def values(simulator, field):
    rows = simulator.truth("deals")
    found = [row["custom_fields"][field["field_code"]] for row in rows]
    return [value for value in found if value is not None]


@pytest.mark.parametrize("kind", CREATABLE)
def test_v2_shape(steady, kind):
    found = [
        value for field in custom(steady) if field["field_type"] == kind
        for value in values(steady, field)
    ]  # fmt: skip
    assert found
    assert [value for value in found if not V2_SHAPES[kind](value)] == []


@pytest.mark.parametrize("kind", CREATABLE)
def test_v1_keys(start, kind):
    """v1 records carry them flat, with suffixed companions."""
    simulator = start(*STEADY, "--set", "old_v1=answers")
    records = simulator.by_offset("/v1/deals", 500)
    for field in custom(simulator):
        if field["field_type"] == kind:
            key = field["field_code"]
            record = next(each for each in records if each[key] is not None)
            companions = {name.removeprefix(key) for name in record if name.startswith(key)} - {""}
            assert companions - {"_timezone_id", "_timezone_name"} == V1_SUFFIXES.get(kind, set())


@pytest.mark.parametrize("entity", ["deal", "person", "organization", "product"])
def test_every_key_is_in_every_record(steady, entity):
    keys = {field["field_code"] for field in custom(steady, entity)}
    assert keys
    for row in steady.by_cursor(f"/api/v2/{entity}s", 500):
        assert row["custom_fields"].keys() == keys


@pytest.mark.parametrize("entity", ["deal", "person", "organization", "product"])
def test_keys_are_40_hex_digits(steady, entity):
    for field in custom(steady, entity):
        assert re.fullmatch(r"[0-9a-f]{40}", field["field_code"])


def test_the_parameter_limits_the_block(steady):
    keys = [field["field_code"] for field in custom(steady)][:2]
    for row in steady.data("/api/v2/deals", custom_fields=keys):
        assert [*row["custom_fields"]] == keys or {*row["custom_fields"]} == {*keys}


def test_fifteen_keys_at_most(steady):
    keys = [field["field_code"] for field in custom(steady)]
    assert len(keys) >= 16
    assert steady.get("/api/v2/deals", custom_fields=keys[:15]).status == 200
    assert steady.get("/api/v2/deals", custom_fields=keys[:16]).status == 400


@pytest.mark.parametrize("kind", ["enum", "set"])
def test_option_labels(steady, kind):
    keys = [field["field_code"] for field in custom(steady) if field["field_type"] == kind]
    seen = 0
    for plain, labelled in zip(
        steady.by_cursor("/api/v2/deals"),
        steady.by_cursor("/api/v2/deals", include_option_labels="true"),
        strict=True,
    ):
        for key in keys:
            value, shown = plain["custom_fields"][key], labelled["custom_fields"][key]
            if value is not None:
                pairs = shown if kind == "set" else [shown]
                assert [pair["id"] for pair in pairs] == (value if kind == "set" else [value])
                assert all(pair.keys() == {"id", "label"} for pair in pairs)
                seen += 1
    assert seen


def test_display_names_are_not_unique(steady):
    names = [field["field_name"] for field in custom(steady)]
    assert len(names) > len(set(names))


def test_v1_and_v2_field_lists_agree(steady):
    v1 = {row["key"]: row for row in steady.by_offset("/v1/dealFields")}
    for field in custom(steady):
        row = v1[field["field_code"]]
        assert row["edit_flag"] is True
        assert (row["name"], row["field_type"]) == (field["field_name"], field["field_type"])
        assert [one["id"] for one in row["options"] or []] == [
            one["id"] for one in field["options"] or []
        ]


LITERALS = [
    "0.30000000000000004",
    "12345678901234.567",
    "9007199254740993",
    "9223372036854775807",
    "123456789012345678901234567890",
    "-0.0",
    "1E+2",
    "0.10",
]


@pytest.mark.parametrize("literal", LITERALS)
def test_digits_come_verbatim(fresh, literal):
    deal = fresh.data("/api/v2/deals", limit=1)[0]["id"]
    key = next(f["field_code"] for f in custom(fresh) if f["field_type"] == "double")
    fresh.admin("edit", entity="deals", id=deal, raw={"value": literal, key: literal})
    body = fresh.get(f"/api/v2/deals/{deal}").body.decode()
    assert re.search(rf'"value":\s*{re.escape(literal)}[,}}]', body)
    assert re.search(rf'"{key}":\s*{re.escape(literal)}[,}}]', body)
    assert literal in fresh.get("/api/v2/deals", limit=1).body.decode()


TEXTS = [
    "Ünïcödé Ω ж 東京 العربية",
    "emoji 👩‍👩‍👧‍👦 🏴󠁧󠁢󠁥󠁮󠁧󠁿",
    "zero\u200bwidth\ufeff",
    "\"quotes\" \\ / 'single'",
    "tab\tline\nreturn\r",
    "\u0001\u001f\u007f\u2028\u2029",
    "<p>&amp; <b>html</b></p>",
    "NULL",
    "'; DROP TABLE deals; --",
    "",
    " ",
    "x" * 60000,
]


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_texts_come_verbatim(fresh, text):
    deal = fresh.data("/api/v2/deals", limit=1)[0]["id"]
    note = fresh.data("/v1/notes", limit=1)[0]["id"]
    fresh.admin("edit", entity="deals", id=deal, attributes={"title": text})
    fresh.admin("edit", entity="notes", id=note, attributes={"content": text})
    assert fresh.data(f"/api/v2/deals/{deal}")["title"] == text
    assert fresh.data(f"/v1/notes/{note}")["content"] == text


def test_the_data_holds_the_nasty_values(steady):
    """What API.md's traps 14, 15 and 19 name is there without an admin's help."""
    body = json.dumps(steady.truth("deals"), default=str, ensure_ascii=False)
    for value in ("0.30000000000000004", "9007199254740993", "2026-02-29"):
        assert value in body
    assert any(ord(letter) > 0xFFFF for letter in body)


def test_a_record_may_name_a_deleted_option(steady):
    """Trap 19; v1 lists the deleted options, v2 does not."""
    dead = {
        (field["key"], option["id"])
        for field in steady.by_offset("/v1/dealFields")
        for option in field.get("options_deleted") or []
    }
    assert dead
    used = set()
    for row in steady.truth("deals"):
        for key, value in row["custom_fields"].items():
            for one in value if isinstance(value, list) else [value]:
                if isinstance(one, int):
                    used.add((key, one))
    assert dead & used
    alive = {(f["field_code"], o["id"]) for f in custom(steady) for o in f["options"] or []}
    assert not dead & alive


def test_fields_of_one_deal_by_id(steady):
    one = steady.data("/api/v2/deals", limit=1)[0]
    assert steady.data(f"/api/v2/deals/{one['id']}") == one


def test_v1_field_by_id_and_v2_by_code(steady):
    row = next(r for r in steady.by_offset("/v1/dealFields") if r["edit_flag"])
    assert steady.data(f"/v1/dealFields/{row['id']}") == row
    assert steady.data(f"/api/v2/dealFields/{row['key']}")["field_name"] == row["name"]


def test_field_ids_are_unique(steady):
    found = [one for one in ids(steady.by_offset("/v1/dealFields")) if one is not None]
    assert len(found) == len(set(found))


@pytest.mark.parametrize("entity", ["deal", "person", "organization", "product"])
def test_a_v1_field_is_the_same_alone_and_in_its_list(steady, entity):
    rows = steady.by_offset(f"/v1/{entity}Fields", 100)
    fields = [row for row in rows if row["id"] is not None]
    assert {row["order_nr"] for row in fields} == {*range(1, len(fields) + 1)}
    for field in fields:
        assert steady.data(f"/v1/{entity}Fields/{field['id']}") == field

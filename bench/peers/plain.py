#!/usr/bin/env python3
"""What a competent engineer writes in an afternoon: Pipedrive into a database, for comparison.

    PIPEDRIVE_API_TOKEN=… plain.py postgres://…|FILE.db [--api-url URL]

Reads every list whole, in the largest pages there are and over one connection, and upserts page by
page. Columns are made as attributes turn up; custom fields are columns named by their key; all but
the id is text, nested values are JSON. No bookmarks, no deletes: the next run reads it all again.
"""

import argparse
import json
import os
import sqlite3
import time

import requests

V2_LISTS = {
    "pipelines": "pipelines",
    "stages": "stages",
    "products": "products",
    "organizations": "organizations",
    "persons": "persons",
    "activities": "activities",
    "deals": "deals",
    "deals/archived": "deals",
}
V1_LISTS = {
    "users": "users",
    "currencies": "currency",
    "activityTypes": "activity_types",
    "filters": "filters",
    "notes": "notes",
    "files": "files",
}
PAGE = 500
DEALS_A_CALL = 100


# --- Pipedrive ---


class Api:
    def __init__(self, url, token):
        self.url = url
        self.session = requests.Session()
        self.session.headers["x-api-token"] = token

    def get(self, path, **query):
        for attempt in range(6):
            answer = self.session.get(f"{self.url}/{path}", params=query, timeout=60)
            if answer.status_code != 429 and answer.status_code < 500:
                answer.raise_for_status()
                return answer.json()
            reset = answer.headers.get("retry-after") or answer.headers.get("x-ratelimit-reset")
            time.sleep(float(reset or 2**attempt))
        answer.raise_for_status()

    def by_cursor(self, path, **query):
        while True:
            page = self.get(f"api/v2/{path}", limit=PAGE, **query)
            yield page["data"]
            query["cursor"] = page["additional_data"]["next_cursor"]
            if not query["cursor"]:
                return

    def by_offset(self, path):
        start = 0
        while start is not None:
            page = self.get(f"v1/{path}", start=start, limit=PAGE)
            yield page["data"] or []
            start = (page.get("additional_data") or {}).get("pagination", {}).get("next_start")

    def lines_of(self, deals):
        for first in range(0, len(deals), DEALS_A_CALL):
            ids = ",".join(map(str, deals[first : first + DEALS_A_CALL]))
            yield from self.by_cursor("deals/products", deal_ids=ids)


# --- the database ---


def flat(record):
    record |= record.pop("custom_fields", None) or {}
    return {
        name: value
        if value is None or isinstance(value, str) or name == "id"
        else json.dumps(value, ensure_ascii=False)
        for name, value in record.items()
    }


class Database:
    def __init__(self, url):
        if url.startswith("postgres"):
            import psycopg

            self.connection, self.mark = psycopg.connect(url), "%s"
        else:
            self.connection, self.mark = sqlite3.connect(url), "?"
        self.columns = {}

    def quoted(self, name):
        name = name.replace('"', '""')
        return f'"{name.replace("%", "%%") if self.mark == "%s" else name}"'

    def add_columns(self, cursor, table, names):
        if table not in self.columns:
            cursor.execute(f"CREATE TABLE IF NOT EXISTS {table} (id bigint PRIMARY KEY)")
            cursor.execute(f"SELECT * FROM {table} LIMIT 0")
            self.columns[table] = {column[0] for column in cursor.description}
        for name in names - self.columns[table]:
            cursor.execute(f"ALTER TABLE {table} ADD COLUMN {self.quoted(name)} text")
            self.columns[table].add(name)

    def upsert(self, table, records):
        """One page in one transaction; rows of a page may have different attributes."""
        rows = [flat(record) for record in records]
        if not rows:
            return
        names = sorted(set().union(*rows))
        columns = [self.quoted(name) for name in names]
        changes = ", ".join(f"{name} = excluded.{name}" for name in columns if name != '"id"')
        marks = ", ".join(self.mark for _ in names)
        cursor = self.connection.cursor()
        self.add_columns(cursor, table, set(names))
        cursor.executemany(
            f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"
            f" ON CONFLICT (id) DO UPDATE SET {changes}",
            [[row.get(name) for name in names] for row in rows],
        )
        self.connection.commit()


def sync(api, database):
    deals = []
    for path, table in V2_LISTS.items():
        for page in api.by_cursor(path):
            database.upsert(table, page)
            if table == "deals":
                deals += [deal["id"] for deal in page]
    for page in api.lines_of(deals):
        database.upsert("deal_products", page)
    for path, table in V1_LISTS.items():
        for page in api.by_offset(path):
            database.upsert(table, page)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("database")
    parser.add_argument("--api-url", default="https://api.pipedrive.com")
    options = parser.parse_args()
    sync(Api(options.api_url, os.environ["PIPEDRIVE_API_TOKEN"]), Database(options.database))


if __name__ == "__main__":
    main()

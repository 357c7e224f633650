"""Destinations as Python values: a database that Penstock filled, whatever kind it is.

Every kind offers the same methods. Texts of queries have "double quotes" around names and ? for
values. Cells come in one form: integers and booleans as int, decimals as numbers, times as the text
"2026-11-20 12:00:00" (UTC, a fraction only where there is one), JSON as its text."""

import contextlib
import datetime
import json
import pathlib
import sqlite3
import urllib.parse
from decimal import Decimal

TABLES = (
    *("activity_types", "currency", "filters", "pipelines", "stages", "users", "deal_fields"),
    *("deals", "persons", "organizations", "activities", "products", "notes", "files"),
    *("deal_products", "dealflow"),
)


class Literal(Decimal):
    """A number that knows how it was written: 1e3, 0.10."""

    def __new__(cls, text):
        self = super().__new__(cls, text)
        self.text = text
        return self

    def __str__(self):
        return self.text


DECODER = json.JSONDecoder(parse_float=Literal)


def parse(text):
    """JSON without loss: an integer is an int, other numbers keep their digits."""
    return DECODER.decode(text if isinstance(text, str) else text.decode())


def plain(cell):
    """A driver's Python value in the one form."""
    if isinstance(cell, bool):
        return int(cell)
    if isinstance(cell, datetime.datetime):
        if cell.tzinfo:
            cell = cell.astimezone(datetime.timezone.utc).replace(tzinfo=None)
        return cell.isoformat(" ").rstrip("0").rstrip(".") if cell.microsecond else str(cell)
    if isinstance(cell, datetime.timedelta):  # MariaDB's time of day
        return str(datetime.datetime.min + cell)[11:]
    if isinstance(cell, (datetime.date, datetime.time)):
        return cell.isoformat()
    return cell


class Destination:
    """What the kinds share; a kind has connect(), query(), types() and `url`. A connection a query,
    but within session()."""

    prefix = ""
    connection = None
    keeps_json_text = True  # JSON comes back as it was sent, to the digit
    transactional_ddl = True  # what a killed run did to tables is undone
    zero_bytes = True  # texts may hold U+0000, else it becomes U+FFFD

    def rows(self, table):
        """All rows of a replicated table: id → {column: value}."""
        return {row["id"]: row for row in self.query(f'SELECT * FROM "{self.prefix}{table}"')}

    def columns(self, table):
        return list(self.types(table))

    def fields(self, table):
        """Columns of custom fields: (key, part) → column; part "" is the value itself."""
        sql = f'SELECT * FROM "{self.prefix}_penstock_fields" WHERE "table" = ? AND is_custom = ?'
        rows = self.query(sql, table, True)
        return {(row["key"], row["part"]): row["column"] for row in rows}

    def state(self):
        rows = self.query(f'SELECT * FROM "{self.prefix}_penstock_state"')
        return {row["name"]: parse(row["value"]) for row in rows}

    def live(self, table):
        return {key: row for key, row in self.rows(table).items() if row["_deleted_at"] is None}

    def check(self):
        """That the database itself is sound."""

    @contextlib.contextmanager
    def session(self):
        """Queries within it share a connection."""
        if self.connection:
            yield
            return
        self.connection = self.connect()
        try:
            yield
        finally:
            self.connection.close()
            self.connection = None

    def snapshot(self, tables=TABLES, without=("_synced_at", "_run_id")):
        """Every cell of the tables, by column name, for comparing two databases."""
        with self.session():
            return {
                table: {
                    key: {name: value for name, value in row.items() if name not in without}
                    for key, row in self.rows(table).items()
                }
                for table in tables
            }


class Sqlite(Destination):
    """A SQLite file."""

    kind = "sqlite"

    def __init__(self, path, prefix=""):
        self.path = pathlib.Path(path)
        self.url = f"sqlite:{self.path}"
        self.prefix = prefix

    def connect(self):
        connection = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=20)
        connection.row_factory = sqlite3.Row
        return connection

    def query(self, sql, *values):
        """Rows as dicts; [] for a table that does not exist."""
        try:
            with self.session():
                return [dict(row) for row in self.connection.execute(sql, values)]
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                return []
            raise

    def types(self, table):
        """Column → type, in order."""
        rows = self.query(f"PRAGMA table_info('{self.prefix}{table}')")
        return {row["name"]: row["type"] for row in rows}

    def check(self):
        assert self.query("PRAGMA integrity_check") == [{"integrity_check": "ok"}]


class ServerDatabase(Destination):
    """A database of a server, by its URL."""

    def __init__(self, url):
        self.url = url
        self.parts = urllib.parse.urlsplit(url)
        self.name = self.parts.path.lstrip("/")

    def query(self, sql, *values):
        """Rows as dicts; [] for a table, or a whole database, that does not exist."""
        text = sql.replace("%", "%%").replace("?", "%s") if values else sql
        try:
            with self.session(), self.connection.cursor() as cursor:
                cursor.execute(text, values or None)
                names = [column[0] for column in cursor.description or ()]
                rows = cursor.fetchall() if names else []
        except self.driver().Error as error:
            if self.is_missing(error):
                return []
            raise
        return [dict(zip(names, map(plain, row), strict=True)) for row in rows]

    def types(self, table):
        """Column → type, in order."""
        sql = f"""SELECT column_name AS name, {self.type_column} AS type
            FROM information_schema.columns WHERE table_schema = ? AND table_name = ?
            ORDER BY ordinal_position"""
        with self.session():
            return {row["name"]: row["type"] for row in self.query(sql, self.schema(), table)}


class Postgres(ServerDatabase):
    """A PostgreSQL database; the schema is the one that holds Penstock's state."""

    kind = "postgres"
    keeps_json_text = False
    zero_bytes = False
    type_column = "data_type"

    @staticmethod
    def driver():
        import psycopg2

        return psycopg2

    def connect(self):
        driver = self.driver()
        connection = driver.connect(self.url)
        connection.autocommit = True
        as_text = driver.extensions.new_type((114, 3802), "JSON", lambda value, _: value)
        driver.extensions.register_type(as_text, connection)
        with connection.cursor() as cursor:
            cursor.execute("SET TimeZone = 'UTC'")
            cursor.execute(
                "SELECT schemaname FROM pg_tables WHERE tablename = '_penstock_state' ORDER BY 1"
            )
            schema = cursor.fetchone()
            cursor.execute("SELECT set_config('search_path', %s, false)", schema or ("public",))
        return connection

    def schema(self):
        return self.query("SELECT current_schema() AS name")[0]["name"]

    @staticmethod
    def is_missing(error):
        return error.pgcode in ("42P01", "3F000")


class MariaDb(ServerDatabase):
    """A MariaDB or MySQL database."""

    kind = "mysql"
    transactional_ddl = False
    type_column = "column_type"

    @staticmethod
    def driver():
        import pymysql

        return pymysql

    def connect(self):
        return self.driver().connect(
            host=self.parts.hostname,
            port=self.parts.port or 3306,
            user=self.parts.username,
            password=self.parts.password or "",
            database=self.name or None,
            charset="utf8mb4",
            autocommit=True,
            init_command="SET SESSION sql_mode = 'ANSI_QUOTES', time_zone = '+00:00'",
        )

    def schema(self):
        return self.name

    @staticmethod
    def is_missing(error):
        return error.args[0] in (1049, 1146)

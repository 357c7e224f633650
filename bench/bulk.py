"""The databases' own bulk tools, into tables like those that Penstock made."""

import subprocess
import time


def timed(function, *arguments):
    start = time.monotonic()
    function(*arguments)
    return time.monotonic() - start


class PostgresBulk:
    """psql and \\copy."""

    name = "PostgreSQL"
    tool = "psql \\copy"

    def __init__(self):
        from servers import Postgres

        self.server = Postgres()
        self.url = f"{self.server.url}/postgres"

    def run(self, sql):
        command = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", self.url]
        subprocess.run(command, input=sql, text=True, check=True, stdout=subprocess.DEVNULL)

    def fresh(self):
        self.run(
            "SET client_min_messages = warning; DROP SCHEMA IF EXISTS pipedrive CASCADE;"
            "DROP SCHEMA IF EXISTS bulk CASCADE; CREATE SCHEMA bulk;"
        )

    @staticmethod
    def names(columns):
        return ", ".join(f'"{column}"' for column in columns)

    def first(self, file, table, columns):
        self.run(f"CREATE TABLE bulk.{table} (LIKE pipedrive.{table} INCLUDING ALL);")
        return timed(self.run, f"\\copy bulk.{table} ({self.names(columns)}) from '{file}'\n")

    def pages(self, files):
        """files: a table's columns and its files. A transaction a file, all in one session."""
        for table in files:
            self.run(f"CREATE TABLE bulk.{table} (LIKE pipedrive.{table} INCLUDING ALL);")
        script = "".join(
            f"BEGIN;\n\\copy bulk.{table} ({self.names(columns)}) from '{file}'\nCOMMIT;\n"
            for table, (columns, paths) in files.items()
            for file in paths
        )
        return timed(self.run, script)

    def changed(self, file, table, columns):
        sets = ", ".join(f'"{name}" = excluded."{name}"' for name in columns[1:])
        sql = f"BEGIN; CREATE TEMP TABLE fresh (LIKE bulk.{table}) ON COMMIT DROP;\n"
        sql += f"\\copy fresh ({self.names(columns)}) from '{file}'\n"
        sql += (
            f"INSERT INTO bulk.{table} SELECT * FROM fresh ON CONFLICT (id) DO UPDATE SET {sets};"
        )
        return timed(self.run, f"{sql} COMMIT;")


class MariaDbBulk:
    """The client's LOAD DATA."""

    name = "MariaDB"
    tool = "LOAD DATA"

    def __init__(self):
        from servers import MariaDb

        self.server = MariaDb()
        self.url = f"{self.server.url}/bench"

    def run(self, sql):
        address = ["--host=127.0.0.1", f"--port={self.server.port}", "--user=root"]
        command = ["mariadb", "--no-defaults", "--local-infile=1", *address]
        subprocess.run(command, input=sql, text=True, check=True, stdout=subprocess.DEVNULL)

    def fresh(self):
        self.run("DROP DATABASE IF EXISTS bench; DROP DATABASE IF EXISTS bulk;")

    def load(self, file, table, columns, how):
        quoted = ",".join(f"`{column}`" for column in columns)
        sql = f"LOAD DATA LOCAL INFILE '{file}' {how} INTO TABLE bulk.{table}"
        return timed(self.run, f"{sql} CHARACTER SET utf8mb4 ({quoted});")

    def first(self, file, table, columns):
        self.run(f"CREATE DATABASE bulk; CREATE TABLE bulk.{table} LIKE bench.{table};")
        return self.load(file, table, columns, "")

    def changed(self, file, table, columns):
        return self.load(file, table, columns, "REPLACE")

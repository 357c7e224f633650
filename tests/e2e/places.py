"""Databases and users of private servers, for tests about what a person may get wrong with them.

A Place is a database that does not hold anything yet, and a user who may fill it, with a password."""

import itertools
import pathlib
import sys
import urllib.parse

import destinations

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parents[1]))
from servers import MariaDb, Postgres

PASSWORD = "Zauberwort#4711/geheim@"  # every character that URLs have trouble with
PARTS = ("Zauberwort", "4711", "geheim")
NUMBERS = itertools.count(1)


class Place:
    """What both kinds share; a kind has admin(), new_user(), restore() and the SQL that differs."""

    def __init__(self, server, database=None, create=True):
        number = next(NUMBERS)
        self.server = server
        self.user = f"writer{number}"
        self.database = database or f"crm{number}"
        self.new_user()
        if create:
            self.new_database()
        self.stored = self.reader(self.database)

    @property
    def address(self):
        return f"127.0.0.1:{self.server.port}"

    def address_url(self, login=None, address=None, database=None, query=""):
        """The user's URL, or one that differs in a part."""
        login = login or f"{self.user}:{urllib.parse.quote(PASSWORD, safe='')}"
        database = self.database if database is None else database
        return f"{self.scheme}://{login}@{address or self.address}/{database}{query}"

    @property
    def url(self):
        return self.address_url()

    def reader(self, database):
        """Who reads as an administrator what was written."""
        parts = urllib.parse.urlsplit(self.server.url)
        return self.destination(f"{parts.scheme}://{parts.netloc}/{database}")

    def connect(self, database=None):
        """A session of an administrator: a DB-API connection without transactions."""
        connection = self.reader(self.database if database is None else database).connect()
        if self.kind == "mysql":
            self.do(connection, "SET SESSION sql_mode = ''")
        return connection

    @staticmethod
    def do(connection, *statements):
        rows = []
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
                rows = cursor.fetchall() if cursor.description else []
        return rows

    def admin(self, *statements, database=None):
        """What an administrator does; the rows of the last statement."""
        connection = self.connect(database)
        try:
            return self.do(connection, *statements)
        finally:
            connection.close()

    def value(self, sql):
        return self.admin(sql)[0][0]


class PostgresPlace(Place):
    kind = scheme = "postgres"
    destination = destinations.Postgres
    schema = "pipedrive."
    old = "9.6"

    def new_user(self):
        self.admin(f"CREATE ROLE {self.user} LOGIN PASSWORD '{PASSWORD}'", database="postgres")

    def new_database(self, options=""):
        self.admin(
            f"CREATE DATABASE {self.database} OWNER {self.user} {options}", database="postgres"
        )


class MariaDbPlace(Place):
    kind = scheme = "mysql"
    destination = destinations.MariaDb
    schema = ""
    old = "5.5"

    def new_user(self):
        self.admin(f"CREATE USER {self.user}@'%' IDENTIFIED BY '{PASSWORD}'", database="")

    def new_database(self, options=""):
        self.admin(
            f"CREATE DATABASE `{self.database}` {options}",
            f"GRANT ALL PRIVILEGES ON `{self.database}`.* TO {self.user}@'%'",
            database="",
        )


PLACES = {"postgres": PostgresPlace, "mariadb": MariaDbPlace}


def start(kind):
    """A private server; everybody but the administrator needs a password."""
    if kind == "mariadb":
        return MariaDb()
    server = Postgres()
    (server.folder / "data/pg_hba.conf").write_text(
        "host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
    )
    reload_postgres(server)
    return server


def reload_postgres(server):
    connection = destinations.Postgres(f"{server.url}/postgres").connect()
    Place.do(connection, "SELECT pg_reload_conf()")
    connection.close()

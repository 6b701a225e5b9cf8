"""PostgreSQL of this machine's packages, for the time of a test; it refuses to run as root."""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path

from live.commands import HOST, CommandError, run

PORT = 5442
ACCOUNT = "postgres"
#: Pods, as the database sees them.
CLIENTS = "10.244.0.0/24"


class Postgres:
    """A database `airflow` in a folder of its own, reached from the pods."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.password = secrets.token_urlsafe(18)

    @property
    def url(self) -> str:
        return f"postgresql+psycopg2://airflow:{self.password}@{HOST}:{PORT}/airflow"

    def up(self) -> None:
        self.folder.mkdir(mode=0o755, parents=True)
        shutil.chown(self.folder, ACCOUNT, ACCOUNT)
        self.tool("initdb", "--pgdata", self.data, "--auth-local", "peer", "--auth-host", "scram-sha-256")
        with (self.data / "pg_hba.conf").open("a") as rules:
            rules.write(f"host airflow airflow {CLIENTS} scram-sha-256\n")
        # A test's database never outlives its machine, so nothing waits for the disk.
        options = f"-c listen_addresses={HOST} -c port={PORT} -c unix_socket_directories={self.folder} -c fsync=off"
        self.tool(
            "pg_ctl", "start", "--wait", "--pgdata", self.data, "--log", self.folder / "log", "--options", options
        )
        self.sql(f"CREATE ROLE airflow LOGIN PASSWORD '{self.password}'")
        self.sql("CREATE DATABASE airflow OWNER airflow")

    def down(self) -> None:
        if (self.data / "postmaster.pid").exists():
            self.tool("pg_ctl", "stop", "--mode", "immediate", "--pgdata", self.data)
        shutil.rmtree(self.folder, ignore_errors=True)

    def sql(self, statement: str, database: str = "postgres") -> str:
        call = ("psql", "--host", self.folder, "--port", str(PORT), "--dbname", database)
        return self.tool(*call, "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1", "--command", statement)

    def tool(self, name: str, *arguments: str | Path) -> str:
        return run("runuser", "--user", ACCOUNT, "--", program(name), *arguments, limit=120)


def program(name: str) -> Path:
    """A program of the server's package, the newest version."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    if not found:
        raise CommandError(f"no {name}: apt-get install postgresql")
    return found[-1]

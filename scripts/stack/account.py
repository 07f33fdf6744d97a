"""Who PostgreSQL runs as: it refuses root, and users that have no name on this machine.

Three ways for root, the first that works: the user `nobody`, when it can reach the programs and
the data; a user namespace in which root looks like `nobody`; programs and data moved to a folder
that `nobody` can reach. A nameless user, as containers have them, gets the namespace.
"""

import asyncio
import hashlib
import os
import pwd
import shutil
from dataclasses import dataclass
from pathlib import Path

from scripts.stack.process import Account, StartError

OVERFLOW_ID = 65534
PUBLIC_FOLDER = Path("/var/tmp")  # our folder in it must belong to root
PROBE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Home:
    """Where the server's programs and data are, and the account that runs it."""

    programs: Path
    data: Path
    account: Account


async def choose_home(programs: Path, folder: Path) -> Home:
    """Settle programs, data and account; the folder exists then and belongs to that account."""
    data = await asyncio.to_thread(_resolved, folder)
    user = os.geteuid()
    if user != 0 and _has_a_name(user):
        return Home(programs, data, Account())
    namespaced = Account(
        ("unshare", "-U", f"--map-user={OVERFLOW_ID}", f"--map-group={OVERFLOW_ID}")
    )
    if user != 0:
        if await _runs(programs, namespaced):
            return Home(programs, data, namespaced)
        raise StartError(
            f"PostgreSQL refuses to run as the user id {user}, which has no name here, and user"
            " namespaces are off. Add the user to /etc/passwd, or set DATABASE_URL to a"
            " PostgreSQL of your own."
        )
    return await _choose_for_root(programs, folder, data, namespaced)


async def _choose_for_root(programs: Path, folder: Path, data: Path, namespaced: Account) -> Home:
    nobody = pwd.getpwnam("nobody")
    dropped = Account(user=nobody.pw_uid, group=nobody.pw_gid)
    if _reachable(programs) and _reachable(data) and await _runs(programs, dropped):
        return _owned(Home(programs, data, dropped), nobody.pw_uid, nobody.pw_gid)
    if await _runs(programs, namespaced):
        return _owned(Home(programs, data, namespaced), 0, 0)
    home = await asyncio.to_thread(_moved, programs, folder, dropped)
    if await _runs(home.programs, dropped):
        return _owned(home, nobody.pw_uid, nobody.pw_gid)
    raise StartError(
        "PostgreSQL refuses to run as root, and neither the user `nobody` nor a user namespace"
        " can run it here. Start Quintet as an ordinary user, or set DATABASE_URL to a PostgreSQL"
        " of your own."
    )


def _has_a_name(user: int) -> bool:
    try:
        pwd.getpwuid(user)
    except KeyError:
        return False
    return True


def _resolved(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder.resolve()


def _reachable(path: Path) -> bool:
    return all(parent.stat().st_mode & 0o001 for parent in path.resolve().parents)


async def _runs(programs: Path, account: Account) -> bool:
    """Whether the account can execute the server at all."""
    try:
        probe = await asyncio.create_subprocess_exec(
            *account.prefix,
            str(programs / "postgres"),
            "--version",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            user=account.user,
            group=account.group,
            extra_groups=account.groups,
        )
    except OSError:
        return False
    return await asyncio.wait_for(probe.wait(), PROBE_SECONDS) == 0


def _owned(home: Home, user: int, group: int) -> Home:
    """Give the data to the account; a start as another user may have left it to somebody else."""
    if home.data.stat().st_uid != user:
        for path in (home.data, *home.data.rglob("*")):
            os.chown(path, user, group, follow_symlinks=False)
    return home


def _moved(programs: Path, folder: Path, account: Account) -> Home:
    """Copy the programs, and move the data behind a link, to where `nobody` can reach both."""
    package = programs.parents[1]
    key = hashlib.sha256(f"{package}|{folder.absolute()}".encode()).hexdigest()[:12]
    home = PUBLIC_FOLDER / f"quintet-{key}"
    home.mkdir(exist_ok=True)
    if home.is_symlink() or home.stat().st_uid != 0:
        raise StartError(f"{home} belongs to somebody else; remove it and start again")
    home.chmod(0o711)
    data = home / "data"
    if folder.resolve() != data:
        if data.exists():  # of a folder that was removed since
            shutil.rmtree(data)
        shutil.move(folder.resolve(), data)
        folder.unlink(missing_ok=True)
        folder.symlink_to(data)
    return Home(_copied(package, home) / programs.relative_to(package), data, account)


def _copied(package: Path, home: Path) -> Path:
    """The package and the libraries beside it, copied once."""
    copy = home / package.name
    if copy.exists():
        return copy
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, home / libraries.name, dirs_exist_ok=True)
    unfinished = home / f"{package.name}.new"
    shutil.rmtree(unfinished, ignore_errors=True)
    shutil.copytree(package, unfinished)
    return unfinished.rename(copy)

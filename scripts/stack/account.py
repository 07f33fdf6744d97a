"""Who PostgreSQL runs as: it refuses root, so root hands it to somebody else.

Three ways, the first that works: the user `nobody`, when it can reach the programs and the data;
a user namespace in which root looks like `nobody`; programs and data moved to a folder that
`nobody` can reach.
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


async def choose_home(programs: Path, data: Path) -> Home:
    """Settle programs, data and account; `data` exists afterwards and belongs to that account."""
    data = await asyncio.to_thread(_folder, data)
    if os.geteuid() != 0:
        return Home(programs, data, Account())
    nobody = pwd.getpwnam("nobody")
    dropped = Account(user=nobody.pw_uid, group=nobody.pw_gid)
    namespaced = Account(
        ("unshare", "-U", f"--map-user={OVERFLOW_ID}", f"--map-group={OVERFLOW_ID}")
    )
    if _reachable(programs) and _reachable(data) and await _runs(programs, dropped):
        return _owned(Home(programs, data, dropped), nobody.pw_uid, nobody.pw_gid)
    if await _runs(programs, namespaced):
        return _owned(Home(programs, data, namespaced), 0, 0)
    home = await asyncio.to_thread(_moved, programs, data, dropped)
    if await _runs(home.programs, dropped):
        return _owned(home, nobody.pw_uid, nobody.pw_gid)
    raise StartError(
        "PostgreSQL refuses to run as root, and neither the user `nobody` nor a user namespace"
        " can run it here. Start Quintet as an ordinary user, or set DATABASE_URL to a PostgreSQL"
        " of your own."
    )


def _folder(data: Path) -> Path:
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    return data.resolve()


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


def _moved(programs: Path, data: Path, account: Account) -> Home:
    """Copy the programs, and move the data behind a link, to where `nobody` can reach both."""
    package = programs.parents[1]
    libraries = package.with_name(f"{package.name}.libs")
    key = hashlib.sha256(f"{package}|{data}".encode()).hexdigest()[:12]
    home = PUBLIC_FOLDER / f"quintet-{key}"
    home.mkdir(mode=0o711, exist_ok=True)
    if home.stat().st_uid != 0 or home.is_symlink():
        raise StartError(f"{home} belongs to somebody else; remove it and start again")
    target = home / package.name
    if not target.exists():
        if libraries.exists():
            shutil.copytree(libraries, home / libraries.name, dirs_exist_ok=True)
        unfinished = home / f"{package.name}.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.copytree(package / programs.parent.name, unfinished / programs.parent.name)
        unfinished.rename(target)
    moved = home / "data"
    if data != moved:
        shutil.move(data, moved)
        data.symlink_to(moved)
    return Home(target / programs.parent.name / programs.name, moved, account)

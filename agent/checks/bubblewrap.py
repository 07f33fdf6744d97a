"""What a check's command may see and touch, said to bubblewrap."""

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from shared.errors import ConfigurationError

_TMP = Path("/tmp").resolve()  # noqa: S108 - it is what gets covered
# Other programs listen on sockets there, and Docker keeps its secrets there.
_RUN = Path("/run").resolve()
# What a program needs to run at all, wherever it is installed.
_PROGRAMS = (
    Path(sys.prefix),
    Path(sys.base_prefix),
    Path(__file__).parent,
    Path("/run/current-system"),  # NixOS keeps its programs there
)
_ISOLATION = (
    *("--unshare-pid", "--unshare-net", "--unshare-ipc"),
    *("--new-session", "--die-with-parent"),
    # root would keep the right to mount, and so to undo everything above
    *("--cap-drop", "ALL"),
)


def shut_in(
    command: Sequence[str],
    *,
    folder: Path,
    scratch: Path,
    readable: Sequence[Path] = (),
    hidden: Sequence[Path] = (),
) -> list[str]:
    """The command line that runs `command` in `folder`, where only that and `scratch` are writable.

    Of what lies below `hidden`, only what is `readable` can be seen.
    """
    bubblewrap = shutil.which("bwrap")
    if bubblewrap is None:
        raise ConfigurationError(
            "checks cannot be shut in: there is no bubblewrap",
            remedy="install bubblewrap, or set AGENT_SANDBOX to off",
        )
    folder, scratch = folder.resolve(), scratch.resolve()
    covered = {path.resolve() for path in (_TMP, _RUN, *hidden) if _is_there(path)}
    shown = {path.resolve() for path in (*readable, *_PROGRAMS)}
    words = [bubblewrap, *_ISOLATION, "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"]
    for _, mount in sorted(_mounts(covered, shown, {folder, scratch})):
        words += mount
    for path in sorted(covered - {_TMP}):
        if path.is_dir():
            words += ["--remount-ro", str(path)]
    return [*words, "--chdir", str(folder), "--", *command]


def _is_there(path: Path) -> bool:
    return os.path.exists(path)  # noqa: PTH110 - this one is False where we may not look


def _mounts(
    covered: set[Path], shown: set[Path], writable: set[Path]
) -> Iterator[tuple[tuple[int, int], list[str]]]:
    """Mounts with their order: what is deeper comes later, and lies over what it is in."""
    for path in covered:
        empty = ["--tmpfs"] if path.is_dir() else ["--ro-bind", "/dev/null"]
        yield (len(path.parts), 0), [*empty, str(path)]
    for path in shown:
        if any(path.is_relative_to(cover) for cover in covered):
            yield (len(path.parts), 1), ["--ro-bind-try", str(path), str(path)]
    for path in writable:
        yield (len(path.parts), 2), ["--bind", str(path), str(path)]

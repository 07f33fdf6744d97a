"""What the system refuses the stack is said in words that tell what to do."""

import errno
import os
import pwd
from pathlib import Path

import psutil
import pytest

from scripts.stack import __main__ as stack
from scripts.stack import settings as stack_settings
from scripts.stack.process import StartError
from scripts.stack.settings import StackSettings
from scripts.stack.state import Notices


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StackSettings:
    """A stack of this test's."""
    monkeypatch.setenv("QUINTET_HOME", str(tmp_path / "home"))
    return StackSettings.load(tmp_path)


def test_a_disk_without_room_is_said_before_anything_starts(
    settings: StackSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.prepare_home()
    monkeypatch.setattr(stack_settings, "NEEDED_BYTES", 1 << 60)
    with pytest.raises(StartError, match=r"only \d+ MB are free where .*/home is.*QUINTET_HOME"):
        settings.prepare_home()


@pytest.mark.parametrize(
    ("command", "heading"),
    [("up", "not start"), ("down", "not be stopped"), ("status", "not be looked at")],
)
def test_somebody_elses_stack_is_said_to_be_theirs(
    command: str,
    heading: str,
    settings: StackSettings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings.prepare_home()
    lock = settings.run / "lock"
    lock.touch()

    def refused(_: Notices) -> int:  # what open() does here, also when root runs the tests
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(lock))

    monkeypatch.setattr(Notices, "supervisor", refused)
    assert stack.main([command]) == 1
    said = capsys.readouterr().out
    assert heading in said
    assert f"belongs to {pwd.getpwuid(os.geteuid()).pw_name}," in said
    assert f"{lock}: Permission denied." in said


def test_a_folder_that_cannot_be_is_named(
    settings: StackSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.home.write_text("a file where the folder should be")
    assert stack.main(["up"]) == 1
    assert f"{settings.home}: File exists. Mend that" in capsys.readouterr().out


def test_a_full_disk_and_a_foreign_process_have_their_remedies() -> None:
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert stack.remedy(full).startswith("No space left on device. Make room on the disk of")
    assert "as root" in stack.remedy(psutil.AccessDenied(7))

"""The launcher alone: what it passes on, and what it leaves behind (nothing)."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest

from agent.process_tree import LAUNCHER, MARKER, find_launcher, marked, sweep, write_launch_script
from tests.escapee import escape_to, gone, pid_in


def launch(
    command: Sequence[str], *directories: Path, names: str = "PATH", parent: int | None = None
) -> subprocess.Popen[str]:
    """The launcher as the session starts it."""
    launcher = [sys.executable, "-IS", str(LAUNCHER), str(parent or os.getpid()), names]
    words = [*launcher, *map(str, directories), "--", *command]
    environment = {**os.environ, "KEPT": "yes", "DATABASE_URL": "secret"}
    return subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True)


def test_only_named_variables_and_the_exit_code_pass() -> None:
    with launch(["/bin/sh", "-c", "env; exit 7"], names="KEPT,ABSENT") as launcher:
        seen, _ = launcher.communicate(timeout=5)
    assert launcher.returncode == 7
    assert {line.split("=")[0] for line in seen.splitlines()} <= {"KEPT", "PWD", "_", "SHLVL"}
    assert "KEPT=yes" in seen


def test_a_signal_becomes_128_and_its_number() -> None:
    with launch(["/bin/sh", "-c", "kill -9 $$"]) as launcher:
        assert launcher.wait(timeout=5) == 137


def test_a_missing_program_is_said(capfd: pytest.CaptureFixture[str]) -> None:
    with launch(["/no/such/program"]) as launcher:
        assert launcher.wait(timeout=5) == 127
    assert "/no/such/program" in capfd.readouterr().err


def test_without_its_parent_it_starts_nothing(tmp_path: Path) -> None:
    with launch(["/usr/bin/touch", str(tmp_path / "ran")], parent=1) as launcher:
        assert launcher.wait(timeout=5) == 1
    assert not (tmp_path / "ran").exists()


def test_who_escaped_ends_with_the_command(tmp_path: Path) -> None:
    script = 'while [ ! -e "$0" ]; do sleep 0.01; done'
    pid_file = tmp_path / "pid"
    shell = ["/bin/sh", "-c", f'"$@"; {script}', str(pid_file)]
    with launch([*shell, *escape_to(pid_file)]) as launcher:
        assert launcher.wait(timeout=5) == 0
    assert gone(pid_in(pid_file))


def test_a_crowd_that_keeps_growing_ends(tmp_path: Path) -> None:
    grower = "while :; do sleep 30 & echo x; sleep 0.005; done"
    with launch(["/bin/sh", "-c", grower]) as launcher:
        assert launcher.stdout is not None
        for _ in range(20):
            launcher.stdout.readline()
        tree = psutil.Process(launcher.pid).children(recursive=True)
        launcher.send_signal(signal.SIGTERM)
        assert launcher.wait(timeout=5) == 128 + signal.SIGTERM
    assert len(tree) > 20
    assert not any(process.is_running() for process in tree)


def test_a_stopped_process_ends_too(tmp_path: Path) -> None:
    script = 'echo $$ > "$0.part"; mv "$0.part" "$0"; kill -STOP $$'
    with launch(["/bin/sh", "-c", script, str(tmp_path / "pid")]) as launcher:
        pid = pid_in(tmp_path / "pid")
        launcher.send_signal(signal.SIGTERM)
        launcher.wait(timeout=5)
    assert gone(pid)


def test_what_is_temporary_goes_and_what_it_links_to_stays(tmp_path: Path) -> None:
    for name in ("-rf odd", "kept"):
        (tmp_path / name / "deep").mkdir(parents=True)
    (tmp_path / "-rf odd/link").symlink_to(tmp_path / "kept")
    with launch(["/bin/true"], tmp_path / "-rf odd", tmp_path / "absent") as launcher:
        assert launcher.wait(timeout=5) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert (tmp_path / "kept/deep").is_dir()


def test_it_is_small() -> None:
    with launch(["/bin/sleep", "30"]) as launcher:
        program = psutil.Process(launcher.pid)
        while not program.children():
            time.sleep(0.005)
        private = program.memory_full_info().uss
        launcher.terminate()
    assert private < 10 * 1024 * 1024


def test_the_script_hides_values_and_survives_odd_paths(tmp_path: Path) -> None:
    folder = tmp_path / "it's a (strange) $HOME"
    folder.mkdir()
    command = ["/bin/sh", "-c", 'echo "$1" "$KEPT"', "x"]
    script, pid_file = write_launch_script(folder, command, ["KEPT"])
    environment = {**os.environ, "KEPT": "value-of-it"}
    shown = subprocess.run(
        [script, "a  'b'"], env=environment, capture_output=True, text=True, check=True
    )
    assert shown.stdout == "a  'b' value-of-it\n"
    assert "value-of-it" not in script.read_text()
    assert script.stat().st_mode & 0o777 == 0o700
    assert find_launcher(pid_file) is None


async def test_a_sweep_takes_marked_processes_and_no_others() -> None:
    sleep = ["/bin/sleep", "30"]

    def start(marker: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(sleep, env={MARKER: marker}, start_new_session=True)

    with start("me/1/2") as mine, start("me/1/3") as sibling, start("me-too") as other:
        assert await sweep("me/1/2") == ()
        assert mine.wait(5) == -signal.SIGKILL
        assert {process.pid for process in marked("me")} == {sibling.pid}
        assert await sweep("me") == ()
        assert sibling.wait(5) == -signal.SIGKILL
        assert other.poll() is None
        other.kill()

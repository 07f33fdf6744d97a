"""The simulator as a process: where it says it is, how it stops, what it refuses to start with."""

import asyncio
import signal
import sys
from pathlib import Path

import httpx
import pytest

from scripts.claude_simulator.__main__ import main

ROOT = Path(__file__).parents[2]


async def test_process_says_where_it_is_and_stops_when_told() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "scripts.claude_simulator", "--port", "0", "--delay", "0"),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(15):
            line = (await process.stdout.readline()).decode()
            async with httpx.AsyncClient(timeout=5) as client:
                health = await client.get(f"{line.split()[3]}/health")
            process.send_signal(signal.SIGTERM)
            code = await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert line.startswith("Simulated model on http://127.0.0.1:")
    assert health.json() == {"status": "ok", "simulated": True}
    assert code in (0, -signal.SIGTERM)


def test_broken_scenario_stops_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "odd.toml").write_text("[match]\nwords = []\n")
    monkeypatch.setattr(sys, "argv", ["sim", "--port", "0", "--scenarios", str(tmp_path)])
    assert main() == 2
    assert "claude_simulator: odd.toml: match.words: " in capsys.readouterr().err

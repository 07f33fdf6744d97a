"""What a session's processes know of the outside."""

import sys
from pathlib import Path

from agent.environment import secrets_of, session_environment


def test_only_listed_variables_come_in(tmp_path: Path) -> None:
    outside = {
        "DATABASE_URL": "postgresql://a:b@c/d",
        "ANTHROPIC_API_KEY": "outer",
        "AWS_SECRET_ACCESS_KEY": "x",
        "LD_PRELOAD": "/tmp/evil.so",
        "PYTHONPATH": "/somewhere",
        "LANG": "de_DE.UTF-8",
        "HTTPS_PROXY": "http://proxy",
        "PATH": "/usr/bin",
    }
    inside = session_environment(outside, {}, scratch=tmp_path)
    assert inside["LANG"] == "de_DE.UTF-8"
    assert inside["HTTPS_PROXY"] == "http://proxy"
    assert not inside.keys() & (outside.keys() - {"LANG", "HTTPS_PROXY", "PATH"})


def test_what_is_given_wins(tmp_path: Path) -> None:
    given = {"ANTHROPIC_API_KEY": "given", "LANG": "C"}
    inside = session_environment({"LANG": "de"}, given, scratch=tmp_path)
    assert inside["ANTHROPIC_API_KEY"] == "given"
    assert inside["LANG"] == "C"


def test_python3_is_ours_and_files_go_to_scratch(tmp_path: Path) -> None:
    inside = session_environment({"PATH": "/usr/bin"}, {}, scratch=tmp_path)
    assert inside["PATH"] == f"{Path(sys.executable).parent}:/usr/bin"
    assert {inside["HOME"], inside["TMPDIR"]} == {str(tmp_path)}
    assert inside["MPLBACKEND"] == "Agg"
    assert Path(inside["MPLCONFIGDIR"]).is_relative_to(tmp_path)


def test_a_path_is_there_even_when_the_outside_has_none(tmp_path: Path) -> None:
    assert "/usr/bin" in session_environment({}, {}, scratch=tmp_path)["PATH"].split(":")


def test_secrets_are_known_by_their_names() -> None:
    environment = {"ANTHROPIC_API_KEY": "k1", "AUTH_TOKEN": "t1", "LANG": "C", "DB_PASSWORD": ""}
    assert secrets_of(environment) == ("k1", "t1")

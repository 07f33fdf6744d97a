"""Which programs a command runs, and which it only mentions."""

import pytest

from agent.claim_shell import segments_of
from agent.claim_words import done_by
from agent.evidence import match_claims
from agent.tool_log import ToolCall
from shared.models import Claim


def programs(command: str) -> list[str]:
    """What stands at the starts of each segment that does more than print."""
    call = ToolCall("Bash", {"command": command}, True, "", None)
    return [" ".join(each.words[at] for at in each.starts) for each in done_by(call)]


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("pytest -q", ["pytest"]),
        (
            "cd x && ls; make -j4 | tee log || wc log & sort",
            ["cd", "ls", "make", "tee", "wc", "sort"],
        ),
        ("ls\nmake \\\n  test\n# pytest", ["ls", "make"]),
        ("(cd a; pytest)", ["cd", "pytest"]),
        ("if ! pytest; then make; fi", ["pytest", "make"]),
        ("for f in a b; do wc $f; done", ["for", "wc"]),
        ("A=1 B=2 pytest", ["A=1 B=2 pytest"]),
        ("timeout -k 5 60 nice -n 10 env -i X=1 pytest", ["timeout nice env X=1 pytest"]),
        ("time python3 -X dev -m pytest -q", ["time python pytest"]),
        (".venv/bin/python3.11 ./run.py x", [".venv/bin/python3.11 run.py"]),
        ("python3 -c 'import x' y.py", ["python"]),
        ("uv run --quiet pytest", ["uv pytest"]),
        ("coverage run -m pytest", ["coverage pytest"]),
        ("npx --no-install tsc", ["npx tsc"]),
        ("find . -name '*.py' -exec python3 -m mypy {} +", ["find python mypy"]),
        ("ls | xargs -n 1 wc", ["ls", "xargs wc"]),
        ("bash -lc 'cd x && pytest -q'", ["bash", "cd", "pytest"]),
        ("bash <<EOF\npytest\nEOF\nls", ["bash", "pytest", "ls"]),
        ("bash run.sh", ["bash run.sh"]),
        ("x=$(pytest -q) && ls", ["x=$", "pytest", "ls"]),
        ("x=`pytest -q`; ls", ["x=", "pytest", "ls"]),
        ('x="$(pytest -q 2>&1)"', ["x=$", "pytest"]),
        ("diff <(sort a) <(uniq b)", ["diff", "sort", "uniq"]),
        ("wc -l < a.txt > b.txt 2>/dev/null", ["wc"]),
        ("echo pytest > run.sh", ["echo"]),
        ("python3 - <<'EOF'\npytest -q\nEOF", ["python"]),
        # only mentioned
        ("echo pytest; printf pytest; : pytest; true", []),
        ("echo $(date) pytest", ["date"]),
        ('echo "$(date) pytest"', ["date"]),
        ("grep -r 'x; pytest -q' .", ["grep"]),
        ("cat <<EOF\npytest\nEOF", []),
        ("command -v pytest", ["command"]),
        ("pytest() { :; }; a=(pytest -q)", ["", "", ""]),
        ("pip show pytest", ["pip"]),
        ("'' pytest", [""]),
        ("", []),
    ],
)
def test_programs_stand_where_they_begin(command: str, expected: list[str]) -> None:
    assert programs(command) == expected


def test_odd_commands_are_read_too() -> None:
    for odd in (
        "$((1 << 2))",
        "find . -exec find . -exec ls",
        ") pytest",
        "`",
        "a <<",
        "\\",
        "case",
    ):
        assert segments_of(odd * 500) is not None


def judged(kind: str, what: str, command: str) -> bool:
    """Whether this command supports the claim."""
    claim = Claim.model_validate({"kind": kind, "what": what})
    call = ToolCall("Bash", {"command": command}, True, "fine", None)
    (found,) = match_claims([claim], [call], [], lambda _: True)
    return found.supported


FALSE = [
    ("pytest", "pip show pytest"),
    ("pytest, all passed", "pip show pytest"),
    ("Ran the tests", "pip show pytest"),
    ("Ran the tests", "echo 'pytest -q'"),
    ("pytest -q", "grep -r 'pytest -q' ."),
    ("pytest -q", "# pytest -q"),
    ("pytest -q", "echo pytest -q | cat"),
    ("pytest -q", "cat <<EOF\npytest -q\nEOF"),
    ("pytest -q", "cat > run.sh <<EOF\npytest -q\nEOF"),
    ("pytest -q", "X='pytest -q'"),
    ("pytest", "pytest --version"),
    ("pytest, all passed", "python -m pytest --collect-only -q"),
    ("Ran the test suite", "pytest --help"),
    ("make test", "ls make test"),
    ("npm test", "ls npm test"),
    ("ruff check src and mypy src", "ruff check src && pip show mypy src"),
    ("ruff + mypy", "ruff check . && pip list | grep mypy"),
    ("python3 analyze.py", "python3 -m py_compile analyze.py"),
    ("python3 analyze.py", "python3 other.py && git add analyze.py"),
    ("Executed analyze.py", "git add analyze.py"),
    ("Ran analyze.py with python3", "python3 other.py; git add analyze.py"),
    ("analyze.py", "ruff check analyze.py"),
    ("Checked report.md", "echo report.md"),
    ("Ran pytest (see below); ls -l", "ls -l"),
    ("trained the model for 5 epochs", "echo trained the model for 5 epochs"),
]
HONEST = [
    ("pytest -q", "cd src && timeout 60 python -m pytest -q tests"),
    ("pytest", "OUT=\"$(python3 -m pytest -q 2>&1)\"; echo \"$OUT\" | tail -3"),
    ("pytest", "PYTHONPATH=. .venv/bin/pytest -q"),
    ("pytest", "for f in a b; do pytest $f; done"),
    ("Ran the tests", "./run_tests.sh"),
    ("Ran the tests", "python3 -c 'import pytest; pytest.main()'"),
    ("Ran the tests", "sudo -u app env CI=1 make test"),
    ("pytest --version", "pytest --version"),
    ("python3 a.py", "for f in a.py b.py; do python3 $f; done"),
    ("python3 a.py and python3 b.py", "python3 a.py | tee a.log; python3 b.py"),
    ("Ran analyze.py with python3", "cd x; python3 -u analyze.py"),
    ("Ran test_calc.py with pytest", "python3 -m pytest test_calc.py"),
    ("Formatted app.py", "yapf -i app.py"),
    ("Ran the linter on app.py", "pylint app.py"),
    ("Checked report.md", "markdownlint report.md"),
    ("awk over sales.csv", "cat ../sales.csv | awk -F, '{s+=$2} END {print s}'"),
    ("ls out | wc -l", "ls out | wc -l"),
    ("echo hello", "echo hello"),
    ("bash run.sh --fast", "bash -x run.sh --fast"),
    ("grep -rn TODO src", "grep -rn 'TODO' src"),
    ("make test", "make -s lint; make test 2>&1 | tail -5"),
    ("npm run build", "npm ci && npm run build"),
    ("python3 -c 'print(1 + 2)'", "python3 -c 'print(1 + 2)'"),
    ("sed on config.ini", "sed -i 's/a/b/; s/c/d/' config.ini"),
]  # fmt: skip
FETCHED = [
    ("curl -sS {url} -o x", True),
    ("timeout 5 wget -q '{url}'", True),
    ("for u in {url} https://b.example; do curl $u; done", True),
    ("U={url}; curl \"$U\" | head", True),
    ("echo {url} | xargs curl", True),
    ("echo {url} > urls; wget -i urls", True),
    ("cat > urls <<EOF\n{url}\nEOF\nwget -i urls", True),
    ("python3 - <<EOF\nimport requests\nrequests.get('{url}')\nEOF", True),
    ("python3 -c \"import urllib.request as u; u.urlopen('{url}')\"", True),
    ("BODY=$(curl -s {url})", True),
    ("echo 'curl {url}'", False),
    ("echo curl {url} | cat", False),
    ("grep -r 'curl {url}' .", False),
    ("# curl {url}", False),
    ("pip show requests {url}", False),
    ("curl https://b.example/; echo {url}", False),
    ("curl https://b.example/; grep {url} notes", False),
    ("cat <<EOF\ncurl {url}\nEOF", False),
]  # fmt: skip


@pytest.mark.parametrize(("what", "command"), FALSE)
def test_what_only_stands_in_another_command_was_not_run(what: str, command: str) -> None:
    assert not judged("ran_command", what, command)


@pytest.mark.parametrize(("what", "command"), HONEST)
def test_what_was_run_in_a_roundabout_way_was_run(what: str, command: str) -> None:
    assert judged("ran_command", what, command)


@pytest.mark.parametrize(("command", "fetched"), FETCHED)
def test_an_address_was_fetched_by_a_program_that_fetches(command: str, fetched: bool) -> None:
    url = "https://a.example/x"
    assert judged("fetched_url", url, command.replace("{url}", url)) is fetched

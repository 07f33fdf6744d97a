"""Commands that cannot fail, told by their words; and how checks are said to people."""

import pytest

from agent.checks.sure import surely_passes
from agent.checks.wording import LONGEST, describe
from shared.models import (
    Check,
    CommandCheck,
    FileExistsCheck,
    HttpStatusCheck,
    JsonSchemaCheck,
    SqlCountCheck,
    TextMatchesCheck,
)

CANNOT_FAIL = """
true
:
exit 0
exit 256
echo
echo done
echo "all tests pass"
printf '%s\\n' ok
 true ;
true # and nothing else
# nothing at all
"true"
\\true
/bin/true
/usr/bin/echo ok
command true
builtin echo ok
FOO=1 BAR="x y" true
FOO=1
exit '0'
pytest || true
pytest || :
pytest -q || exit 0
pytest||true
pytest || echo failed
pytest > log.txt 2>&1 || true
pytest >/dev/null 2>&1 || true
pytest; true
pytest; exit 0
pytest ; echo done
pytest && ruff check . ; echo done
pytest && mypy || true
true || pytest
true && echo ok
echo a && echo b && exit 0
pytest | true
pytest &
(pytest; true)
(exit 0)
{ pytest || true; }
(pytest) || true
{ pytest; } || (echo no; exit 0)
bash -c 'exit 0'
sh -c "pytest || true"
true > /dev/null
echo $STATUS
echo "a;b" '&& c'
pytest -k 'a or b' || true
test -f report.md || true
[ -f report.md ] || echo missing
""".strip("\n").split("\n")

MAY_FAIL = """
false
exit 1
exit
exit $?
exit $(pytest)
pytest
pytest -q
pytest && true
pytest && echo ok
pytest && exit 0
echo start && pytest
echo start; pytest
true; pytest
true | pytest
true; false
pytest || exit 1
pytest || (echo failed; exit 1)
pytest || exit 1; echo ok
! true
! pytest
! exec pytest || true
set -e; pytest; echo ok
set -o pipefail; pytest | true
exec pytest || true
FOO=1 exec pytest || true
command exec pytest || true
trap 'exit 1' EXIT; true
kill $$; true
eval pytest
. ./check.sh || true
test -f report.md
[ -f report.md ]
[[ -s report.md ]] && echo ok
echo ok > out/report.txt
(true) > out/report.txt
printf
truely
echo a#b && pytest
echo 'it is # not a comment' && pytest
echo "; true" && pytest
pytest "; true"
pytest '|| true'
pytest \\; true
pytest # || true
pytest -k "x || true"
true() { pytest; }; true
if pytest; then true; fi
for f in *.py; do python $f; done
A=$(pytest)
echo `pytest` && false
cat <<X
true ||
( true
true )
"true
bash -c pytest
bash -c 'true; pytest'
bash -ec 'pytest; true'
$CMD
env exit 0
pytest & wait $!
ruff check . && pytest || exit 2
""".strip("\n").split("\n")


@pytest.mark.parametrize("command", CANNOT_FAIL)
def test_what_cannot_fail_is_recognized(command: str) -> None:
    assert surely_passes(command)


@pytest.mark.parametrize("command", MAY_FAIL)
def test_what_may_fail_is_left_to_the_probe(command: str) -> None:
    assert not surely_passes(command)


def test_lines_are_commands_too() -> None:
    assert surely_passes("\n\npytest\ntrue\n")
    assert surely_passes("pytest ||\n  true")
    assert surely_passes("pytest \\\n  || true")
    assert surely_passes("")
    assert not surely_passes("true\npytest\n")
    assert not surely_passes("true # always\npytest")


@pytest.mark.parametrize(
    ("check", "line"),
    [
        (CommandCheck(kind="command", command="pytest \\\n  -q"), "pytest \\ -q"),
        (FileExistsCheck(kind="file_exists", path="a.md"), "a.md has at least 1 byte"),
        (FileExistsCheck(kind="file_exists", path="*", min_bytes=9), "* has at least 9 bytes"),
        (JsonSchemaCheck(kind="json_schema", json_schema="{}"), "output matches the schema"),
        (TextMatchesCheck(kind="text_matches", path="a", pattern="^b"), "a contains ^b"),
        (SqlCountCheck(kind="sql_count", query="SELECT 1"), "at least 1 from SELECT 1"),
        (HttpStatusCheck(kind="http_status", url="http://x/"), "GET http://x/ answers with 200"),
        (CommandCheck(kind="command", command="x" * 999), "x" * (LONGEST - 3) + "..."),
    ],
)
def test_a_check_is_said_in_one_line(check: Check, line: str) -> None:
    assert describe(check) == line

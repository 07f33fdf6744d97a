"""A plan's graph as a tree: nothing is lost, nothing is twice, every dependency can be read."""

from hypothesis import given, settings
from hypothesis import strategies as st

from ui.cli.plan_tree import Branch, Part, branches

KEYS = "abcdefghijklmnopqrstuvwxyz"


@st.composite
def plans(draw: st.DrawFn) -> list[Part]:
    """Any acyclic plan, in any order."""
    count = draw(st.integers(1, 12))
    parts = []
    for n in range(count):
        before = draw(st.sets(st.integers(0, n - 1), max_size=4)) if n else set()
        seconds = draw(st.integers(1, 100))
        parts.append(Part(KEYS[n], tuple(KEYS[each] for each in sorted(before)), seconds))
    return draw(st.permutations(parts))


def depth(branch: Branch) -> int:
    return len(branch.first) // 3


def ancestors(found: list[Branch], at: int) -> list[str]:
    """Those that the branch hangs from, read off the guides alone."""
    above, level = [], depth(found[at])
    for branch in reversed(found[:at]):
        if depth(branch) < level:
            above.append(branch.key)
            level = depth(branch)
    return above


@settings(max_examples=40, deadline=None)
@given(plans())
def test_every_dependency_is_above_or_said(parts: list[Part]) -> None:
    found = branches(parts)
    assert sorted(branch.key for branch in found) == sorted(part.key for part in parts)
    by_key = {part.key: part for part in parts}
    for at, branch in enumerate(found):
        above = ancestors(found, at)
        wanted = set(by_key[branch.key].dependencies)
        assert wanted == set(branch.after) | (wanted & set(above))
        assert not set(branch.after) & set(above)
        assert not above or above[0] in wanted, "it hangs from what it waits for"
        assert branch.is_root == (not above)


@settings(max_examples=40, deadline=None)
@given(plans(), st.sets(st.sampled_from(KEYS)))
def test_those_that_are_not_shown_leave_no_hole(parts: list[Part], shown: set[str]) -> None:
    found = branches(parts, shown)
    assert {branch.key for branch in found} == shown & {part.key for part in parts}
    by_key = {part.key: part for part in parts}
    for at, branch in enumerate(found):
        wanted = set(by_key[branch.key].dependencies)
        assert wanted <= set(branch.after) | set(ancestors(found, at)) | _above(branch.key, by_key)


def _above(key: str, by_key: dict[str, Part]) -> set[str]:
    """What a hidden prerequisite of a shown one needs itself need not be said again."""
    found: set[str] = set()
    for each in by_key[key].dependencies:
        found |= set(by_key[each].dependencies) | _above(each, by_key)
    return found


def test_it_hangs_from_the_one_that_ends_last_by_the_estimates() -> None:
    parts = [
        Part("quick", (), 1),
        Part("slow", (), 100),
        Part("join", ("quick", "slow"), 5),
    ]
    assert [(b.key, b.first, b.after) for b in branches(parts)] == [
        ("quick", "", ()),
        ("slow", "", ()),
        ("join", "└─ ", ("quick",)),
    ]

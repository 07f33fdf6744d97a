"""Keeps the file tools inside a task's workspace. Pure: it looks at paths and decides.

It is a wall for the file tools only. Bash is held by the sandbox, and a path that a program
swaps for a link between this look and the tool's own is caught there, not here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

READING = {"Read": "file_path", "Glob": "path", "Grep": "path", "LS": "path"}
WRITING = {
    "Write": "file_path",
    "Edit": "file_path",
    "MultiEdit": "file_path",
    "NotebookEdit": "notebook_path",
}
_WILDCARDS = frozenset("*?[{")


@dataclass(frozen=True, slots=True)
class PathGuard:
    """`writable` may be read too; relative paths start there."""

    writable: Path
    readable: tuple[Path, ...] = ()

    def refusal(self, tool: str, arguments: Mapping[str, Any]) -> str | None:
        """Why this call may not happen; None when it may, or touches no path."""
        if tool in WRITING:
            return self._judge(arguments.get(WRITING[tool]), (self.writable,), "write")
        if tool not in READING:
            return None
        roots = (self.writable, *self.readable)
        if tool in ("Glob", "Grep", "LS"):
            start = arguments.get("path") or str(self.writable)
            return self._judge(start, roots, "read") or self._judge_pattern(
                arguments.get("pattern") if tool == "Glob" else arguments.get("glob"), start, roots
            )
        return self._judge(arguments.get(READING[tool]), roots, "read")

    def _judge(self, path: Any, roots: tuple[Path, ...], verb: str) -> str | None:
        if not isinstance(path, str) or not path:
            return "the call names no path"
        if "\0" in path or path.startswith("~"):
            return f"{path!r}: write the path out, without ~ or control characters"
        try:
            # resolve() follows every link, also of a path whose end does not exist yet
            target = (self.writable / path).resolve()
        except (OSError, RuntimeError):
            return f"{path}: this path cannot be followed to its end"
        if any(target.is_relative_to(root.resolve()) for root in roots):
            return None
        places = ", ".join(str(root) for root in roots)
        return f"{path} is outside of what this attempt may {verb}: {places}"

    def _judge_pattern(self, pattern: Any, start: str, roots: tuple[Path, ...]) -> str | None:
        if pattern is None:
            return None
        if not isinstance(pattern, str) or ".." in Path(pattern).parts:
            return f"{pattern!r}: a pattern may not climb out of its directory"
        return self._judge(str(Path(start) / _fixed_part(pattern)), roots, "read")


def _fixed_part(pattern: str) -> Path:
    fixed = Path()
    for part in Path(pattern).parts:
        if _WILDCARDS.intersection(part):
            break
        fixed /= part
    return fixed

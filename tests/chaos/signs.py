"""Marks in files by which our processes tell tests what they do; they need no event loop."""

from dataclasses import dataclass
from pathlib import Path

from tests.ticks import ticks


@dataclass(frozen=True, slots=True)
class Signs:
    """Marks of one test's processes, in its folder."""

    folder: Path

    def leave(self, *words: object) -> None:
        """Mark that it happens, once more."""
        with self._path(words).open("a") as marks:
            marks.write("x")

    def times(self, *words: object) -> int:
        """How often it has happened."""
        path = self._path(words)
        return len(path.read_text()) if path.exists() else 0

    async def seen(self, *words: object) -> None:
        """Wait until it happens."""
        async for _ in ticks(within=5):
            if self.times(*words):
                break

    def _path(self, words: tuple[object, ...]) -> Path:
        return self.folder / f"sign-{'-'.join(str(word) for word in words)}"

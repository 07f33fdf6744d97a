"""An editor as a person's shell would start it, scripted."""

import shlex
import sys
import tempfile
from pathlib import Path

import pytest

# Takes the edits one after the other; each is an expression over the text it finds.
EDITOR = """
import pathlib, sys, time
edits, path = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
left = edits.read_text().splitlines()
edits.write_text("".join(line + "\\n" for line in left[1:]))
text = path.read_text()
with pathlib.Path(str(edits) + ".seen").open("a") as seen:
    seen.write(text + "\\n=====\\n")
while pathlib.Path(str(edits) + ".hold").exists():
    time.sleep(0.01)
path.write_text(eval(left[0], {"text": text}) if left else text)
"""


class Editor:
    """What $EDITOR does, call after call, and what it saw."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self._edits = folder / "edits"
        program = folder / "editor.py"
        program.write_text(EDITOR)
        words = [sys.executable, str(program), str(self._edits)]
        patch.delenv("VISUAL", raising=False)
        patch.setenv("EDITOR", shlex.join(words))
        patch.setattr(tempfile, "tempdir", str(folder))
        self._folder = folder
        self.hold = folder / "edits.hold"  # while it is there the editor stays open

    def will(self, *edits: str) -> None:
        """Each an expression over `text`."""
        self._edits.write_text("".join(f"{edit}\n" for edit in edits))

    @property
    def seen(self) -> list[str]:
        """What it was opened with, each time."""
        path = Path(f"{self._edits}.seen")
        return path.read_text().split("\n=====\n")[:-1] if path.exists() else []

    @property
    def kept(self) -> list[Path]:
        """The files that are still there."""
        return list(self._folder.glob("plan-*.yaml"))

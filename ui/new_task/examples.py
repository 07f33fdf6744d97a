"""Tasks to begin with, each filled in by one click."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ui.calls import Upload
from ui.new_task.form import Filling

SAMPLE = Path(__file__).parents[2] / "scripts" / "sample" / "sales.csv"


@dataclass(frozen=True, slots=True)
class Example:
    """An example as a card, and what it fills in."""

    icon: str
    teaser: str
    tag: str
    filling: Filling
    sample: Path | None = None

    def fill(self) -> Filling:
        """What it fills in, with its sample file where that is installed."""
        if self.sample is None:
            return self.filling
        try:
            content = self.sample.read_bytes()
        except OSError:
            return replace(self.filling, missing=(self.sample.name,))
        return replace(self.filling, files=(Upload(self.sample.name, content, "text/csv"),))

    def card(self, key: str) -> dict[str, Any]:
        """What `cards.js` draws."""
        return {
            "id": key,
            "icon": self.icon,
            "title": self.filling.name,
            "text": self.teaser,
            "tag": self.tag,
        }


EXAMPLES: dict[str, Example] = {
    "sales": Example(
        icon="chart",
        teaser="Clean a year of sales, find what earns most, draw charts, write a report.",
        tag="sales.csv comes with it",
        filling=Filling(
            name="What do our sales say?",
            title="What do our sales say?",
            description=(
                "Here are our sales of last year as a CSV file. Clean it, work out which regions"
                " and products earn the most and how sales moved from month to month, draw the"
                " charts that show it, check the figures a second way, and write a short report"
                " with what we should do next."
            ),
        ),
        sample=SAMPLE,
    ),
    "haiku": Example(
        icon="bolt",
        teaser="The shortest way through: a few lines, kept in a file.",
        tag="One subtask, a few seconds",
        filling=Filling(
            name="One small thing",
            description="Write a one-line haiku about five players who keep time together.",
        ),
    ),
    "research": Example(
        icon="search",
        teaser="Compare three databases with their sources, and recommend one.",
        tag="You see the plan first",
        filling=Filling(
            name="Look something up and compare",
            title="Which database for our reports?",
            description=(
                "Compare PostgreSQL, SQLite and DuckDB for the reports of a team of ten. Look up"
                " for each how it is licensed, how it is backed up and where its limits are, and"
                " name the source of every fact. Put the facts side by side in a table. Recommend"
                " one in half a page, and say what would change your mind."
            ),
            approval=True,
        ),
    ),
    "tool": Example(
        icon="code",
        teaser="A command-line program that finds duplicate files, with its tests.",
        tag="Checked by running it",
        filling=Filling(
            name="A small tool with tests",
            title="Find duplicate files",
            description=(
                "Write a command-line tool in Python that finds duplicate files in a directory by"
                " content. Add unit tests and run them. Write a short README that shows how to"
                " use it."
            ),
        ),
    ),
}

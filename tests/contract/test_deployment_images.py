"""The Dockerfiles: linted, and each image holds its own package and nothing of the others."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from dockerfile_parse import DockerfileParser  # type: ignore[import-untyped]

ROOT = Path(__file__).parents[2]
HADOLINT = Path(sys.executable).with_name("hadolint")
FILES = ("Dockerfile.orchestrator", "Dockerfile.agent", "Dockerfile.streamlit")
# what each stage puts in beside its requirements
CONTENT = {
    ("Dockerfile.orchestrator", ""): ["shared/", "orchestrator/"],
    ("Dockerfile.agent", "base"): [],
    ("Dockerfile.agent", "simulator"): ["scripts/claude_simulator/"],
    ("Dockerfile.agent", "agent"): ["shared/", "agent/"],
    ("Dockerfile.streamlit", ""): [".streamlit/config.toml", "shared/", "ui/", "scripts/sample/"],
}

Step = tuple[str, str]


def steps(file: str) -> list[Step]:
    parser = DockerfileParser(fileobj=BytesIO((ROOT / file).read_bytes()))
    return [(each["instruction"], each["value"]) for each in parser.structure]


def stages(file: str) -> Iterator[tuple[str, list[Step]]]:
    """Each stage's name and steps, those of the stage that it goes on from included."""
    known: dict[str, list[Step]] = {}
    for number, (word, value) in enumerate(steps(file)):
        if word == "FROM":
            base, _, name = value.partition(" AS ")
            known[name] = [*known.get(base, []), (word, value)]
            for following in steps(file)[number + 1 :]:
                if following[0] == "FROM":
                    break
                known[name].append(following)
    yield from known.items()


STAGES = [(file, name, steps_) for file in FILES for name, steps_ in stages(file)]
FINAL = [each for each in STAGES if each[1] != "base"]
LABELS = [f"{file}:{name}" for file, name, _ in FINAL]


def copied(of: list[Step]) -> list[str]:
    return [value.split()[0] for word, value in of if word == "COPY"]


@pytest.mark.parametrize("file", FILES)
def test_hadolint_is_content(file: str) -> None:
    answer = subprocess.run(
        [HADOLINT, file], cwd=ROOT, capture_output=True, text=True, timeout=20, check=False
    )
    assert (answer.returncode, answer.stdout) == (0, "")


def test_there_are_three_files() -> None:
    assert sorted(path.name for path in ROOT.glob("Dockerfile*")) == sorted(FILES)


def test_an_image_holds_its_own_package_only() -> None:
    held = {
        (file, name): [each for each in copied(of) if not each.startswith("requirements/")]
        for file, name, of in STAGES
    }
    assert held == CONTENT


@pytest.mark.parametrize(("file", "name", "of"), FINAL, ids=LABELS)
def test_requirements_come_before_the_code_and_with_hashes(
    file: str, name: str, of: list[Step]
) -> None:
    lock, *rest = copied(of)
    assert lock == f"requirements/{file.partition('.')[2].replace('streamlit', 'ui')}.txt"
    assert rest
    (install,) = [value for word, value in of if word == "RUN" and "pip install" in value]
    assert "--require-hashes" in install
    assert "--no-cache-dir" in install
    code = [of.index(step) for step in of if step[0] == "COPY"][1:]
    assert of.index(("RUN", install)) < min(code)


@pytest.mark.parametrize(("file", "name", "of"), FINAL, ids=LABELS)
def test_an_image_runs_a_module_as_nobody_in_particular(
    file: str, name: str, of: list[Step]
) -> None:
    last = dict(of)
    assert last["USER"] == "10001:10001"
    assert last["CMD"].startswith('["python", "-m", ')
    assert "urllib.request" in last["HEALTHCHECK"]
    environment = " ".join(value for word, value in of if word == "ENV")
    assert "PYTHONPATH=/app" in environment
    assert "PYTHONUNBUFFERED=1" in environment


@pytest.mark.parametrize("file", FILES)
def test_images_start_from_the_python_that_the_locks_were_made_for(file: str) -> None:
    bases = [value.split()[0] for word, value in steps(file) if word == "FROM"]
    assert set(bases) <= {"python:3.11-slim", "base"}


def test_an_image_asks_after_its_health_as_compose_does() -> None:
    text = (ROOT / "docker-compose.yml").read_text("utf-8")
    by_compose = set(re.findall(r'test: python -IS -c "(.+)"', text))
    by_image = {json.loads(dict(of)["HEALTHCHECK"].partition(" CMD ")[2])[-1] for _, _, of in FINAL}
    assert len(by_image) == 4
    assert by_compose == by_image


def test_the_builder_sees_what_images_are_made_of_and_nothing_else() -> None:
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    allowed = {rule[1:] for rule in rules if rule.startswith("!")}
    needed = {each for _, _, of in FINAL for each in copied(of)}
    assert allowed == {"requirements/" if "requirements/" in each else each for each in needed}
    assert "**/__pycache__/" in rules

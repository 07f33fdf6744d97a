"""Whether everybody can tell the statuses apart: measured on the colours that are drawn."""

import re
import tomllib
from itertools import combinations
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

Numbers = npt.NDArray[np.float64]

ROOT = Path(__file__).parents[2]
DRAWINGS = ROOT / "ui/graph"
TONES = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", (DRAWINGS / "tones.css").read_text("utf-8")))
# Machado, Oliveira and Fernandes 2009, severity 1.0, for linear RGB.
SIGHTS = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
# Oklab, by its author's definition.
CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
OPPONENTS = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
APART = 0.075  # in Oklab; 0.02 is just noticeable side by side
CLEAR = 3.0  # WCAG 2.2, 1.4.11: what is needed to understand a graphic


def linear(colour: str) -> Numbers:
    values = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def oklab(rgb: Numbers) -> Numbers:
    seen: Numbers = OPPONENTS @ np.cbrt(CONES @ np.clip(rgb, 0, 1))
    return seen


def luminance(colour: str) -> float:
    return float(np.dot((0.2126, 0.7152, 0.0722), linear(colour)))


@pytest.mark.parametrize("sight", SIGHTS)
def test_statuses_are_told_apart_by_every_sight(sight: str) -> None:
    assert len(TONES) == 6
    seen = {name: oklab(SIGHTS[sight] @ linear(colour)) for name, colour in TONES.items()}
    for one, other in combinations(seen, 2):
        assert np.linalg.norm(seen[one] - seen[other]) > APART, f"{one} and {other}"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_statuses_stand_out_from_the_ground(theme: str) -> None:
    config = tomllib.loads((ROOT / ".streamlit/config.toml").read_text("utf-8"))
    ground = luminance(config["theme"][theme]["backgroundColor"])
    for name, colour in TONES.items():
        darker, lighter = sorted((luminance(colour), ground))
        assert (lighter + 0.05) / (darker + 0.05) >= CLEAR, name


def test_no_drawing_has_colours_of_its_own() -> None:
    styles = {path.name: path.read_text("utf-8") for path in DRAWINGS.glob("*.css")}
    known = set(re.findall(r"--([\w-]+):", "\n".join(styles.values())))
    for name, style in styles.items():
        own = set(re.findall(r"#[0-9a-fA-F]{3,8}\b", style)) - {"#fff"}
        assert own == (set(TONES.values()) if name == "tones.css" else set()), name
        used = {one for one in re.findall(r"var\(--([\w-]+)", style) if not one.startswith("st-")}
        assert used <= known, name


def test_every_status_has_an_icon_of_its_own() -> None:
    script = (DRAWINGS / "icons.js").read_text("utf-8")
    block = script.partition("const ICONS = {")[2].partition("};")[0]
    icons = dict(re.findall(r'^  (\w+): "(.+)",$', block, re.MULTILINE))
    assert len(icons) == len(set(icons.values())) == 8

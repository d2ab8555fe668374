"""Colours that mean something are told apart, by everyone and on both backgrounds."""

import itertools
import re
import tomllib
from pathlib import Path

import numpy as np
import pytest

from explorer.app_pages.inside import equations
from explorer.figures.colours import (
    OKABE_ITO,
    ROLES,
    effect_colour,
    role_variables,
)
from explorer.figures.colours import luminance as luminance_of

LIGHT, DARK = ("#ffffff", "#f0f2f6"), ("#0e1117", "#262730")

# Machado, Oliveira & Fernandes 2009, severity 1
VISIONS = {
    "full": np.eye(3),
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
}


def linear(colour: str) -> np.ndarray:
    values = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def contrast(a: str, b: str) -> float:
    """WCAG 2: from 1 to 21."""
    low, high = sorted(linear(colour) @ [0.2126, 0.7152, 0.0722] for colour in (a, b))
    return float((high + 0.05) / (low + 0.05))


def lab(rgb: np.ndarray) -> np.ndarray:
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    x, y, z = np.cbrt(to_xyz @ np.clip(rgb, 0, 1) / [0.9505, 1, 1.089])
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("role", ROLES)
def test_marks_stand_out_on_both_backgrounds(role: str) -> None:
    for background in (LIGHT[0], DARK[0]):
        assert contrast(ROLES[role].mark, background) >= 3


@pytest.mark.parametrize("role", ROLES)
def test_text_is_readable_on_both_backgrounds(role: str) -> None:
    assert all(contrast(ROLES[role].on_light, background) >= 4.5 for background in LIGHT)
    assert all(contrast(ROLES[role].on_dark, background) >= 4.5 for background in DARK)


def css_pairs() -> dict[str, tuple[str, str]]:
    """Variable -> its colour on a light and on a dark background."""
    found = re.findall(r"--([\w-]+): light-dark\((#\w+), (#\w+)\);", role_variables())
    return {name: (light, dark) for name, light, dark in found}


@pytest.mark.parametrize("name", [*ROLES, "below", "mark"])
def test_css_marks_stand_out_on_both_backgrounds(name: str) -> None:
    for colour, background in zip(css_pairs()[name], (LIGHT[0], DARK[0]), strict=True):
        assert contrast(colour, background) >= 3


@pytest.mark.parametrize("name", [*(f"{role}-text" for role in ROLES), "mark"])
def test_css_text_is_readable_on_both_backgrounds(name: str) -> None:
    light, dark = css_pairs()[name]
    assert contrast(light, LIGHT[0]) >= 4.5
    assert all(contrast(dark, background) >= 4.5 for background in DARK)


@pytest.mark.parametrize("role", ROLES)
def test_the_ends_of_a_signed_scale_stand_out_from_its_zero(role: str) -> None:
    """Where zero is as light as the page is dark, whole matrices are white slabs."""
    pairs = css_pairs()
    for theme, background in enumerate((LIGHT[0], DARK[0])):
        zero = pairs["zero"][theme]
        assert contrast(zero, background) < 1.5
        assert contrast(pairs[role][theme], zero) >= 3
        assert contrast(pairs["below"][theme], zero) >= 3


@pytest.mark.parametrize("vision", VISIONS)
def test_roles_are_told_apart_without_red_or_green(vision: str) -> None:
    seen = [lab(VISIONS[vision] @ linear(role.mark)) for role in ROLES.values()]
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)) > 20


def test_categories_are_visible_on_both_backgrounds() -> None:
    for colour, background in itertools.product(OKABE_ITO, (LIGHT[0], DARK[0])):
        assert contrast(colour, background) >= 2


def test_streamlits_text_colours_are_those_of_the_roles() -> None:
    file = Path(__file__).parents[3] / "explorer" / ".streamlit" / "config.toml"
    theme = tomllib.loads(file.read_text("utf-8"))["theme"]
    names = {"query": "blue", "key": "red", "value": "green", "attention": "violet"}
    for role, colour in names.items():
        assert theme["light"][f"{colour}TextColor"] == ROLES[role].on_light
        assert theme["dark"][f"{colour}TextColor"] == ROLES[role].on_dark


def test_the_equation_has_the_colour_of_its_role() -> None:
    role = ROLES["attention"]
    assert equations.MULTI_HEAD.count(f"\\textcolor{{{role.mark}}}") == 3
    assert f"light-dark({role.on_light}, {role.on_dark})" in equations.style()


@pytest.mark.parametrize("share", np.linspace(-1.2, 1.2, 97))
def test_text_is_read_on_every_colour_of_an_effect(share: float) -> None:
    background, ink = effect_colour(share)
    under = luminance_of(background)
    contrast = 1.05 / (under + 0.05) if ink == "#ffffff" else (under + 0.05) / 0.05
    assert contrast >= 4.5

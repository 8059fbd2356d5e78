"""Fonts of the PDF: FiraGO and Fira Mono from PyPI, DejaVu of matplotlib, and for what these lack those of the machine.

FiraGO has Latin, Greek, Cyrillic, Arabic, Hebrew, Thai, Georgian and Devanagari letters. Chinese and Japanese fonts are
too large for PyPI: those of the machine are used, Noto Sans CJK before others.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pymupdf_fonts
import typst
from fontTools.ttLib import TTFont, TTLibError

from reports.text import FONT_FOLDER

__all__ = ["FontSet", "gather_fonts"]

_PACKAGED = ("figo", "figbo", "fimo")
_DEJAVU = ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf")
_SANS, _MONO, _LAST = "FiraGO", "Fira Mono", "DejaVu Sans"
_HAN = (
    ("zh", ("Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC")),
    ("ja", ("Noto Sans CJK JP", "Noto Sans JP", "Source Han Sans", "IPAexGothic")),
)
"""A Chinese reader and a Japanese one expect the same character in shapes of their own."""

_HAN_BLOCKS = ((0x2E80, 0x33FF), (0x3400, 0x9FFF), (0xF900, 0xFAFF), (0xFF00, 0xFFEF), (0x20000, 0x3FFFF))
_REGULAR, _BOLD = 400, 700


@dataclass(frozen=True, slots=True, kw_only=True)
class FontSet:
    """Families to typeset a text with.

    Attributes
    ----------
    sans, mono : tuple of str
        Families, the preferred first.
    han : dict of str to tuple of str
        Families for ``zh`` and ``ja``; empty where the text has no such character.
    missing : tuple of str
        Characters for which no font has a glyph.
    """

    sans: tuple[str, ...]
    mono: tuple[str, ...]
    han: dict[str, tuple[str, ...]]
    missing: tuple[str, ...]


def gather_fonts(characters: frozenset[str], folder: Path) -> FontSet:
    """Put the fonts for these characters into a folder.

    Parameters
    ----------
    characters : frozenset of str
    folder : Path
        Gets a file for each packaged font, and a link to each other one.
    """
    for name in _PACKAGED:
        (folder / f"{name}.ttf").write_bytes(pymupdf_fonts.fontbuffers[name]())
    for name in _DEJAVU:
        shutil.copyfile(FONT_FOLDER / name, folder / name)
    lacking = {character for character in characters if ord(character) not in _own_glyphs()}
    chosen = _choose(lacking) if lacking else []
    for path in sorted({Path(str(face.path)) for face, _ in chosen}):
        (folder / f"of-this-machine-{path.name}").symlink_to(path)
    families = tuple(dict.fromkeys(face.family for face, _ in chosen if face.weight == _REGULAR))
    return FontSet(
        sans=(_SANS, *families, _LAST),
        mono=(_MONO, _SANS, *families, _LAST),
        han={language: _preferring(families, wanted) for language, wanted in _HAN if set(wanted) & set(families)},
        missing=tuple(sorted(lacking - {character for _, found in chosen for character in found})),
    )


@cache
def _own_glyphs() -> frozenset[int]:
    codes: set[int] = set()
    for file in (io.BytesIO(pymupdf_fonts.fontbuffers["figo"]()), FONT_FOLDER / _DEJAVU[0]):
        with TTFont(file, lazy=True) as font:
            codes.update(font.getBestCmap())
    return frozenset(codes)


def _choose(lacking: set[str]) -> list[tuple[typst.FontInfo, frozenset[str]]]:
    """Take faces of the machine until every character has one: for Han those of both languages, then any that helps."""
    faces = sorted(
        (face for face in typst.Fonts(include_embedded_fonts=False).fonts() if face.path and face.style == "normal"),
        key=lambda face: (face.family, face.weight, face.path),
    )
    chosen = list(_preferred(faces, lacking)) if any(map(_is_han, lacking)) else []
    rest = lacking - {character for _, found in chosen for character in found}
    for face in faces:
        if not rest:
            break
        if face.weight == _REGULAR and (found := rest & _glyphs(face)):
            chosen.append((face, frozenset(found)))
            rest -= found
    return chosen


def _preferred(faces: list[typst.FontInfo], lacking: set[str]) -> Iterator[tuple[typst.FontInfo, frozenset[str]]]:
    """Of each language the first family that is here, and its bold face."""
    here = {face.family for face in faces}
    for _, wanted in _HAN:
        family = next((name for name in wanted if name in here), None)
        for face in faces:
            if face.family == family and face.weight in (_REGULAR, _BOLD):
                yield face, frozenset(lacking & _glyphs(face))


def _preferring(families: tuple[str, ...], wanted: tuple[str, ...]) -> tuple[str, ...]:
    return (_SANS, *sorted(families, key=lambda name: name not in wanted), _LAST)


def _glyphs(face: typst.FontInfo) -> frozenset[str]:
    """Characters that a face has outlines for: fonts of colour pictures have none, and PDF/A takes no others."""
    try:
        with TTFont(face.path, fontNumber=face.index, lazy=True) as font:
            if not {"glyf", "CFF ", "CFF2"} & set(font.keys()):
                return frozenset()
            return frozenset(map(chr, font.getBestCmap() or ()))
    except (OSError, TTLibError, KeyError, ValueError, AssertionError):
        return frozenset()  # a damaged font of the machine is no trouble of the report


def _is_han(character: str) -> bool:
    return any(first <= ord(character) <= last for first, last in _HAN_BLOCKS)

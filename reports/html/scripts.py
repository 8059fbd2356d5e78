"""The scripts of a page: the plotting library, and our own."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

__all__ = ["library_scripts", "own_script"]

_LIBRARY = ("bokeh.min.js", "bokeh-api.min.js")
_OWN = ("dom", "axis", "levels", "panels", "chart", "explorer", "track", "tables", "start")


@cache
def library_scripts() -> tuple[str, ...]:
    """Scripts of Bokeh (BSD licence, named within), as its package brings them."""
    folder = files("bokeh") / "server" / "static" / "js"
    return tuple(_inline((folder / name).read_text(encoding="utf-8")) for name in _LIBRARY)


@cache
def own_script() -> str:
    """Our scripts as one, which leaves no name behind it in the page."""
    folder = files("reports.html") / "javascript"
    parts = [(folder / f"{name}.js").read_text(encoding="utf-8") for name in _OWN]
    return _inline('(() => {\n"use strict";\n' + "\n".join(parts) + "})();\n")


def _inline(script: str) -> str:
    """Make sure that a script ends where its element ends; in a string of it ``<\\/`` is ``</``."""
    return script.replace("</script", "<\\/script").replace("\r\n", "\n")

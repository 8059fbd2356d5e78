"""Findings, and what was not confirmed, named above a spectrum, each with a leader to its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from reports.content import ReportContent
from reports.figures.lanes import Label, place_labels
from reports.figures.middles import peak_beside_middles
from reports.figures.panels import Panel
from reports.figures.style import INK, THREAT, UNCONFIRMED
from reports.text import drawable

__all__ = ["Flags", "choose_flags", "draw_flags", "mark_colors", "threat_style"]

_FONT_PT = 6.8
_LANE_IN = 0.15
_MAX_LANES, _MAX_TRIED = 7, 60
_RANK = {level: rank for rank, level in enumerate(THREAT)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Flags:
    """Findings and unconfirmed emissions of one row of panels, those that are named first, and their labels."""

    findings: tuple[Mapping[str, Any], ...]
    labels: tuple[Label, ...] = ()

    @property
    def height_in(self) -> float:
        """Room that the labels need above the panels, in inches."""
        if not self.labels:
            return 0.05
        return (max(label.lane for label in self.labels) + 1) * _LANE_IN + 0.12


def threat_style(finding: Mapping[str, Any]) -> tuple[str, str]:
    """Colour and marker of a finding's threat level."""
    level = (finding.get("threat") or {}).get("level")
    return THREAT.get(str(level), THREAT["info"])


def mark_colors(content: ReportContent, finding: Mapping[str, Any]) -> dict[str, Any]:
    """Face and edge of a mark, as matplotlib's ``plot`` takes them: hollow for what was not confirmed."""
    if _is_unconfirmed(content, finding):
        return {"mfc": "white", "mec": UNCONFIRMED[0]}
    return {"mfc": threat_style(finding)[0], "mec": "white"}


def choose_flags(content: ReportContent, panels: Sequence[Panel], *, left_in: float, right_in: float) -> Flags:
    """Name as many as fit in a few lanes, the most threatening findings first; the others keep their markers."""
    inside = [item for item in content.emissions if _panel_of(item, panels) is not None]
    ranked = sorted(inside, key=lambda item: _rank(content, item))
    widths = _widths(ranked[:_MAX_TRIED], panels)
    named: list[int] = []
    labels: tuple[Label, ...] = ()
    for k in range(len(widths)):
        chosen = [*named, k]
        anchors = [_anchor(ranked[j], panels) for j in chosen]
        tried = place_labels(anchors, [widths[j] for j in chosen], left=left_in, right=right_in, spacing=0.04)
        if max(label.lane for label in tried) < _MAX_LANES:
            named, labels = chosen, tried
    unnamed = [finding for k, finding in enumerate(ranked) if k not in set(named)]
    return Flags(findings=(*(ranked[k] for k in named), *unnamed), labels=labels)


def draw_flags(
    figure: Figure,
    content: ReportContent,
    flags: Flags,
    panels: Sequence[Panel],
    *,
    top_in: float | None,
    levels_db: NDArray[np.floating] | None,
) -> None:
    """Draw markers at the level of each finding, and names with leaders above ``top_in`` where that is given."""
    if levels_db is None:
        return
    for rank, finding in enumerate(flags.findings):
        panel = _panel_of(finding, panels)
        if panel is None:
            continue
        color, marker = UNCONFIRMED if _is_unconfirmed(content, finding) else threat_style(finding)
        colors = mark_colors(content, finding)
        level = peak_beside_middles(content.layout, levels_db, finding)
        low, high = panel.axes.get_ylim()
        level = high if level is None else min(max(level, low), high)
        mhz = float(finding["center_freq_hz"]) / 1e6
        panel.axes.plot([mhz], [level], marker=marker, ms=4.6, mew=0.6, clip_on=False, zorder=6, **colors)
        if top_in is not None and rank < len(flags.labels):
            height_in = panel.axes.get_position().height * figure.get_figheight()
            base_in = top_in - height_in * (high - level) / (high - low)
            _draw_label(figure, _name(finding), flags.labels[rank], color, (base_in, top_in))


def _is_unconfirmed(content: ReportContent, finding: Mapping[str, Any]) -> bool:
    return any(item is finding for item in content.unconfirmed)


def _rank(content: ReportContent, finding: Mapping[str, Any]) -> tuple[bool, int]:
    level = str((finding.get("threat") or {}).get("level"))
    return _is_unconfirmed(content, finding), _RANK.get(level, len(_RANK))


def _draw_label(figure: Figure, name: str, label: Label, color: str, base_and_top_in: tuple[float, float]) -> None:
    base_in, top_in = base_and_top_in
    inches = figure.dpi_scale_trans
    foot_in = top_in + 0.07 + label.lane * _LANE_IN
    is_pushed = label.left < label.anchor - 0.01  # its leader ends below the text, not within
    head_in = foot_in + (-0.02 if is_pushed else 0.1)
    rise = Line2D([label.anchor] * 2, [base_in + 0.05, head_in], transform=inches, color=color, lw=0.6, zorder=4)
    figure.add_artist(rise)
    figure.text(
        label.left + 0.025,
        foot_in + 0.05,
        name,
        transform=inches,
        fontsize=_FONT_PT,
        color=INK,
        va="center",
        ha="left",
    )


def _name(finding: Mapping[str, Any]) -> str:
    return drawable(f"{finding['id']}  {float(finding['center_freq_hz']) / 1e6:.3f}")


def _widths(findings: Sequence[Mapping[str, Any]], panels: Sequence[Panel]) -> list[float]:
    """Width of each label in inches."""
    figure = panels[0].axes.get_figure(root=True)
    assert figure is not None  # panels are made on one
    widths = []
    for finding in findings:
        text = figure.text(0, 0, _name(finding), fontsize=_FONT_PT)
        widths.append(text.get_window_extent().width / figure.dpi + 0.05)
        text.remove()
    return widths


def _anchor(finding: Mapping[str, Any], panels: Sequence[Panel]) -> float:
    center_hz = float(finding["center_freq_hz"])
    return next(panel.x_in(center_hz) for panel in panels if panel.start_hz <= center_hz <= panel.stop_hz)


def _panel_of(finding: Mapping[str, Any], panels: Sequence[Panel]) -> Panel | None:
    center_hz = float(finding["center_freq_hz"])
    return next((panel for panel in panels if panel.start_hz <= center_hz <= panel.stop_hz), None)

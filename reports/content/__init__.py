"""What a report says: everything that it presents, and the typed blocks that PDF and HTML each lay out."""

from __future__ import annotations

from reports.content.material import LevelTrack, ReportContent, from_record, waterfall_within

__all__ = ["LevelTrack", "ReportContent", "from_record", "waterfall_within"]

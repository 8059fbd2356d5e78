"""What a page may do: run the scripts that it holds, by their hashes, and nothing else; fetch nothing at all."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence

__all__ = ["content_security_policy"]


def content_security_policy(scripts: Sequence[str]) -> str:
    """Give the Content-Security-Policy (W3C, level 3) of a page with these inline scripts.

    Styles are allowed inline because the plots bring their own; a style cannot fetch under ``default-src 'none'``.

    Examples
    --------
    >>> content_security_policy([]).split("; ")[:3]
    ["default-src 'none'", "script-src 'none'", "style-src 'unsafe-inline'"]
    """
    hashes = " ".join(f"'sha256-{_digest(script)}'" for script in scripts) or "'none'"
    rules = (
        "default-src 'none'",
        f"script-src {hashes}",
        "style-src 'unsafe-inline'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
    )
    return "; ".join(rules)


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")

"""The few kinds of block that a report is made of; PDF and HTML each draw the same blocks.

Nothing in a block is markup. ``msgspec.to_builtins`` makes plain data of one, with its ``kind``, for a template.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

__all__ = [
    "Block",
    "Bullet",
    "Bullets",
    "Facts",
    "Figure",
    "Paragraph",
    "Section",
    "Signatures",
    "Signer",
    "Subheading",
    "Table",
    "Together",
    "bullets",
    "facts",
    "figure",
    "paragraph",
    "section",
    "signatures",
    "subheading",
    "table",
    "together",
]


class Block(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag=str.lower):
    """Anything that a section can hold."""


class Paragraph(Block, frozen=True, kw_only=True):
    """Running text; a sticky one stays on the page of what follows it."""

    text: str
    sticky: bool = False


class Bullet(msgspec.Struct, frozen=True, kw_only=True):
    """A statement of a list: a bold lead, or none, and what follows it."""

    lead: str
    text: str


class Bullets(Block, frozen=True, kw_only=True):
    """A list of statements, numbered where their order or their count matters."""

    items: tuple[Bullet, ...]
    numbered: bool = False


class Facts(Block, frozen=True, kw_only=True):
    """Names and values, one pair to a line, in one or two columns."""

    rows: tuple[tuple[str, str], ...]
    columns: int = 1


class Table(Block, frozen=True, kw_only=True):
    """A table with a head; ``widths`` are shares of the page, ``right`` the columns of numbers."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    widths: tuple[int, ...]
    right: tuple[int, ...] = ()


class Figure(Block, frozen=True, kw_only=True):
    """A drawing by its name, with a caption (or none) and a description for those who cannot see it.

    ``width`` is its share of the page in percent.
    """

    name: str
    caption: str
    description: str
    width: int = 100


class Subheading(Block, frozen=True, kw_only=True):
    """Heads what follows within a section; ``badge`` is a threat level that gets a colour.

    One with ``new_page`` begins a page, where there are pages.
    """

    title: str
    badge: str = ""
    new_page: bool = False


class Signer(msgspec.Struct, frozen=True, kw_only=True):
    """Who is to sign: in what part, and by what name where it is recorded."""

    role: str
    name: str


class Signatures(Block, frozen=True, kw_only=True):
    """Lines to sign by hand."""

    signers: tuple[Signer, ...]


class Together(Block, frozen=True, kw_only=True):
    """Blocks that stay on one page."""

    blocks: tuple[Block, ...]


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """Blocks under a heading, which begins a page where ``new_page`` says so."""

    title: str
    blocks: tuple[Block, ...]
    new_page: bool = False


def paragraph(text: str, *, sticky: bool = False) -> Paragraph:
    """Make running text."""
    return Paragraph(text=text, sticky=sticky)


def bullets(items: Sequence[str] | Sequence[tuple[str, str]], *, numbered: bool = False) -> Bullets:
    """Make a list of statements; a pair is a bold lead and what follows it.

    Examples
    --------
    >>> bullets(["Sweep again."]).items
    (Bullet(lead='', text='Sweep again.'),)
    """
    pairs = [("", item) if isinstance(item, str) else item for item in items]
    return Bullets(items=tuple(Bullet(lead=lead, text=text) for lead, text in pairs), numbered=numbered)


def facts(rows: Sequence[tuple[str, str]], *, columns: int = 1) -> Facts:
    """Make names and values."""
    return Facts(rows=tuple(rows), columns=columns)


def table(
    head: Sequence[str], rows: Sequence[Sequence[str]], *, widths: Sequence[int], right: Sequence[int] = ()
) -> Table:
    """Make a table.

    Parameters
    ----------
    head : sequence of str
    rows : sequence of sequence of str
    widths : sequence of int
        Share of the page width of each column.
    right : sequence of int
        Columns of numbers, aligned right.
    """
    return Table(head=tuple(head), rows=tuple(map(tuple, rows)), widths=tuple(widths), right=tuple(right))


def figure(name: str, caption: str, description: str, *, width: int = 100) -> Figure:
    """Refer to a drawing."""
    return Figure(name=name, caption=caption, description=description, width=width)


def subheading(title: str, badge: str = "", *, new_page: bool = False) -> Subheading:
    """Head what follows within a section."""
    return Subheading(title=title, badge=badge, new_page=new_page)


def signatures(signers: Sequence[tuple[str, str]]) -> Signatures:
    """Make lines to sign, from pairs of part and name."""
    return Signatures(signers=tuple(Signer(role=role, name=name) for role, name in signers))


def together(blocks: Sequence[Block]) -> Together:
    """Keep blocks on one page."""
    return Together(blocks=tuple(blocks))


def section(title: str, blocks: Sequence[Block], *, new_page: bool = False) -> Section:
    """Put blocks under a heading."""
    return Section(title=title, blocks=tuple(blocks), new_page=new_page)

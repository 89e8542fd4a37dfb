"""A board as an HTML table: headings sort, models open, pages turn. All of it by keyboard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from leaderboard.app.numbers import count, number
from leaderboard.app.standings import Line
from leaderboard.app.view import PAGE, Column, View

__all__ = ["table"]

_MISSING = Markup('<span class="af-none" title="no submission">–<span class="af-sr">none</span></span>')


def table(board: Sequence[Line], shown: Sequence[Column], view: View, caption: str) -> str:
    """The page of a board that a view asks for.

    Parameters
    ----------
    board : sequence of Line
    shown : sequence of Column
    view : View
    caption : str
        Says to screen readers what the table is.
    """
    lines = view.lines(board, shown)
    page, at, pages = view.cut(lines)
    if not board:
        return Markup(
            '<div class="af-card af-quiet"><p>Nobody has a score here yet. Be the first: open the tab Submit.</p></div>'
        )
    told = Markup('<p class="af-count" role="status">{}</p>').format(
        _told("submission" if board[0].entry else "model", len(lines), len(board), at)
    )
    if not lines:
        return told + Markup('<div class="af-card af-quiet"><p>Nothing passes the search and the filters.</p></div>')
    head = Markup("").join(_heading(column, view) for column in shown)
    body = Markup("").join(
        Markup('<tr data-open="{}">{}</tr>').format(line.key, Markup("").join(_cell(line, column) for column in shown))
        for line in page
    )
    return (
        told
        + Markup(
            '<div class="af-scroll" tabindex="0" role="region" aria-label="{}"><table class="af-board">'
            '<caption class="af-sr">{}</caption><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>'
        ).format(caption, caption, head, body)
        + _pager(at, pages)
    )


def _told(noun: str, found: int, of: int, page: int) -> str:
    all_of = f"{found:,} {noun}" + ("" if found == 1 else "s")
    all_of += "" if found == of else f" of {of:,}"
    return all_of if found <= PAGE else f"{page * PAGE + 1:,}–{min(found, (page + 1) * PAGE):,} of {all_of}"


def _heading(column: Column, view: View) -> Markup:
    sorted_by = column.key == view.sort
    order = "none" if not sorted_by else "descending" if view.descending else "ascending"
    arrow = Markup('<span class="af-arrow" aria-hidden="true">{}</span>').format("▼" if view.descending else "▲")
    return Markup(
        '<th scope="col" class="{}" aria-sort="{}"><button type="button" data-sort="{}" title="Sort by {}">{}{}'
        "</button></th>"
    ).format(_classes(column), order, column.key, column.title, column.heading, arrow if sorted_by else "")


def _classes(column: Column) -> str:
    return " ".join([f"af-c-{column.kind}", *(["af-n"] if column.numeric else [])])


def _cell(line: Line, column: Column) -> Markup:
    if column.kind == "name":
        return Markup(
            '<th scope="row" class="af-c-name"><button type="button" data-open="{}" title="{}">{}</button></th>'
        ).format(line.key, line.model, line.model)
    return Markup('<td class="{}">{}</td>').format(_classes(column), _shown(line, column))


def _shown(line: Line, column: Column) -> Any:
    value = column.of(line)
    if value is None:
        return _MISSING
    if column.kind == "interval":
        return f"{number(line.low)} … {number(line.high)}"
    if column.kind == "flag":
        return Markup('<span class="af-yes">✓ yes</span>') if value else "no"
    if column.kind == "date":
        return f"{line.date:%Y-%m-%d}"
    if column.kind == "count":
        return count(value)
    if column.kind == "done":
        return f"{value} of {len(line.tasks)}"
    if column.kind == "rank":
        return str(value)
    if column.kind == "text":
        return {"owner": line.owner, "method": line.method}.get(column.key, value)
    return number(value, column.target if column.kind in ("rmse", "mae", "bias") else None)


def _pager(at: int, pages: int) -> Markup:
    if pages == 1:
        return Markup("")
    return Markup(
        '<nav class="af-pager" aria-label="Pages of the board">'
        '<button type="button" data-page="{}"{}>← Previous</button><span>Page {} of {}</span>'
        '<button type="button" data-page="{}"{}>Next →</button></nav>'
    ).format(
        at - 1, Markup(" disabled") if at == 0 else "", at + 1, pages,
        at + 1, Markup(" disabled") if at == pages - 1 else "",
    )  # fmt: skip

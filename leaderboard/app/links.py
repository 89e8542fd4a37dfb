"""Links that participants give. Only addresses of known hosts become links, and each is built anew here."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import parse_qs, urlsplit

from markupsafe import Markup

__all__ = ["address", "links"]

_WORD = r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}"
_KNOWN: dict[str, re.Pattern[str]] = {
    host: re.compile(path)
    for host, path in (
        ("huggingface.co", rf"(?:(?:datasets|spaces|papers|collections)/)?{_WORD}(?:/{_WORD})?"),
        ("github.com", rf"{_WORD}/{_WORD}(?:/(?:tree|blob|releases)(?:/{_WORD}){{1,8}})?"),
        ("gitlab.com", rf"{_WORD}(?:/{_WORD}){{1,4}}"),
        ("arxiv.org", r"(?:abs|pdf)/(?:\d{4}\.\d{4,5}|[a-z-]{2,20}(?:\.[A-Z]{2})?/\d{7})(?:v\d{1,2})?"),
        ("doi.org", r"10\.\d{4,9}/[A-Za-z0-9._;()/-]{1,120}"),
        ("zenodo.org", r"(?:record|records)/\d{1,12}"),
        ("openreview.net", r"forum"),
    )
}
"""Hosts of papers, code and weights, and the paths that may be linked there."""

_PAPER = re.compile(r"[A-Za-z0-9_-]{5,20}")


def address(given: str) -> str | None:
    """The https address that a participant's link stands for, or None where it is not of a known form.

    Scheme, host and path are put together from what was recognised: a port, a password, a fragment or another way of
    writing the host never reaches the page.
    """
    try:
        parts = urlsplit(given)
        host = (parts.hostname or "").removeprefix("www.").replace("dx.doi.org", "doi.org")
    except ValueError:
        return None
    path = parts.path.strip("/")
    if parts.scheme not in ("http", "https") or host not in _KNOWN or not _KNOWN[host].fullmatch(path):
        return None
    if ".." in path or parts.username or parts.port:
        return None
    if host == "openreview.net":
        paper = (parse_qs(parts.query).get("id") or [""])[0]
        return f"https://{host}/{path}?id={paper}" if _PAPER.fullmatch(paper) else None
    return f"https://{host}/{path}"


def links(given: Iterable[object]) -> Markup:
    """The links of a submission as a list; what is of no known form stands there as text."""
    items = []
    for one in given:
        found = address(str(one))
        if found is None:
            items.append(Markup("<li>{} <small>(not a link to a known host)</small></li>").format(str(one)))
        else:
            items.append(
                Markup('<li><a href="{}" target="_blank" rel="noopener noreferrer nofollow ugc">{}</a></li>').format(
                    found, found.removeprefix("https://")
                )
            )
    return Markup('<ul class="af-links">{}</ul>').format(Markup("").join(items)) if items else Markup("")

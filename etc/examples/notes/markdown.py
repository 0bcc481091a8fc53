"""As much of Markdown as the notes need: headings, paragraphs, lists, emphasis, code, links."""

from __future__ import annotations

import re
from html import escape

from notebook.pages import document

INLINE = (
    (re.compile(r"`([^`]+)`"), r"<code>\1</code>"),
    (re.compile(r"\*\*([^*]+)\*\*"), r"<strong>\1</strong>"),
    (re.compile(r"\*([^*]+)\*"), r"<em>\1</em>"),
    (re.compile(r"\[([^\]]+)\]\((?!\w*script:)([^)\s]+)\)"), r'<a href="\2">\1</a>'),
)


def page(content: str) -> str:
    """A whole page. Its title is the first line."""
    title = content.strip().partition("\n")[0].lstrip("# ")
    return document(title, to_html(content))


def to_html(content: str) -> str:
    """The HTML of Markdown."""
    return "\n".join(block(text.strip()) for text in re.split(r"\n\s*\n", content) if text.strip())


def block(text: str) -> str:
    """One paragraph, heading or list."""
    heading = re.fullmatch(r"(#{1,6}) (.+)", text)
    if heading:
        level = len(heading[1])
        return f"<h{level}>{inline(heading[2])}</h{level}>"
    if text.startswith("- "):
        return f"<ul>\n{''.join(f'<li>{inline(item)}</li>' for item in items(text))}\n</ul>"
    return f"<p>{inline(text)}</p>"


def items(text: str) -> list[str]:
    """The items of a list, whose lines may go on below."""
    return [" ".join(item.split()) for item in re.split(r"(?:^|\n)- ", text)[1:]]


def inline(text: str) -> str:
    """Text with its emphasis, code and links."""
    html = escape(text)
    for pattern, replacement in INLINE:
        html = pattern.sub(replacement, html)
    return html

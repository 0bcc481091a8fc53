"""Text to a list, as the BioThings APIs split identifiers."""

from __future__ import annotations

import re

#: What stands between items.
SEPARATORS = " \t\n\x0b\x0c\r|,+"
#: Text with none of these needs no reading character by character.
_PLAIN = re.compile(r"""[^"'\\]*""")
_SPLIT = re.compile(r"[ \t\n\x0b\x0c\r|,+]+")
#: Letters of an item in a row.
_LETTERS = re.compile(r"""[^ \t\n\x0b\x0c\r|,+"'\\]+""")


def split(text: str) -> list[str]:
    """The items of ``text``, between white space, ``|``, ``,`` and ``+``; empty ones are left out.

    Quotes, ``"`` or ``'``, keep separators in an item, and a backslash keeps the character after it as it is, save
    between single quotes. In the middle of an item ``'`` is a letter of it (``5'-UTR``), and so is a ``"`` that is not
    closed.

    :raises ValueError: for an item that begins with a quote that is not closed.
    """
    if _PLAIN.fullmatch(text):
        return [item for item in _SPLIT.split(text) if item]
    items: list[str] = []
    position = 0
    while position < len(text):
        if text[position] in SEPARATORS:
            position += 1
            continue
        item, position = _item(text, position)
        item = item.strip()
        if item:
            items.append(item)
    return items


def _item(text: str, position: int) -> tuple[str, int]:
    """The item that begins at ``position``, and where it ends."""
    letters: list[str] = []
    while position < len(text) and text[position] not in SEPARATORS:
        char = text[position]
        if (run := _LETTERS.match(text, position)) is not None:
            letters.append(run[0])
            position = run.end()
        elif _opens(text, position, not letters):
            quoted, position = _quoted(text, position)
            letters.append(quoted)
        elif char == "\\" and position + 1 < len(text):
            letters.append(text[position + 1])
            position += 2
        else:
            letters.append(char)
            position += 1
    return "".join(letters), position


def _opens(text: str, position: int, first: bool) -> bool:
    char = text[position]
    return (first and char in "\"'") or (char == '"' and text.find('"', position + 1) >= 0)


def _quoted(text: str, start: int) -> tuple[str, int]:
    """What stands between the quote at ``start`` and the next one, and where it ends."""
    quote = text[start]
    letters: list[str] = []
    position = start + 1
    while position < len(text):
        char = text[position]
        if char == quote:
            return "".join(letters), position + 1
        if char == "\\" and quote == '"' and text[position + 1 : position + 2] in ('"', "\\"):
            letters.append(text[position + 1])
            position += 2
        else:
            letters.append(char)
            position += 1
    raise ValueError(f"No closing quotation for {text[start : start + 20]}")

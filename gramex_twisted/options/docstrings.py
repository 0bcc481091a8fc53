"""What a docstring says of a function and of its parameters, in Sphinx's style or Google's. Pure."""

from __future__ import annotations

import re

_SPHINX = re.compile(r"^:param\s+(?:[\w\[\], |.]+\s)?\*{0,2}(\w+):\s*(.*)$")
_GOOGLE = re.compile(r"^ {2,8}(\w+)(?:\s*\([^)]*\))?:\s*(.*)$")
_SECTION = re.compile(r"^(Args|Arguments|Parameters):\s*$")


def described(doc: str) -> tuple[str, dict[str, str]]:
    """The text before the parameters, and that of each parameter by its name.

    :param doc: a docstring as ``inspect.getdoc`` gives it.
    """
    text: list[str] = []
    found: dict[str, list[str]] = {}
    current: list[str] | None = text
    google = False
    for line in doc.splitlines():
        parameter = _SPHINX.match(line) or (_GOOGLE.match(line) if google else None)
        if parameter is not None:
            current = found.setdefault(parameter[1], [parameter[2]])
        elif _SECTION.match(line):
            google, current = True, None
        elif line.startswith(":") or (google and line and not line[0].isspace()):
            google, current = False, None  # what it returns and raises
        elif current is not None and (line.strip() or current is text):
            current.append(line if current is text else line.strip())
    texts = {name: " ".join(part for part in parts if part) for name, parts in found.items()}
    return "\n".join(text).strip(), {name: words for name, words in texts.items() if words}

"""Source files as HTML with a few spans: comments, keys, strings, words of the language."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path

PYTHON_WORDS = (
    "and|as|async|await|class|def|del|elif|else|except|finally|for|from|if|import|in|is|lambda|not|or|raise|return|"
    "try|while|with|yield|None|True|False"
)
SCRIPT_WORDS = (
    "async|await|const|export|for|function|if|import|interface|let|new|of|return|type|undefined|null|@each|@use"
)
STRINGS = r"\"\"\".*?\"\"\"|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'"

LANGUAGES = {
    ".yaml": r"(?P<comment>(?:^|(?<=\s))\#[^\n]*)|(?P<key>^\s*(?:-\s+)?[\w./*$-]+(?=:(?:\s|$)))|(?P<name>\$\w+)",
    ".py": rf"(?P<comment>\#[^\n]*)|(?P<string>{STRINGS})|(?P<name>^\s*@\w+)|(?P<word>\b(?:{PYTHON_WORDS})\b)",
    ".html": r"(?P<comment><!--.*?-->)|(?P<name>\{%.*?%\}|\{\{.*?\}\})|(?P<word></?[\w-]+)|(?P<string>\"[^\"<>]*\")",
    ".md": r"(?P<key>^\#+ [^\n]*)|(?P<name>\[[^\]\n]*\]\([^)\n]*\))|(?P<string>`[^`\n]*`)",
    ".ts": rf"(?P<comment>//[^\n]*)|(?P<string>{STRINGS}|`[^`]*`)|(?P<word>\b(?:{SCRIPT_WORDS})\b)",
    ".js": rf"(?P<comment>//[^\n]*)|(?P<string>{STRINGS}|`[^`]*`)|(?P<word>\b(?:{SCRIPT_WORDS})\b)",
    ".scss": rf"(?P<comment>//[^\n]*)|(?P<string>{STRINGS})|(?P<name>\$[\w-]+|\#\{{[^}}]*\}})|(?P<word>@\w+)",
}


def highlighted(path: Path) -> str:
    """The text of `path` as HTML, for use in <pre>."""
    text = path.read_text("utf-8").rstrip()
    pattern = LANGUAGES.get(path.suffix)
    return "".join(spans(pattern, text)) if pattern else escape(text)


def spans(pattern: str, text: str) -> list[str]:
    """The parts of `text`, those that `pattern` names inside spans of that class."""
    parts, end = [], 0
    for match in re.finditer(pattern, text, re.MULTILINE | re.DOTALL):
        parts.append(escape(text[end : match.start()]))
        parts.append(f'<span class="{match.lastgroup}">{escape(match[0])}</span>')
        end = match.end()
    return [*parts, escape(text[end:])]

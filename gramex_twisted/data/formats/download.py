"""`download`: a table in any of the formats, for user functions. Upstream's signature."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gramex_twisted.data import formats
from gramex_twisted.data.formats.answers import Answers, tabular
from gramex_twisted.data.formats.page import Page

NAMES: Mapping[str, str] = {"xls": "xlsx", "ppt": "pptx", "feather": "arrow", "sns": "seaborn"}
"""Other names of formats."""
MOOT = frozenset({"index", "force_ascii", "handler"})
"""Arguments for pandas that change nothing here; the handler is for templates only."""


def download(
    data: Any,
    format: str = "json",
    template: str | None = None,
    args: Mapping[str, Any] = {},
    **kwargs: Any,
) -> bytes:
    """`data`, a frame of pandas or polars, a list of dicts, or a dict of those by name, as a file's bytes.

    json and template also take anything else. `template` is the path of a Tornado template; `args` fill `{key}` in
    the texts of a Vega `spec`; `kwargs` are options of the format. An index of pandas is left out, `index=True` makes
    columns of it. Raises ValueError for an unknown format or option, and for what is no table, with its type.
    """
    name = NAMES.get(format, format)
    info = formats.known(name)
    options = {key: value for key, value in kwargs.items() if info.options is None or key not in MOOT}
    if template is not None:
        options["template"] = template
    if info.module == "vega":
        options = {key: value for key, value in options.items() if key not in MOOT} | {"args": args}
        options.setdefault("as", "script")
    answers, single = _answers(data, name)
    if kwargs.get("index"):
        answers = {key: _indexed(answer) for key, answer in answers.items()}
    return formats.write(name, answers, single=single, options=options, page=Page())


def _answers(data: Any, name: str) -> tuple[Answers, bool]:
    """The datasets, and whether there is but one."""
    if not isinstance(data, Mapping):
        return {"data": data}, True
    several = bool(data) and all(isinstance(answer, list) or tabular(answer) for answer in data.values())
    if several or not formats.KNOWN[name].anything:
        if not data:
            raise ValueError(f"format {name}: the dict of datasets is empty")
        return data, False
    return {"data": data}, True


def _indexed(answer: Any) -> Any:
    return answer.reset_index() if hasattr(answer, "reset_index") else answer

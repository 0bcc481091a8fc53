"""Pages that a Tornado template of the user's makes of the data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from gramex_twisted.data.formats.answers import Answers, frame, tabular, to_pandas
from gramex_twisted.data.formats.known import Options

if TYPE_CHECKING:
    from gramex_twisted.data.formats.page import Page

OWN = frozenset({"template", "render", "frames"})


def write(name: str, answers: Answers, *, single: bool, options: Options, page: Page | None) -> bytes:
    """What the file `template` makes of `data`: one answer, or a dict of several by name.

    Options: `frames` is pandas (the default) or polars, for tables; `render(template, values) -> str | bytes` is called
    instead of reading the file; all others are variables of the template. Raises ValueError without a template.
    """
    path, frames = options["template"], options.get("frames", "pandas")
    if frames not in ("pandas", "polars"):
        raise ValueError(f"frames {frames!r} is neither pandas nor polars")
    found = {key: _value(answer, frames) for key, answer in answers.items()}
    values = {key: value for key, value in options.items() if key not in OWN}
    values["data"] = next(iter(found.values())) if single else found
    render = options.get("render")
    made = render(path, values) if render else generated(Path(path), values)
    return made.encode() if isinstance(made, str) else bytes(made)


def generated(path: Path, values: dict[str, Any]) -> bytes:
    """What the template makes of `values`; other templates that it names are found beside it."""
    from tornado.template import Loader

    if not path.is_file():
        raise ValueError(f"template {path} is missing")
    return Loader(str(path.parent)).load(path.name).generate(**values)


def _value(answer: Any, frames: str) -> Any:
    if frames == "pandas":
        return to_pandas(answer)
    found = tabular(answer)
    return answer if found is None else frame(found)

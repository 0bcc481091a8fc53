"""Writes the reference pages from the option models, where every option is documented:

    python -m docs.build

docs/handlers.md has routes and handlers, docs/settings.md the other sections of a gramex.yaml.
"""

from __future__ import annotations

import inspect
import json
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from gramex_twisted.config.routes import Entry
from gramex_twisted.config.schema import Sections
from gramex_twisted.registry import Registry, options_model
from gramex_twisted.resources.base import Options

FOLDER = Path(__file__).parent
NOTE = "<!-- Made by `python -m docs.build` from the option models: change the descriptions there. -->"
WORDS = {bool: "true or false", int: "whole number", float: "number", str: "text", dict: "mapping", type(None): ""}

NAMED = ("cache", "schedule", "alert", "email", "sms", "watch", "gramexlog")
"""Sections that are lists by name."""

SINGLE = ("app", "api", "analytics", "sentry", "threadpool")
"""Sections that are one mapping, and have tables of their own."""

HANDLERS = """# Handlers

{note}

What a route of `url:` takes, then what each handler adds to it. `gramex-twisted schema` has the same for editors.
`handlers:` sets defaults for all routes of a handler, and under `BaseHandler` for all routes of all:

```yaml
handlers:
  BaseHandler: {{headers: {{Cache-Control: no-cache}}}}
  FileHandler: {{ignore: ['.*', '*.bak']}}
```

`null` removes what `handlers:` has set; mappings merge, everything else replaces.
"""

SETTINGS = """# Settings

{note}

The sections of a gramex.yaml other than `url:` and `handlers:`, which are in [handlers.md](handlers.md). A time is in
seconds, a size in bytes or with a unit (`100MB`), unless it says otherwise. On the command line, `--set
app.listen.port=9000` sets any of them, and `gramex-twisted show` prints what holds.
"""


def handlers_page() -> str:
    """docs/handlers.md."""
    parts = [HANDLERS.format(note=NOTE), "## A route\n", table(fields(Entry)), "## kwargs of every handler\n"]
    parts.append(table(fields(Options)))
    registry = Registry()
    names: dict[Any, list[str]] = {}
    for name in sorted(registry):  # installed entry points come in any order
        names.setdefault(registry.load(name), []).append(name)
    for handler, known in sorted(names.items(), key=lambda item: str(item[0].__name__)):
        model = options_model(handler)
        parts.append(f"## {', '.join(known)}\n\n{first_paragraph(handler)}\n")
        own = fields(model) if model is not None else {}
        own = {key: field for key, field in own.items() if described(field) != described(fields(Options).get(key))}
        parts.append(table(own) if own else "No options of its own.\n")
    return "\n".join(parts)


def settings_page() -> str:
    """docs/settings.md."""
    parts = [SETTINGS.format(note=NOTE)]
    own = {key: field for key, field in fields(Sections).items() if key not in ("url", "handlers")}
    parts += ["## The sections\n", table(own), *(section for key in SINGLE for section in sections(key))]
    parts += [section for key in NAMED for section in sections(key, f"{key}.name")]
    return "\n".join(parts)


def sections(key: str, path: str = "") -> Iterator[str]:
    """The tables of a top-level section and of the sections in it."""
    yield from tables(model_of(Sections.model_fields[key].annotation), path or key)


def tables(model: Any, path: str) -> Iterator[str]:
    """The table of ``model``, and those of the models in it."""
    inner = {key: found for key, field in fields(model).items() if (found := model_of(field.annotation)) is not None}
    yield f"## {path}:\n"
    yield table(fields(model), {key: f"{path}.{key}" for key in inner})
    for key, found in inner.items():
        yield from tables(found, f"{path}.{key}")


def fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The options of ``model`` as they are written in YAML."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def described(field: FieldInfo | None) -> Any:
    """What two options have in common when one is inherited."""
    return field and (field.description, str(field.annotation), str(field.default))


def table(options: dict[str, FieldInfo], links: dict[str, str] | None = None) -> str:
    """A table of options. ``links``: headings below that tell more of some of them."""
    rows = ["| option | value | default | meaning |", "| --- | --- | --- | --- |"]
    for name, field in options.items():
        target = (links or {}).get(name)
        shown = f"[`{name}`](#{target.replace('.', '')})" if target else f"`{name}`"
        meaning = (field.description or "").replace("|", "\\|")
        rows.append(f"| {shown} | {kind(field.annotation)} | {default(field)} | {meaning} |")
    return "\n".join(rows) + "\n"


def default(field: FieldInfo) -> str:
    """The default as it would be written in YAML; nothing where there is none to speak of."""
    value = "required" if field.is_required() else field.get_default(call_default_factory=True)
    if value == "required":
        return value
    if value is None or value in ((), [], {}, "") or isinstance(value, BaseModel):
        return ""
    return f"`{json.dumps(value, ensure_ascii=False)}`"


def kind(annotation: Any) -> str:
    """A type in words."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return kind(arguments[0])
    if origin is Literal:
        return ", ".join(f"`{json.dumps(item) if isinstance(item, bool) else item}`" for item in arguments)
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(text for item in arguments if (text := kind(item))))
    if origin in (list, tuple):
        return f"list of {plural(kind(arguments[0]))}" if arguments and arguments[0] is not Any else "list"
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        return "mapping"
    return WORDS.get(origin or annotation, "anything")


def plural(text: str) -> str:
    """``text`` as that of many."""
    return {"text": "texts", "mapping": "mappings", "whole number": "whole numbers"}.get(text, text)


def model_of(annotation: Any) -> Any:
    """The model in a type, None where there is none."""
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for item in get_args(annotation) if (found := model_of(item)) is not None), None)


def first_paragraph(thing: Any) -> str:
    """What a docstring says first."""
    return " ".join((inspect.getdoc(thing) or "").partition("\n\n")[0].split())


PAGES = {"handlers.md": handlers_page, "settings.md": settings_page}


def main() -> None:
    """Write every page."""
    for name, made in PAGES.items():
        (FOLDER / name).write_text(made(), "utf-8")


if __name__ == "__main__":
    main()

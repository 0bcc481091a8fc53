"""What a request asks of one dataset: its arguments, after defaults and `prepare`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gramex_twisted.data.arguments import HANDLED
from gramex_twisted.data.names import without_namespaces
from gramex_twisted.data.schema import Schema
from gramex_twisted.data.sources.base import Source
from gramex_twisted.errors import HTTPError
from gramex_twisted.resources.form.datasets import DataSet, texts

if TYPE_CHECKING:
    from gramex_twisted.resources.form.handler import FormHandler
    from gramex_twisted.web.context import Context

NOTHING = Schema(())


@dataclass(frozen=True)
class Ask:
    """What is asked of `own`."""

    own: DataSet
    source: Source
    args: Mapping[str, Sequence[str]]
    """Arguments of the request; of one that was prepared, all."""
    defaults: Mapping[str, Sequence[str]]
    values: Mapping[str, Sequence[str]]
    """All arguments by their plain names, for `{name}` and `:name`."""
    names: Collection[str]
    """The datasets that arguments may name; none once they have been prepared."""
    handled: Collection[str]

    def first(self, name: str, default: str = "") -> str:
        """An argument's first value."""
        found = self.values.get(name)
        return str(found[0]) if found else default


async def ask(handler: FormHandler, own: DataSet, context: Context, args: Mapping[str, Sequence[str]]) -> Ask:
    """What `context`, whose arguments are `args`, asks of `own`; runs its `prepare`, `queryfunction` and `state`."""
    path = _path_arguments(context)
    defaults = {**own.defaults, **path} if path else own.defaults
    names: Collection[str] = handler.sets.sets
    values: Mapping[str, Sequence[str]] = {**defaults, **without_namespaces(args, NOTHING, own.name, names)}
    if own.prepare is not None:
        own_args = {key: list(each) for key, each in values.items()}
        changed = await handler.run(own.prepare, context, own_args, own.name, context)
        args = values = _checked(own_args if changed is None else changed, own.prepare)
        defaults, names = {}, ()
    source = await _source(handler, own, context, values)
    handled = {*HANDLED, *handler.redirects.arguments, *(key for key in path if key.startswith("_"))}
    return Ask(own, source, args, defaults, values, names, handled)


def _path_arguments(context: Context) -> dict[str, list[str]]:
    """The pattern's groups as arguments: `_0`, `_1`, or their names."""
    found = {f"_{place}": [text] for place, text in enumerate(context.path_args) if text is not None}
    found.update({name: [text] for name, text in context.path_kwargs.items() if text is not None})
    return found


def _checked(args: Any, function: Any) -> dict[str, list[str]]:
    """What `prepare` made, as arguments."""
    if not isinstance(args, Mapping):
        raise HTTPError(500, f"prepare: {function.source} must return a dict of arguments, not {type(args).__name__}")
    return {str(key): texts(value) for key, value in args.items()}


async def _source(handler: FormHandler, own: DataSet, context: Context, values: Mapping[str, Sequence[str]]) -> Source:
    """The dataset's source, or the one that its functions name."""
    make = own.function
    if make is not None and own.dataset.url is None:
        return handler.datasets.source(own.dataset, lambda: make.call(None, context))
    if own.queryfunction is None and own.state is None:
        return own.source
    changed: dict[str, Any] = {}
    args = {key: list(each) for key, each in values.items()}
    if own.queryfunction is not None:
        query = await handler.run(own.queryfunction, context, args, own.name, context)
        if not isinstance(query, str):
            kind = type(query).__name__
            raise HTTPError(500, f"queryfunction: {own.queryfunction.source} must return SQL as text, not {kind}")
        changed = {"query": query, "queryfile": None}
    if own.state is not None:
        changed["state"] = lambda: own.state(args, own.name, context)
    return handler.datasets.changed(own.dataset, **changed)

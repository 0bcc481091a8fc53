"""The datasets of a FormHandler, as its options describe them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from twisted.logger import Logger

from gramex_twisted.data.sources.base import Source
from gramex_twisted.data.sources.dataset import Dataset, parse
from gramex_twisted.data.sources.fill import names
from gramex_twisted.errors import ConfigError
from gramex_twisted.functions import Function
from gramex_twisted.resources.base import Options, Setup
from gramex_twisted.services.datasets import Datasets

log = Logger()

SINGLE = "data"
"""The name of a handler's only dataset."""
SHARED = frozenset({"formats", "default", "modify", "frames", "lenient", "formulas", "max_rows"})
"""Options beside several datasets that are none."""
HOOKS = frozenset({"function", "args", "kwargs", "prepare", "modify", "queryfunction", "state", "default"})
ENGINES = ("sqlalchemy", "file", "http", "https", "dir", "dataframe")
"""What `engine:` says in Gramex 1.x where a url is to be what it is anyway."""
QUERY = re.compile(r"\s*(select|with|show|pragma|values)\b", re.IGNORECASE)
VARIABLES = ["args", "key", "handler"]
Arguments = Mapping[str, list[str]]


@dataclass(frozen=True)
class DataSet:
    """One table of a handler, with its hooks."""

    name: str
    dataset: Dataset
    source: Source
    defaults: Arguments
    function: Function | None = None
    prepare: Function | None = None
    modify: Function | None = None
    queryfunction: Function | None = None
    state: Function | None = None

    @property
    def place(self) -> str:
        """What is shared with others that would be kept waiting: the database, or the file."""
        return self.dataset.url or self.name

    @cached_property
    def fills(self) -> tuple[str, ...]:
        """The arguments that say which file or table it is."""
        return (*names(self.dataset.url), *names(self.dataset.table), *names(self.dataset.schema))

    @property
    def is_plain(self) -> bool:
        """Whether no function of the user has a part in reading it."""
        return not (self.function or self.prepare or self.modify or self.queryfunction or self.state)


@dataclass(frozen=True)
class DataSets:
    """All tables of a handler."""

    sets: Mapping[str, DataSet]
    single: bool
    modify: Function | None
    """What gets all of them at once."""


def read(setup: Setup, written: Mapping[str, Any]) -> DataSets:
    """The datasets of a route, as `written` in its kwargs. Raises ConfigError."""
    single = "url" in written or isinstance(written.get("function"), str | list)
    if single:
        own = {key: value for key, value in written.items() if key not in Options.model_fields}
        return DataSets({SINGLE: _dataset(setup, SINGLE, own, ())}, single, None)
    sets: dict[str, DataSet] = {}
    for name, value in written.items():
        if name in Options.model_fields or name in SHARED:
            continue
        if not isinstance(value, Mapping) or ("url" not in value and "function" not in value):
            where = setup.where(name)
            log.warn("{where}: {name} is no dataset: it has no url:, and is left out", where=where, name=name)
            continue
        sets[name] = _dataset(setup, name, {**value, **_defaults_for(written, value)}, (name,))
    if not sets:
        raise setup.error("names no url:, of a file, folder or database")
    modify = None
    if written.get("modify") is not None:
        modify = setup.function(written["modify"], ["data", "key", "handler"], "modify")
    return DataSets(sets, single, modify)


def _defaults_for(written: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """The `default:` of one of several datasets, over that of all."""
    both = {**(written.get("default") or {}), **(own.get("default") or {})}
    return {"default": both}


def _dataset(setup: Setup, name: str, written: Mapping[str, Any], keys: tuple[str, ...]) -> DataSet:
    """The dataset that `written`, at the kwarg `keys`, describes."""
    hooks = _hooks(setup, written, keys)
    kwargs = {key: value for key, value in written.items() if key not in HOOKS and key not in SHARED}
    kwargs.pop("rel", None)  # of a path in a gramex.yaml: they are all relative to the app's folder
    if kwargs.get("engine") in ENGINES:
        del kwargs["engine"]
    if "state" in written and "state" not in hooks:
        kwargs["state"] = written["state"]
    if "queryfunction" in hooks:
        kwargs.setdefault("query", "SELECT 1")  # what the function returns comes in its place
    try:
        dataset = parse(kwargs)
        source = setup.services.part(Datasets).source(dataset, None if dataset.url else _without_request)
    except ValueError as error:
        key, colon, reason = str(error).partition(": ")
        raise setup.error(reason if colon else key, *keys, *([key] if colon and key in written else [])) from None
    defaults = {str(key): texts(value) for key, value in (written.get("default") or {}).items()}
    return DataSet(name, dataset, source, defaults, **hooks)


def _hooks(setup: Setup, written: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    """The dataset's functions by the names of their options."""
    hooks: dict[str, Any] = {}
    for hook in ("prepare", "queryfunction", "state"):
        if written.get(hook) is not None and (hook != "state" or _is_function(written[hook])):
            hooks[hook] = setup.function(written[hook], VARIABLES, *keys, hook)
    if written.get("modify") is not None:
        hooks["modify"] = setup.function(written["modify"], ["data", "key", "handler"], *keys, "modify")
    if written.get("function") is not None:
        hooks["function"] = _transform(setup, written, keys)
    return hooks


def _without_request() -> Any:
    """Stands for a function that makes the data of each request."""
    raise ValueError("the data depends on the request")


def _is_function(state: Any) -> bool:
    """Whether a `state:` is a function, not a list of tables or a query."""
    return isinstance(state, Mapping) or (isinstance(state, str) and not QUERY.match(state))


def _transform(setup: Setup, written: Mapping[str, Any], keys: tuple[str, ...]) -> Function:
    """The dataset's `function:`, with its `args:` and `kwargs:`."""
    spec = {key: written[key] for key in ("function", "args", "kwargs") if written.get(key) is not None}
    function = setup.function(spec if len(spec) > 1 else spec["function"], ["data", "handler"], *keys, "function")
    if function.mode == "async":
        where = setup.where(*keys, "function")
        raise ConfigError(where, f"{function.source}: make it a plain `def`, which runs in a thread with the data")
    return function


def texts(value: Any) -> list[str]:
    """The values of a `default:` as those of an argument."""
    values = value if isinstance(value, list | tuple) else [value]
    return ["" if each is None else str(each) for each in values]

"""How an API's function is called: by name with the arguments that it takes, or as an expression of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import Parameter
from typing import TYPE_CHECKING, Any, Protocol

from gramex_twisted.errors import ConfigError
from gramex_twisted.functions import Function
from gramex_twisted.functions.calls import parameters_of
from gramex_twisted.functions.named import Named, named
from gramex_twisted.options.signature import Signature, signature_of

if TYPE_CHECKING:
    from gramex_twisted.options import OptionSet
    from gramex_twisted.resources.base import Setup
    from gramex_twisted.web.context import Context

_VARIABLE = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)


class Call(Protocol):
    """What is called for each request."""

    @property
    def signature(self) -> Signature | None:
        """Where the options come from the function, what they are."""

    def bind(self, options: OptionSet) -> None:
        """Take the API's options. May raise ConfigError."""

    def of(self, context: Context) -> tuple[Function, tuple[Any, ...]]:
        """The Function for one request, and what it is called with."""


def call_of(setup: Setup) -> Call:
    """What the route's ``function:`` means.

    :raises ConfigError: for what is no function.
    """
    written = setup.config.kwargs
    spec = {key: written[key] for key in ("function", "args", "kwargs") if key in written}
    if "kwargs" in spec:
        spec.setdefault("args", [])  # or parameters that are not named there would get the handler
    whole = spec if len(spec) > 1 else spec.get("function")
    found = None
    if isinstance(whole, str):
        try:
            found = named(whole, setup.where("function"), setup.services.modules)
        except ConfigError as error:
            raise setup.error(error.message, "function") from error.__cause__
    return ExpressionCall(setup, whole) if found is None else NamedCall(setup, found)


class NamedCall:
    """Calls one Python function with keyword arguments."""

    def __init__(self, setup: Setup, found: Named) -> None:
        self.setup = setup
        self.named = found
        self.parameters = parameters_of(found.value) or ()
        function = found.value
        self._function = Function(
            lambda values: function(**values), found.mode, found.source, found.where, found.modules
        )
        self._names: tuple[str, ...] = ()
        self._needed: frozenset[str] = frozenset()
        self._all = any(parameter.kind is Parameter.VAR_KEYWORD for parameter in self.parameters)
        self._handler = any(parameter.name == "handler" for parameter in self.parameters)
        self.signature: Signature | None = None
        if not setup.config.kwargs.get("options"):
            try:
                self.signature = signature_of(found.value, setup.config.pattern)
            except ValueError as error:
                raise setup.error(str(error), "function") from None
        self.convert: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None
        if self.signature is not None and self.signature.conversions:
            self.convert = self.signature.convert

    def bind(self, options: OptionSet) -> None:
        """See Call. Every parameter without a default needs an option."""
        known = names_of(options)
        for parameter in self.parameters:
            name = parameter.name
            if parameter.kind is Parameter.POSITIONAL_ONLY:
                raise self.setup.error(f"{self.named.source}: {name} takes no keyword; leave out the /", "function")
            if parameter.kind in _VARIABLE or name == "handler":
                continue
            if name in known:
                continue
            if parameter.default is Parameter.empty:
                has = ", ".join(sorted(known)) or "none"
                message = f"{self.named.source} needs {name}, which is no option; the options are: {has}"
                raise self.setup.error(message, "function")
        plain = [p for p in self.parameters if p.kind not in _VARIABLE and p.name in known and p.name != "handler"]
        self._names = tuple(parameter.name for parameter in plain)
        self._needed = frozenset(p.name for p in plain if p.default is Parameter.empty)

    def of(self, context: Context) -> tuple[Function, tuple[Any, ...]]:
        """See Call. An argument that is absent is left to the function's own default; without one it is None."""
        args: Any = context.args
        given = dict(args) if self._all else {name: args[name] for name in self._names if name in args}
        if not self._needed <= given.keys():
            given |= dict.fromkeys(self._needed - given.keys())
        values = given if self.convert is None else dict(self.convert(given))
        if self._handler:
            values["handler"] = context
        return self._function, (values,)


class ExpressionCall:
    """Evaluates an expression or a pipeline, whose variables are the options, ``args`` and ``handler``."""

    signature = None

    def __init__(self, setup: Setup, spec: Any) -> None:
        self.setup = setup
        self.spec = spec
        self.names: tuple[str, ...] = ()
        self.function: Any = None

    def bind(self, options: OptionSet) -> None:
        """See Call."""
        known = (name for name in sorted(names_of(options)) if name.isidentifier())
        self.names = tuple(name for name in known if name not in ("handler", "args"))
        self.function = self.setup.function(self.spec, ["handler", "args", *self.names], "function")

    def of(self, context: Context) -> tuple[Function, tuple[Any, ...]]:
        """See Call. What is absent is None."""
        args: Any = context.args
        return self.function, (context, args, *(args.get(name) for name in self.names))


def names_of(options: OptionSet) -> set[str]:
    """The names that arguments have at the top of an Args: those of groups in place of what is in them."""
    names: set[str] = set()
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        for name, option in options.options(method).items():
            names.update(option.definition.group or (name,))
    return names

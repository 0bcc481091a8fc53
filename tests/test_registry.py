"""Handlers by name."""

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

from twisted.trial.unittest import TestCase

from gramex_twisted.config.model import Model
from gramex_twisted.errors import ConfigError
from gramex_twisted.registry import GROUP, UPSTREAM_ALIASES, Registry, installed, options_model
from gramex_twisted.resources.base import Options, Resource


def registry(**entries: str) -> Registry:
    """A registry of these entry points."""
    return Registry({name: EntryPoint(name, value, GROUP) for name, value in entries.items()})


class RegistryTest(TestCase):
    def error(self, handlers: Registry, name: str) -> str:
        with self.assertRaises(ConfigError) as caught:
            handlers.load(name, "g.yaml:3:5")
        return str(caught.exception)

    def module(self, name: str, text: str) -> None:
        """Make ``name`` importable for this test."""
        folder = Path(self.mktemp())
        folder.mkdir()
        (folder / f"{name}.py").write_text(text)
        self.patch(sys, "path", [str(folder.absolute()), *sys.path])
        self.addCleanup(sys.modules.pop, name, None)

    def test_built_in_handlers_are_entry_points(self) -> None:
        handlers = Registry()
        self.assertIn("FunctionHandler", handlers)
        self.assertIn("FileHandler", list(handlers))
        self.assertTrue(issubclass(handlers.load("FunctionHandler"), Resource))
        self.assertTrue(all(entry.group == GROUP for entry in installed().values()))

    def test_the_options_of_a_handler_and_of_all(self) -> None:
        handlers = Registry()
        self.assertIs(handlers.get("FunctionHandler"), handlers.load("FunctionHandler").options_model)
        self.assertIs(handlers.get("BaseHandler"), Options)
        self.assertIsNone(handlers.get("NopeHandler"))

    def test_aliases(self) -> None:
        aliases = registry(FileHandler="a:b", FormHandler="a:b", SimpleAuth="a:b", DirectoryHandler="a:b").aliases
        self.assertEqual(aliases["Form"], "FormHandler")
        for alias, name in UPSTREAM_ALIASES.items():
            self.assertEqual(aliases[alias], name)
        self.assertEqual(
            (aliases["Data"], aliases["Directory"], aliases["DirectoryHandler"]),
            ("FormHandler", "FileHandler", "FileHandler"),
        )
        self.assertNotIn("SimpleAuth", aliases)

    def test_aliases_load_too(self) -> None:
        self.assertIs(registry(FileHandler="json:JSONDecoder").load("Directory"), __import__("json").JSONDecoder)

    def test_handlers_load_when_first_used(self) -> None:
        self.module("lazy_handlers", "class Thing: pass")
        handlers = registry(ThingHandler="lazy_handlers:Thing")
        self.assertNotIn("lazy_handlers", sys.modules)
        self.assertEqual(handlers.load("Thing").__name__, "Thing")

    def test_a_missing_extra_is_named(self) -> None:
        handlers = registry(FormHandler="no_such_module_x:Form [data]", OtherHandler="no_such_module_x:Form")
        self.assertEqual(
            self.error(handlers, "FormHandler"),
            "g.yaml:3:5: handler FormHandler cannot be imported: No module named 'no_such_module_x'; "
            "run: pip install 'gramex-twisted[data]'",
        )
        self.assertEqual(
            self.error(handlers, "OtherHandler"),
            "g.yaml:3:5: handler OtherHandler cannot be imported: No module named 'no_such_module_x'",
        )
        self.assertEqual(
            self.error(registry(XHandler="json:Nope"), "XHandler"),
            "g.yaml:3:5: handler XHandler cannot be loaded: module 'json' has no attribute 'Nope'",
        )

    def test_unknown_names(self) -> None:
        self.assertEqual(self.error(Registry(), "Okapi"), "g.yaml:3:5: unknown handler 'Okapi'")

    def test_dotted_paths(self) -> None:
        self.module("dotted_handlers", "class Outer:\n    class Inner: pass\n")
        handlers = registry()
        self.assertEqual(handlers.load("dotted_handlers.Outer.Inner").__name__, "Inner")
        self.assertEqual(handlers.load("os.path.join").__name__, "join")

    def test_dotted_paths_that_lead_nowhere(self) -> None:
        self.module("broken_handlers", "import json\nraise RuntimeError('no')\n")
        handlers = registry()
        self.assertEqual(
            self.error(handlers, "no_such_module_x.Thing"),
            "g.yaml:3:5: handler 'no_such_module_x.Thing': no module named \"no_such_module_x\"",
        )
        self.assertEqual(
            self.error(handlers, "json.JSONDecodr"),
            "g.yaml:3:5: handler 'json.JSONDecodr': "
            'module json has no function "JSONDecodr"; did you mean "JSONDecoder"?',
        )
        self.assertEqual(
            self.error(handlers, "os.path"), "g.yaml:3:5: handler 'os.path' is a module; name a class in it"
        )
        self.assertEqual(
            self.error(handlers, "a..b"), "g.yaml:3:5: handler 'a..b' is not a name or a dotted Python path"
        )
        text = self.error(handlers, "broken_handlers.Thing")
        self.assertTrue(
            text.startswith(
                "g.yaml:3:5: handler 'broken_handlers.Thing': cannot import \"broken_handlers\": RuntimeError: no"
            ),
            text,
        )
        self.assertIn("broken_handlers.py:2", text)

    def test_things_without_options(self) -> None:
        self.assertIsNone(options_model(object()))
        self.assertIs(options_model(type("X", (), {"options_model": Model})), Model)
        self.assertIsNone(options_model(type("X", (), {"options_model": dict})))

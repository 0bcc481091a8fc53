"""The command `gramex-twisted`."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator
from twisted.trial.unittest import TestCase

from gramex_twisted import cli
from gramex_twisted.config import reader
from gramex_twisted.config.variables import PACKAGE
from gramex_twisted.resources.auth.hashes import matches

GOOD = """
app: {settings: {cookie_secret: 0123456789}}
url:
  wild: {pattern: /a/.*, handler: FunctionHandler, kwargs: {function: str("wild")}}
  first: {pattern: /z, handler: Function, kwargs: {function: str("first")}, priority: 5}
  deep: {pattern: /a/b, handler: FunctionHandler, kwargs: {function: str("deep")}}
"""

BAD = """
url:
  home:
    patern: /
    handler: FunctionHandler
    kwargs: {function: str("x")}
  other:
    pattern: /other
    handler: FunctionHandler
    kwargs: {function: no_such_module_x.fn}
"""


class CommandCase(TestCase):
    """Runs commands in a folder of their own."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.addCleanup(os.chdir, Path.cwd())
        os.chdir(self.folder)

    def write(self, text: str, name: str = "gramex.yaml") -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def run_command(self, *arguments: str) -> tuple[int, str, str]:
        """The exit status, the output and the error output."""
        out, err = io.StringIO(), io.StringIO()
        self.patch(sys, "stdout", out)
        self.patch(sys, "stderr", err)
        try:
            code = cli.main(arguments)
        except SystemExit as stop:  # argparse
            code = int(str(stop.code))
        return code, out.getvalue(), err.getvalue()


class CheckTest(CommandCase):
    def test_a_good_file(self) -> None:
        self.write(GOOD)
        self.assertEqual(self.run_command("check"), (0, "gramex.yaml: no errors\n", ""))

    def test_all_errors_of_all_routes_with_their_places(self) -> None:
        self.write(BAD)
        code, out, _ = self.run_command("check", "gramex.yaml")
        self.assertEqual(code, 64)
        self.assertEqual(
            out.splitlines(),
            [
                "gramex.yaml:4:5: url.home: unknown key 'patern'; did you mean 'pattern'?",
                'gramex.yaml:10:14: url.other.kwargs.function: no module named "no_such_module_x"',
                "gramex.yaml: 2 errors",
            ],
        )

    def test_yaml_errors(self) -> None:
        self.write("a: 1\na: 2\nimport: nope.yaml\n")
        code, out, _ = self.run_command("check")
        self.assertEqual(
            (code, out.splitlines()[:2]),
            (
                64,
                [
                    "gramex.yaml:2:1: duplicate key 'a'; the first is on line 1",
                    "gramex.yaml:3:1: import: nope.yaml does not exist",
                ],
            ),
        )

    def test_warnings_do_not_fail(self) -> None:
        self.write(GOOD + "ulr: $NOPE_X\n")
        code, out, _ = self.run_command("check")
        self.assertEqual(code, 0)
        self.assertEqual(
            out.splitlines(),
            [
                "warning: gramex.yaml:7:6: variable NOPE_X is not set, so $NOPE_X is empty; "
                "write $$NOPE_X for a literal $NOPE_X",
                "warning: gramex.yaml:7:1: unknown key 'ulr' is taken as the app's own; did you mean 'url'?",
                "gramex.yaml: 2 warnings",
            ],
        )

    def test_json(self) -> None:
        self.write(BAD)
        code, out, _ = self.run_command("check", "--json")
        found = json.loads(out)
        self.assertEqual((code, found["ok"], found["file"], found["warnings"]), (64, False, "gramex.yaml", []))
        self.assertEqual(
            found["errors"][0],
            {
                "file": "gramex.yaml",
                "line": 4,
                "column": 5,
                "message": "url.home: unknown key 'patern'; did you mean 'pattern'?",
            },
        )

    def test_set(self) -> None:
        self.write(GOOD)
        code, out, _ = self.run_command("check", "--set", "app.listen.port=x", "--set", "url.deep=null")
        self.assertEqual(
            (code, out.splitlines()[0]),
            (64, "--set app.listen.port=x: app.listen.port: must be a whole number, not 'x'"),
        )

    def test_user_modules_are_found_beside_the_file(self) -> None:
        self.write("def fn(handler): return 1\n", "sub/cli_user_module.py")
        self.write(
            "url: {a: {pattern: /, handler: FunctionHandler, kwargs: {function: cli_user_module.fn}}}",
            "sub/gramex.yaml",
        )
        self.addCleanup(sys.modules.pop, "cli_user_module", None)
        before = list(sys.path)
        self.assertEqual(self.run_command("check", "sub")[0], 0)
        self.assertEqual(sys.path, before)

    def test_endpoints_and_certificates(self) -> None:
        self.write("app:\n  listen: {certfile: nope.pem}\n")
        code, out, _ = self.run_command("check")
        self.assertEqual(
            (code, out.splitlines()[0]),
            (
                64,
                "gramex.yaml:2:3: cannot read nope.pem: No such file or directory; see app.listen.certfile and keyfile",
            ),
        )

    def test_nothing_to_check(self) -> None:
        code, out, _ = self.run_command("check", "nope.yaml")
        self.assertEqual((code, out.splitlines()[0]), (64, "nope.yaml: there is no such file or folder"))
        self.assertEqual(self.run_command("check")[0], 64)

    def test_a_real_process_exits_with_64_and_opens_nothing(self) -> None:
        self.write(BAD)
        environ = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
        done = subprocess.run(
            [sys.executable, "-m", "gramex_twisted.cli", "check"], capture_output=True, text=True, env=environ
        )
        self.assertEqual((done.returncode, done.stdout.splitlines()[-1]), (64, "gramex.yaml: 2 errors"))
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()), ["gramex.yaml"])


class ShowTest(CommandCase):
    def test_the_effective_configuration_with_secrets_masked(self) -> None:
        self.write("WORD: hunter22\n", ".secrets.yaml")
        self.write(GOOD + "mine: [$WORD, &x {a: 1}, *x]\n")
        code, out, err = self.run_command("show", "--set", "app.listen.port=7")
        found = yaml.safe_load(out)
        self.assertEqual((code, err), (0, ""))
        self.assertEqual(found["app"]["listen"]["port"], 7)
        self.assertEqual(
            (found["app"]["settings"]["cookie_secret"], found["app"]["settings"]["login_url"]), ("***", "/login/")
        )
        self.assertEqual((found["mine"], found["threadpool"]), (["***", {"a": 1}, {"a": 1}], {"workers": 16}))
        self.assertNotIn("hunter22", out)
        self.assertNotIn("0123456789", out)

    def test_values_that_yaml_has_no_words_for(self) -> None:
        self.write("variables: {D: {function: 'pathlib.PurePosixPath(\"/x\")'}}\n")
        self.assertEqual(yaml.safe_load(self.run_command("show")[1])["variables"], {"D": "/x"})

    def test_routes_in_the_order_they_match(self) -> None:
        self.write(GOOD + "  bad: {pattern: /y, handler: Nope}\n")
        code, out, _ = self.run_command("show", "--routes")
        self.assertEqual(code, 0)
        self.assertEqual(
            [line.split()[:4] for line in out.splitlines()],
            [
                ["PRIORITY", "PATTERN", "HANDLER", "NAME"],
                ["5", "/z", "FunctionHandler", "first"],
                ["0", "/a/b", "FunctionHandler", "deep"],
                ["0", "/a/.*", "FunctionHandler", "wild"],
                ["0", "/y", "Nope", "(has"],
                ["-100", "/(.*)", "gramex_twisted.resources.folder.FileHandler", "default"],
            ],
        )
        self.assertIn("gramex.yaml:5:3", out)

    def test_errors(self) -> None:
        self.write("app: 5")
        self.assertEqual(self.run_command("show"), (64, "", "gramex.yaml:1:1: app: must be a mapping, not 5\n"))


class SchemaTest(CommandCase):
    def test_the_schema_is_printed(self) -> None:
        code, out, _ = self.run_command("schema")
        schema = json.loads(out)
        Draft202012Validator.check_schema(schema)
        validator = Draft202012Validator(schema)
        self.assertEqual(code, 0)
        self.assertTrue(validator.is_valid(yaml.safe_load(GOOD)))
        template = (PACKAGE / "init" / "gramex.yaml").read_text()
        self.assertTrue(validator.is_valid(yaml.safe_load(template)))


class InitTest(CommandCase):
    def test_the_new_app_is_in_order(self) -> None:
        code, out, _ = self.run_command("init", "new/app")
        self.assertEqual(
            (code, out), (0, "new/app/gramex.yaml is written. Serve it with:  cd new/app && twist gramex\n")
        )
        self.assertTrue(
            {"gramex.yaml", "index.html", "greetings.py", "README.md", "static"}
            <= {path.name for path in Path("new/app").iterdir()}
        )
        self.addCleanup(sys.modules.pop, "greetings", None)
        self.assertEqual(self.run_command("check", "new/app"), (0, "new/app/gramex.yaml: no errors\n", ""))

    def test_nothing_is_overwritten(self) -> None:
        self.write("mine", "README.md")
        self.assertEqual(self.run_command("init"), (1, "", "README.md: there already, nothing was written\n"))
        self.assertEqual([path.name for path in self.folder.iterdir()], ["README.md"])

    def test_folders_that_cannot_be_made(self) -> None:
        self.write("a file", "taken")
        self.assertEqual(self.run_command("init", "taken/app"), (1, "", "taken/app: Not a directory\n"))


class UsageTest(CommandCase):
    def test_an_unknown_command(self) -> None:
        code, _, err = self.run_command("chek")
        self.assertEqual(code, 2)
        self.assertIn("invalid choice: 'chek'", err)

    def test_help_names_every_command(self) -> None:
        code, out, _ = self.run_command("--help")
        self.assertEqual(code, 0)
        for command in ("check", "schema", "show", "init"):
            self.assertIn(command, out)


class HashTest(CommandCase):
    def hash(self, line: str) -> tuple[int, str, str]:
        self.patch(sys, "stdin", io.StringIO(line))
        return self.run_command("hash")

    def test_the_hash_is_one_that_a_yaml_file_can_hold(self) -> None:
        code, out, _ = self.hash("s3cret\n")
        self.assertEqual(code, 0)
        self.assertTrue(out.startswith("$argon2id$v=19$"))
        self.assertTrue(matches(out.strip(), "s3cret"))
        self.assertFalse(matches(out.strip(), "s3cret\n"))
        Path("hash.yaml").write_text(f"x: {out}y: {out.replace('$', '$$')}")
        tree = reader.read("hash.yaml").tree
        self.assertEqual((tree["x"], tree["y"]), (out.strip(), out.strip()))

    def test_an_empty_password_is_refused(self) -> None:
        self.assertEqual(self.hash("\n"), (1, "", "an empty password is none\n"))

"""Variables: substitution, `variables:`, predefined ones, secrets."""

import sys
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from gramex_twisted.config.variables import PACKAGE, data_folder
from tests.config.support import FilesCase, document, errors_of, lines


def value(text: str, **options: object) -> object:
    """What the key `x` of a YAML text becomes."""
    return document(text, **options).tree["x"]


class SubstitutionTest(TestCase):
    def test_variables_are_replaced_in_texts_at_any_depth(self) -> None:
        found = value("variables: {A: one, B: 2}\nx: [{k: '$A-${B}'}, 'pre${A}post', '$A$B']")
        self.assertEqual(found, [{"k": "one-2"}, "preonepost", "one2"])

    def test_a_value_that_is_one_variable_keeps_its_type(self) -> None:
        text = "variables: {N: 5, L: [1, a], D: {k: {v: 1}}, T: true, Z: null}\nx: [$N, '${L}', $D, $T, $Z, '$N ']"
        self.assertEqual(value(text), [5, [1, "a"], {"k": {"v": 1}}, True, None, "5 "])

    def test_two_dollars_are_one(self) -> None:
        self.assertEqual(value("x: ['$$A', '$$$$', 'a$$b', '$${A}']"), ["$A", "$$", "a$b", "${A}"])

    def test_dollars_before_no_name_stay(self) -> None:
        for text in ["^/a$", "$1", "$(x)", "${a-b}", "${", "100 $", "$.x"]:
            self.assertEqual(value(f"x: '{text}'"), text)

    def test_replaced_text_is_not_replaced_again(self) -> None:
        self.assertEqual(value("variables: {A: '$$B', B: no}\nx: ['$A', '<$A>']"), ["$B", "<$B>"])

    def test_null_inside_a_text_is_empty(self) -> None:
        self.assertEqual(value("variables: {Z: null}\nx: '<$Z>'"), "<>")

    def test_keys_are_left_alone(self) -> None:
        self.assertEqual(value("variables: {A: 1}\nx: {$A: 1, '^/a$': 2}"), {"$A": 1, "^/a$": 2})

    def test_a_dot_in_braces_is_the_folder_of_the_file(self) -> None:
        self.assertEqual(value("x: '{.}/data'"), "/app/data")

    def test_an_undefined_variable_is_empty_and_warned_about_with_its_line(self) -> None:
        read = document("x:\n  - $NOPE\n  - a${NOPE}b\n  - |\n    one\n    two $NOPE\n")
        self.assertEqual(read.tree["x"], ["", "ab", "one\ntwo \n"])
        text = "variable NOPE is not set, so {0} is empty; write ${0} for a literal {0}"
        self.assertEqual(
            lines(read.warnings),
            [
                f"gramex.yaml:2:5: {text.format('$NOPE')}",
                f"gramex.yaml:3:5: {text.format('${NOPE}')}",
                f"gramex.yaml:5:1: {text.format('$NOPE')}",
            ],
        )

    @settings(deadline=None, max_examples=100)
    @given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30).filter(lambda text: "{.}" not in text))
    def test_any_text_survives_with_its_dollars_doubled(self, text: str) -> None:
        options = {"environ": {"ESCAPED": text.replace("$", "$$"), "RAW": text, "A": "a"}}
        self.assertEqual(value("x: ['$RAW', '<${RAW}>']", **options), [text, f"<{text}>"])
        written = '"' + "".join(f"\\U{ord(char):08x}" for char in text.replace("$", "$$")) + '"'
        self.assertEqual(value(f"x: {written}", environ={"A": "a"}), text)


class DefinitionTest(TestCase):
    def test_values_win_over_the_environment_and_defaults_do_not(self) -> None:
        text = "variables: {A: file, B: {default: file}, C: {default: file}}\nx: [$A, $B, $C]"
        self.assertEqual(value(text, environ={"A": "env", "B": "env"}), ["file", "env", "file"])

    def test_each_variable_sees_those_before_it(self) -> None:
        text = "variables: {A: 1, B: $A, C: {k: ['$B', 'x$A']}, D: {default: $C}}\nx: $D"
        self.assertEqual(value(text), {"k": [1, "x1"]})

    def test_functions_get_the_name_as_key(self) -> None:
        self.assertEqual(value("variables: {HOME_OF: {function: key.lower() + str(1)}}\nx: $HOME_OF"), "home_of1")
        text = "variables: {A: {function: str.replace, args: [=key, A, B]}}\nx: $A"
        self.assertEqual(value(text), "B")

    def test_a_function_that_gives_nothing_has_its_default(self) -> None:
        self.assertEqual(value("variables: {A: {function: 'None', default: [1]}}\nx: $A"), [1])
        self.assertEqual(value("variables: {A: {function: 'None'}}\nx: $A"), None)
        self.assertEqual(value("variables: {A: {function: '0', default: 1}}\nx: $A"), 0)

    def test_a_function_that_raises_has_its_default_and_a_warning(self) -> None:
        read = document("variables:\n  A:\n    function: 1/0\n    default: 7\nx: $A\n")
        self.assertEqual(read.tree["x"], 7)
        self.assertEqual(
            lines(read.warnings),
            [
                "gramex.yaml:3:5: variables.A: the function failed: it raised ZeroDivisionError: division by zero; "
                "its default is used"
            ],
        )

    def test_a_function_that_raises_without_a_default_is_an_error(self) -> None:
        self.assertEqual(
            errors_of(document, "variables:\n  A: {function: 1/0}\n"),
            [
                "gramex.yaml:2:7: variables.A: the function failed: it raised ZeroDivisionError: division by zero; "
                "add `default:` if it may"
            ],
        )

    def test_an_import_that_fails_counts_as_raising(self) -> None:
        read = document("variables: {A: {function: nosuchmodule.x(), default: d}}\nx: $A")
        self.assertEqual(read.tree["x"], "d")
        self.assertEqual(len(read.warnings), 1)

    def test_conditions_choose_variables(self) -> None:
        text = "variables: {E: dev, 'P if E == \"dev\"': 1, 'P if E != \"dev\"': 2, 'Q if E == 1': 3}\nx: [$P, '$Q']"
        self.assertEqual(value(text), [1, ""])

    def test_the_evaluated_section_is_in_the_tree(self) -> None:
        read = document("variables: {A: 1, B: {default: $A}}\n")
        self.assertEqual(read.tree["variables"], {"A": 1, "B": 1})
        self.assertEqual(str(read.marks["variables", "B"]), "/app/gramex.yaml:1:19")

    def test_bad_sections(self) -> None:
        self.assertEqual(
            errors_of(document, "variables: [1]"), ["gramex.yaml:1:1: variables: takes `NAME: value` pairs"]
        )
        self.assertEqual(
            errors_of(document, "variables: {1: x}"), ["gramex.yaml:1:13: variables: the name 1 must be text"]
        )
        self.assertNotIn("variables", document("variables:\n").tree)

    def test_variables_that_multiply_are_refused(self) -> None:
        rows = ["variables:", "  A0: [x, x, x, x, x, x, x, x, x, x]"]
        rows += [f"  A{n}: [{', '.join([f'$A{n - 1}'] * 10)}]" for n in range(1, 20)]
        found = errors_of(document, "\n".join(rows))
        self.assertEqual(
            [line.partition(": ")[2] for line in found], ["variables expand to more than 20000000 characters"]
        )
        texts = ["variables:", "  A0: xxxxxxxxxx", *(f"  A{n}: '{f'$A{n - 1}' * 10}'" for n in range(1, 20))]
        self.assertEqual(len(errors_of(document, "\n".join(texts))), 1)

    def test_variables_that_nest_without_end_are_refused(self) -> None:
        rows = ["variables:", "  A0: {k: 1}", *(f"  A{n}: {{k: $A{n - 1}}}" for n in range(1, 2000))]
        self.assertEqual(
            errors_of(document, "\n".join(rows)), ["gramex.yaml:67:12: variables nest more than 64 levels deep"]
        )


class PredefinedTest(FilesCase):
    def test_paths_of_the_file(self) -> None:
        read = self.read({"gramex.yaml": "x: [$YAMLPATH, $YAMLFILE, $YAMLURL, /$YAMLURL/a]"})
        self.assertEqual(read.tree["x"], [str(self.root), "gramex.yaml", ".", "/./a"])

    def test_yamlurl_is_relative_to_the_start_folder(self) -> None:
        root = self.folder({"apps/one/gramex.yaml": "x: $YAMLURL"})
        from gramex_twisted.config.reader import read

        self.assertEqual(read(root / "apps/one/gramex.yaml", start=root).tree["x"], "apps/one")

    def test_paths_of_the_server(self) -> None:
        found = value("x: [$GRAMEXPATH, $GRAMEXAPPS, $GRAMEXDATA]", environ={"GRAMEXDATA": "/data"})
        self.assertEqual(found, [str(PACKAGE), str(PACKAGE / "apps"), "/data"])
        self.assertNotEqual(value("x: $GRAMEXHOST"), "")

    def test_the_environment(self) -> None:
        self.assertEqual(value("x: $CITY", environ={"CITY": "Oslo"}), "Oslo")

    def test_the_data_folder_on_linux_and_macos(self) -> None:
        self.assertEqual(data_folder({"GRAMEXDATA": "/d", "HOME": "/h"}), Path("/d"))
        self.patch(sys, "platform", "linux")
        self.assertEqual(data_folder({"HOME": "/h"}), Path("/h/.config/gramexdata"))
        self.patch(sys, "platform", "darwin")
        self.assertEqual(data_folder({"HOME": "/h"}), Path("/h/Library/Application Support/Gramex Data"))


class SecretsTest(FilesCase):
    def test_secrets_are_variables_before_anything_else(self) -> None:
        read = self.read(
            {
                ".secrets.yaml": "PASSWORD: 'p$$HOME'\nPORT: 5\n",
                "gramex.yaml": "variables: {PASSWORD: {default: no}}\nx: [$PASSWORD, $PORT]",
            },
            environ={"PASSWORD": "env", "HOME": "/"},
        )
        self.assertEqual(read.tree["x"], ["p$$HOME", 5])
        self.assertEqual(read.secrets, {"PASSWORD", "PORT"})
        self.assertIn(self.root / ".secrets.yaml", read.files)

    def test_broken_secrets_are_told_with_the_other_errors(self) -> None:
        found = self.errors({".secrets.yaml": "a: 1\na: 2\n3: x\n", "gramex.yaml": "import: nope.yaml"})
        self.assertEqual(
            found,
            [
                ".secrets.yaml:2:1: duplicate key 'a'; the first is on line 1",
                ".secrets.yaml:3:1: the name 3 must be text",
                "gramex.yaml:1:1: import: nope.yaml does not exist",
            ],
        )
        self.assertEqual(
            self.errors({".secrets.yaml": "[1]", "gramex.yaml": ""}),
            [".secrets.yaml:1:1: the file must hold `key: value` pairs"],
        )

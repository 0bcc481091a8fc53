"""`key if expression` and `$*`."""

from twisted.trial.unittest import TestCase

from tests.config.support import document, errors_of, lines


def tree(text: str, **options: object) -> dict[object, object]:
    """The tree of a YAML text, without what the package's defaults add."""
    read = document(text, **options)
    return {key: value for key, value in read.tree.items() if str(read.marks[(key,)]).startswith("/app/")}


class ConditionTest(TestCase):
    def test_a_key_is_kept_without_its_condition_when_that_is_true(self) -> None:
        self.assertEqual(
            tree("a if 1 < 2: x\nb if 1 > 2: y\nc: {d if True: [{e if False: 1, f: 2}]}"),
            {"a": "x", "c": {"d": [{"f": 2}]}},
        )

    def test_expressions_see_the_variables(self) -> None:
        text = "x if ENV.startswith('prod') and PORT > 80: 1\ny if 'c' in CITIES: 2\nz if not PORT: 3"
        text = f"variables: {{PORT: 8000, CITIES: [c]}}\n{text}"
        self.assertEqual(tree(text, environ={"ENV": "production"}) | {"variables": 0}, {"x": 1, "y": 2, "variables": 0})

    def test_expressions_may_use_modules_builtins_and_their_own_names(self) -> None:
        self.assertEqual(
            tree("a if os.path.exists('/'): 1\nb if any(n > 1 for n in [1, 2]): 2\nc if len('') : 3"), {"a": 1, "b": 2}
        )

    def test_of_two_that_hold_the_later_wins(self) -> None:
        self.assertEqual(tree("a: 1\na if True: 2\n"), {"a": 2})

    def test_what_is_dropped_is_not_looked_at(self) -> None:
        read = document("a if False: {x: $NOPE, import: nope.yaml}")
        self.assertEqual((read.warnings, "a" in read.tree), ((), False))

    def test_a_name_that_is_not_set_is_empty_with_a_warning(self) -> None:
        read = document("a if DEBUG: 1\nb if not DEBUG: 2")
        self.assertEqual((read.tree.get("a"), read.tree.get("b")), (None, 2))
        self.assertEqual(
            lines(read.warnings),
            [
                "gramex.yaml:1:1: variable DEBUG is not set, so it is empty in the condition 'DEBUG'",
                "gramex.yaml:2:1: variable DEBUG is not set, so it is empty in the condition 'not DEBUG'",
            ],
        )

    def test_an_expression_that_raises_is_false_with_a_warning(self) -> None:
        read = document("a if PORT > 80: 1", environ={"PORT": "x"})
        self.assertNotIn("a", read.tree)
        self.assertEqual(
            lines(read.warnings),
            [
                "gramex.yaml:1:1: the condition 'PORT > 80' is taken as false: it raised TypeError: '>' not supported "
                "between instances of 'str' and 'int'"
            ],
        )

    def test_expressions_that_are_no_python_are_errors(self) -> None:
        found = errors_of(document, "a if 1 +: 1\nb if nosuchmodule.x: 2\n")
        self.assertEqual(
            found,
            [
                'gramex.yaml:1:1: condition: "1 +" is not a Python expression: invalid syntax',
                'gramex.yaml:2:1: condition: no module named "nosuchmodule"',
            ],
        )


class RandomTest(TestCase):
    def test_each_dollar_star_becomes_five_letters_or_digits(self) -> None:
        keys = list(tree("a-$*: 1\nb-$*-$*: 2"))
        self.assertRegex(str(keys[0]), r"^a-[A-Za-z0-9]{5}$")
        self.assertRegex(str(keys[1]), r"^b-[A-Za-z0-9]{5}-[A-Za-z0-9]{5}$")

    def test_they_differ_between_reads(self) -> None:
        self.assertNotEqual(list(tree("a-$*-$*: 1")), list(tree("a-$*-$*: 1")))

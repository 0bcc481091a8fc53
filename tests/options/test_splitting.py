"""Text to lists."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.options.splitting import SEPARATORS, split


class SplitTests(SynchronousTestCase):
    def test_items(self) -> None:
        for text, items in [
            ("", []),
            (" , |+\t\n", []),
            ("CDK2 CDK3", ["CDK2", "CDK3"]),
            ("a,b|c+d e\r\nf\x0bg\x0ch", list("abcdefgh")),
            (",a,,b,", ["a", "b"]),
            ('"CDK2 CDK3"\n CDk4', ["CDK2 CDK3", "CDk4"]),
            ("'a b', c", ["a b", "c"]),
            ("5'-UTR,3'-UTR", ["5'-UTR", "3'-UTR"]),
            ("O'Brien 'x y'", ["O'Brien", "x y"]),
            ('5"-x', ['5"-x']),
            ('symbol:"cdk 2",b', ["symbol:cdk 2", "b"]),
            (r"a\,b c", ["a,b", "c"]),
            (r"'a\b'", [r"a\b"]),
            (r'"a\"b\c"', [r'a"b\c']),
            ("a\\", ["a\\"]),
            ('"" a " "', ["a"]),
            ("'a'b", ["ab"]),
            ("é,日本", ["é", "日本"]),
        ]:
            self.assertEqual(split(text), items, text)

    def test_a_leading_quote_must_be_closed(self) -> None:
        for text in ("'abc", '"abc', "a, 'b c", '"'):
            with self.assertRaisesRegex(ValueError, "^No closing quotation"):
                split(text)

    @settings(deadline=None, max_examples=200)
    @given(st.lists(st.text(st.characters(exclude_characters=SEPARATORS + "\"'\\", exclude_categories=["Cs"]))))
    def test_plain_items_come_back(self, items: list[str]) -> None:
        wanted = [item for item in items if item]
        self.assertEqual(split(",".join(items)), wanted)
        self.assertEqual(
            split(" ".join(f'"{item}"' for item in items)), [item.strip() for item in items if item.strip()]
        )

    @settings(deadline=None, max_examples=300)
    @given(st.text("ab '\"\\,|+"))
    def test_any_text_is_a_list_or_an_error(self, text: str) -> None:
        try:
            self.assertTrue(all(split(text)))
        except ValueError as error:
            self.assertIn("No closing quotation", str(error))

    def test_long_texts(self) -> None:
        many = 100_000
        self.assertEqual(split('a"b c"d ' * many), ["ab cd"] * many)
        self.assertEqual(split("it's " * many), ["it's"] * many)
        self.assertEqual(split("a\\,b|" * many), ["a,b"] * many)
        self.assertRaises(ValueError, split, '"' + "x" * 10 * many)

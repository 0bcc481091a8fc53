"""The arguments of an API: where they are found, and the exact JSON that tells what is wrong with them."""

from __future__ import annotations

from typing import Any

import msgpack
import orjson

from tests.resources.api.apps import ApiTestCase

PREFIX = b'{"code":400,"success":false,"error":"Bad Request",'


class FoundTests(ApiTestCase):
    def test_arguments_come_from_path_query_form_json_yaml_and_msgpack(self) -> None:
        self.assertEqual(
            self.get("/echo/inpath?s=a").json(), {"s": "a", "p": "inpath", "es": {}, "control": {}, "format": "json"}
        )
        for body, media in (
            (b"s=a&i=3&l=x&l=y+z", "application/x-www-form-urlencoded"),
            (b'{"s":"a","i":3,"l":["x","y","z"]}', "Application/JSON; charset=utf-8"),
            (b'{"s":"a","i":3,"l":["x","y","z"]}', "application/vnd.api+json"),
            (b"s: a\ni: 3\nl: [x, y, z]", "application/yaml"),
            (b"s: a\ni: 3\nl: [x, y, z]", "text/X-YAML;x=y"),
            (msgpack.packb({"s": "a", "i": 3, "l": ["x", "y", "z"]}), "application/msgpack"),
        ):
            found = self.sent(body, media).json()
            self.assertEqual((found["s"], found["i"], found["l"]), ("a", 3, ["x", "y", "z"]), media)

    def test_a_multipart_form_is_a_form(self) -> None:
        body = b'--x\r\nContent-Disposition: form-data; name="i"\r\n\r\n4\r\n--x--\r\n'
        self.assertEqual(self.sent(body, "multipart/form-data; boundary=x").json()["i"], 4)

    def test_the_query_comes_before_the_body_and_aliases_after_the_name(self) -> None:
        self.assertEqual(self.sent(b'{"s":"body"}', url="/echo?s=query").json()["s"], "query")
        self.assertEqual(self.sent(b'{"u":"2","t":"1"}').json()["s"], "1")

    def test_groups_places_and_unknown_arguments(self) -> None:
        found = self.sent(b'{"q":"not here","body":"b","g":"1","else":1}', url="/echo?body=no&q=yes&else=2").json()
        self.assertEqual((found["q"], found["body"]), ("yes", "b"))
        self.assertNotIn("else", found)
        found = self.get("/echo?g=1").json()
        self.assertEqual((found["es"], found["control"]), ({"g": "1"}, {"g": "1"}))

    def test_values_are_converted_and_translated(self) -> None:
        found = self.get("/echo?i=%207&f=1e0&loose=1.9&b&l=a,%22b%20c%22&n=1,2&w=gene:x&j=a&d=2024-02-29").json()
        expected = {"i": 7, "f": 1.0, "loose": 1, "b": True, "l": ["a", "b c"], "n": [1, 2], "w": "x", "j": ["a"]}
        self.assertEqual({name: found[name] for name in expected}, expected)
        form = b'j=["a",1]'
        self.assertEqual(self.sent(form, "application/x-www-form-urlencoded").json()["j"], ["a", 1])

    def test_null_is_absent_and_names_are_not_needed_in_utf_8(self) -> None:
        self.assertNotIn("s", self.sent(b'{"s":null}').json())
        self.assertEqual(self.get("/echo?s=a&%ff=%ff").json()["s"], "a")


class RefusedTests(ApiTestCase):
    def expect(self, url: str, rest: bytes, body: bytes | None = None, media: str = "application/json") -> None:
        response = self.get(url) if body is None else self.sent(body, media, url)
        self.assertEqual((response.status, response.body), (400, PREFIX + rest + b"}"), (url, body))
        self.assertEqual(response.headers["content-type"], "application/json; charset=UTF-8")

    def test_every_failure_of_the_query(self) -> None:
        for url, rest in {
            "/needs": b'"missing":"a","alias":"b"',
            "/needs?a=1&c=x": b'"reason":"Expect type int.","keyword":"c"',
            "/echo?i=1.5": b'"reason":"Expect type int.","keyword":"i"',
            "/echo?i=": b'"reason":"Expect type int.","keyword":"i"',
            "/echo?i=%D9%A3x": b'"reason":"Expect type int.","keyword":"i"',
            "/echo?f=x": b'"reason":"Expect type float.","keyword":"f"',
            "/echo?i=11": b'"keyword":"i","max":10,"num":11',
            "/echo?i=-1": b'"keyword":"i","min":0,"num":-1',
            "/echo?f=1.6": b'"keyword":"f","max":1.5,"num":1.6',
            "/echo?f=nan": b'"keyword":"f","max":1.5,"num":null',
            "/echo?l=": b'"keyword":"l","min":1,"size":0',
            "/echo?l=a,b,c,d": b'"keyword":"l","max":3,"size":4',
            "/echo?tu=1,x": b'"reason":"Expect type tuple of float.","keyword":"tu"',
            "/echo?se=1.5": b'"reason":"Expect type set of int.","keyword":"se"',
            "/echo?n=1,x": b'"reason":"Expect type list of int.","keyword":"n"',
            "/echo?l='a": b'"reason":"No closing quotation for \'a.","keyword":"l"',
            "/echo?e=blue": b'"keyword":"e","allowed":["red","green"],"alias":"colour"',
            "/echo?d=2023-02-29": b'"keyword":"d","date_format":"%Y-%m-%d","num":"2023-02-29"',
            "/echo?o=a": b'"reason":"Expect type dict.","keyword":"o"',
            "/echo?s=%ff": b'"reason":"Expect UTF-8.","keyword":"s"',
            "/echo?format=xml": b'"keyword":"format","allowed":["json","yaml","html","msgpack","jsonl"]',
            "/echo?jmespath=a": b'"reason":"Invalid value for jmespath parameter","keyword":"jmespath",'
            b'"details":"a field and a query, with | between them, are wanted"',
        }.items():
            self.expect(url, rest)

    def test_a_number_too_long_for_python(self) -> None:
        self.expect(f"/echo?i={'9' * 5000}", b'"reason":"Expect type int.","keyword":"i"')

    def test_json_values_have_their_type(self) -> None:
        for body, rest in {
            b'{"i":true}': b'"reason":"Expect type int.","keyword":"i"',
            b'{"i":"1"}': b'"reason":"Expect type int.","keyword":"i"',
            b'{"i":1.0}': b'"reason":"Expect type int.","keyword":"i"',
            b'{"b":1}': b'"reason":"Expect type bool.","keyword":"b"',
            b'{"s":1}': b'"reason":"Expect type str.","keyword":"s","alias":["t","u"]',
            b'{"l":"a"}': b'"reason":"Expect type list.","keyword":"l"',
            b'{"n":["1"]}': b'"reason":"Expect type list of int.","keyword":"n"',
            b'{"b":"true"}': b'"reason":"Expect type bool.","keyword":"b"',
            b'{"f":"1.5"}': b'"reason":"Expect type float.","keyword":"f"',
            b'{"f":true}': b'"reason":"Expect type float.","keyword":"f"',
            b'{"f":-2}': b'"keyword":"f","min":-1.5,"num":-2.0',
            b'{"o":[1]}': b'"reason":"Expect type dict.","keyword":"o"',
            b'{"tu":"1"}': b'"reason":"Expect type tuple of float.","keyword":"tu"',
            b'{"tu":[1,"2"]}': b'"reason":"Expect type tuple of float.","keyword":"tu"',
            b'{"tu":[1,2,3]}': b'"keyword":"tu","max":2,"size":3',
            b'{"se":[1,3]}': b'"keyword":"se","allowed":[1,2]',
            b'{"l":[]}': b'"keyword":"l","min":1,"size":0',
            b'{"colour":"blue"}': b'"keyword":"e","allowed":["red","green"],"alias":"colour"',
            b'{"d":20230229}': b'"reason":"Expect type str.","keyword":"d"',
            b'{"d":"yesterday"}': b'"keyword":"d","date_format":"%Y-%m-%d","num":"yesterday"',
            b'{"format":7}': b'"reason":"Expect type str.","keyword":"format"',
            b'{"jmespath":"a|"}': b'"reason":"Invalid value for jmespath parameter","keyword":"jmespath",'
            b'"details":"Invalid JMESPath expression: cannot be empty."',
            b'{"i":18446744073709551616}': b'"keyword":"i","max":10,"num":18446744073709551616',
        }.items():
            self.expect("/echo", rest, body)
        self.expect("/echo", b'"reason":"Expect type int.","keyword":"i"', b"i: '1'", "text/yaml")
        self.assertEqual(self.sent(b'{"loose":"2.5"}').json()["loose"], 2)

    def test_all_errors_at_once(self) -> None:
        errors = b'"errors":[{"missing":"a"},{"reason":"Expect type int.","keyword":"c"}]'
        self.expect("/all?c=x", errors)

    def test_of_a_format_sent_twice_the_last_counts(self) -> None:
        self.assertEqual(self.get("/echo?format=yaml&format=json").json()["format"], "json")
        self.expect(
            "/echo?format=json&format=x", b'"keyword":"format","allowed":["json","yaml","html","msgpack","jsonl"]'
        )


class BodyTests(ApiTestCase):
    def bad(self, body: bytes, media: str, name: str) -> None:
        response = self.sent(body, media, "/payload")
        expected = b'{"code":400,"success":false,"error":"Invalid %s body."}' % name.encode()
        self.assertEqual((response.status, response.body), (400, expected), body[:50])

    def test_bodies_that_are_not_what_they_say(self) -> None:
        for body in (b"{", b"{'a':1}", b'{"a":NaN}', b'{"a":1,}', b"\xff\xfe", b'"\xff"', b'{"a":"\\ud800"}', b"[1] x"):
            self.bad(body, "application/json", "JSON")
        for body in (b"a: [", b"a: 1: 2", b"\xff\xff\xff", b"a: !!python/object/apply:os.system [ls]", b"a: !mine 1",
                     b"--- 1\n--- 2", b"!!int ''", b"!!bool maybe", b"!!timestamp x", b"2024-99-99", b"{[1]: 2}",
                     b"&a [*a]", b"*a", b"a: \x00"):  # fmt: skip
            self.bad(body, "text/yaml", "YAML")
        for body in (b"\xc1", b"\x92\x01", b"\xdd\xff\xff\xff\xff", b"\xdb\xff\xff\xff\xff", b"\xc7\x01\x05x",
                     b"\x81\x91\x01\x02", b"\x01\x02", b"\xa1\xff"):  # fmt: skip
            self.bad(body, "application/msgpack", "MessagePack")

    def test_depth_is_bounded(self) -> None:
        self.assertEqual(self.sent(b"[" * 200 + b"]" * 200, url="/payload").status, 200)
        for levels in (201, 10_000, 200_000):
            self.bad(b"[" * levels + b"]" * levels, "application/json", "JSON")
            self.bad(b'{"a":' * levels + b"1" + b"}" * levels, "application/json", "JSON")
            self.bad(b"[" * levels + b"]" * levels, "text/yaml", "YAML")
            self.bad(b"\x91" * levels + b"\x01", "application/msgpack", "MessagePack")
        self.bad(b"- " * 100_000 + b"1", "text/yaml", "YAML")

    def test_yaml_bombs_are_refused(self) -> None:
        lines = [b"a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
        lines += [b"a%d: &a%d [%s]" % (n, n, b", ".join([b"*a%d" % (n - 1)] * 10)) for n in range(1, 30)]
        self.bad(b"\n".join(lines), "text/yaml", "YAML")
        merges = [b"a0: &a0 {x: 1, y: 2}"]
        merges += [b"a%d: &a%d {<<: [%s]}" % (n, n, b", ".join([b"*a%d" % (n - 1)] * 10)) for n in range(1, 30)]
        self.bad(b"\n".join(merges), "text/yaml", "YAML")
        self.bad(b"- abc\n" * 200_000, "text/yaml", "YAML")

    def test_small_bodies_that_make_millions_of_lists_and_objects_are_refused(self) -> None:
        """A list takes 60 bytes of memory, and one byte of MessagePack or three of JSON."""
        many = 1_100_000
        head = many.to_bytes(4, "big")
        for item in (b"\x90", b"\x80"):
            self.bad(b"\xdd" + head + item * many, "application/msgpack", "MessagePack")
        for item in (b"[]", b"{}"):
            self.bad(b"[" + b",".join([item] * many) + b"]", "application/json", "JSON")
        numbers = b"\xdd" + head + b"\x01" * many
        self.assertEqual(len(self.sent(numbers, "application/msgpack", "/payload").json()["payload"]), many)

    def test_arguments_of_a_large_body_are_read_in_a_thread(self) -> None:
        threads = self.app.gramex.shared.threads
        ran: list[str] = []
        run = threads.run

        def noted(function: Any, *values: Any) -> Any:
            ran.append(getattr(function, "__name__", ""))
            return run(function, *values)

        self.patch(threads, "run", noted)
        form = "application/x-www-form-urlencoded"
        self.assertEqual(self.sent(b"l=a,b", form).json()["l"], ["a", "b"])
        self.assertNotIn("prepare", ran)
        refused = self.sent(b"l=" + b"'a' " * 10_000, form)
        self.assertEqual(refused.json()["size"], 10_000)
        self.assertIn("prepare", ran)

    def test_json_in_a_form_that_makes_millions_of_lists_is_a_text(self) -> None:
        value = b"[" + b",".join([b"[]"] * 1_100_000) + b"]"
        refused = self.sent(b"o=" + value, "application/x-www-form-urlencoded", "/jsons")
        self.assertEqual(refused.json()["reason"], "Expect type dict.")

    def test_a_body_over_the_limit_is_told_in_the_same_shape(self) -> None:
        self.app = self.make_app(self.config.replace("apis.payload}", "apis.payload, max_body_size: 1000}"))
        response = self.sent(b"[" + b"1," * 1000 + b"1]", url="/payload")
        self.assertEqual(
            (response.status, response.body),
            (413, b'{"code":413,"success":false,"error":"the request body is over 1000 bytes"}'),
        )

    def test_over_ten_megabytes_of_data_need_the_routes_leave(self) -> None:
        body = b'{"a":"%s"}' % (b"x" * (10 << 20))
        for media in ("application/json", "application/msgpack", "text/yaml"):
            refused = self.sent(body, media, "/payload")
            said = b'{"code":413,"success":false,"error":"the request body is over 10485760 bytes (max_body_size)"}'
            self.assertEqual((refused.status, refused.body), (413, said), media)
        self.assertEqual(self.sent(body, "text/plain", "/payload").status, 200)
        self.app = self.make_app(self.config.replace("apis.payload}", "apis.payload, max_body_size: 20MB}"))
        self.assertEqual(len(self.sent(body, url="/payload").json()["payload"]["a"]), 10 << 20)

    def test_few_aliases_are_fine(self) -> None:
        found = self.sent(b"a: &x [1, 2]\nb: *x", "text/yaml", "/payload").json()
        self.assertEqual(found, {"payload": {"a": [1, 2], "b": [1, 2]}})

    def test_bodies_that_are_no_object_have_no_arguments_but_reach_the_function(self) -> None:
        for body, value in ((b"null", None), (b"[1,2]", [1, 2]), (b"7", 7), (b'"x"', "x"), (b" ", {}), (b"{}", {})):
            self.assertEqual(self.sent(body, url="/payload").json(), {"payload": value}, body)
            self.assertEqual(self.sent(body).status, 200)
        for body in (b"", b"null", b"[1]", b" "):
            self.assertEqual(self.refused(self.sent(body, url="/needs")), {"missing": "a", "alias": "b"})
        self.assertEqual(self.sent(b"# nothing", "text/yaml", "/payload").json(), {"payload": {}})

    def test_of_duplicate_keys_the_last_counts_and_big_numbers_keep_their_digits(self) -> None:
        self.assertEqual(self.sent(b'{"a":1,"a":2}', url="/payload").json(), {"payload": {"a": 2}})
        self.assertEqual(
            self.sent(b'{"a":123456789012345678901234567890}', url="/payload").body,
            b'{"payload":{"a":123456789012345678901234567890}}',
        )
        self.bad(b'{"a":%s}' % (b"9" * 5000), "application/json", "JSON")

    def test_a_body_of_another_type_or_of_none_is_left_alone(self) -> None:
        for media in ("text/plain", "application/octet-stream", "", "nonsense"):
            self.assertEqual(self.sent(b'{"a":1}', media, "/payload").json(), {"payload": None}, media)
        self.assertEqual(self.refused(self.sent(b'{"a":"1"}', "text/plain", "/needs")), {"missing": "a", "alias": "b"})

    def test_ten_megabytes(self) -> None:
        body = orjson.dumps({"a": ["x" * 100] * 100_000})
        self.assertGreater(len(body), 10_000_000)
        self.assertEqual(len(self.sent(body, url="/payload").json()["payload"]["a"]), 100_000)

"""FormHandler: GET."""

from __future__ import annotations

import os
from urllib.parse import parse_qs, urlsplit

from gramex_twisted.cache import open_callback
from gramex_twisted.testing import AppTestCase

SALES = """\
    id,city,product,sales,when,big
    1,Oslo,Tea,10.5,2024-01-01,true
    2,Oslo,Coffee,20,2024-01-02,false
    3,Bergen,Tea,,2024-01-03,true
    4,Zürich,"Cacao, hot",7,2024-02-03,false
"""
ROUTE = """
    url:
      sales:
        pattern: /sales
        handler: FormHandler
        kwargs:
          url: $YAMLPATH/sales.csv
"""


class FormTestCase(AppTestCase):
    files = {"sales.csv": SALES}
    config = ROUTE

    def ids(self, url: str) -> list[int]:
        response = self.get(url)
        self.assertEqual(response.status, 200, response.text)
        return [row["id"] for row in response.json()]


class OneTableTests(FormTestCase):
    def test_the_rows_are_json_records(self) -> None:
        response = self.get("/sales?_limit=1")
        self.assertEqual(response.headers["content-type"], "application/json")
        self.assertEqual(
            response.json(),
            [{"id": 1, "city": "Oslo", "product": "Tea", "sales": 10.5, "when": "2024-01-01", "big": True}],
        )

    def test_arguments_filter_sort_and_choose_columns(self) -> None:
        self.assertEqual(self.ids("/sales?city=Oslo"), [1, 2])
        self.assertEqual(self.ids("/sales?city!=Oslo&_sort=-id"), [4, 3])
        self.assertEqual(self.ids("/sales?sales%3E=7&sales%3C=20"), [1])
        self.assertEqual(self.ids("/sales?sales!"), [3])
        self.assertEqual(self.get("/sales?_c=city&_limit=1").json(), [{"city": "Oslo"}])

    def test_groups(self) -> None:
        found = self.get("/sales?_by=city&_c=sales|sum&_sort=-sales|sum&_limit=1").json()
        self.assertEqual(found, [{"city": "Oslo", "sales|sum": 30.5}])

    def test_a_value_of_the_wrong_type_names_the_argument(self) -> None:
        response = self.get("/sales?sales%3E=x")
        self.assertEqual(response.status, 400)
        self.assertEqual(response.json()["error"], "sales>=x: not a number (column sales is a number)")

    def test_limits_that_are_none(self) -> None:
        for limit in ("-1", "1e9", "all"):
            response = self.get(f"/sales?_limit={limit}")
            self.assertEqual(response.status, 400)
            self.assertIn(f"_limit={limit}", response.json()["error"])

    def test_a_changed_file_is_read_again(self) -> None:
        self.assertEqual(self.ids("/sales"), [1, 2, 3, 4])
        self.write("sales.csv", "id,city\n9,Rome\n")
        self.assertEqual(self.get("/sales").json(), [{"id": 9, "city": "Rome"}])

    def test_a_missing_file_is_500_and_its_name_is_only_logged(self) -> None:
        (self.folder / "sales.csv").unlink()
        response = self.get("/sales")
        self.assertEqual(response.status, 500)
        self.assertEqual(response.json()["error"], "the data cannot be read; the server's log says why")

    def test_head_has_no_body_and_the_same_length(self) -> None:
        whole = self.get("/sales")
        head = self.request("HEAD", "/sales")
        self.assertEqual((head.status, head.body), (200, b""))
        self.assertEqual(head.headers["content-length"], str(len(whole.body)))

    def test_the_next_page_is_linked_and_goes_on_where_this_one_ends(self) -> None:
        seen: list[int] = []
        url = "/sales?_sort=-city&_limit=3"
        while url:
            response = self.get(url)
            seen += [row["id"] for row in response.json()]
            link = response.headers.get("link", "")
            url = link[1 : link.index(">")] if link else ""
            if link:
                self.assertTrue(link.endswith('>; rel="next"'))
                self.assertEqual(parse_qs(urlsplit(url).query)["_sort"], ["-city"])
        self.assertEqual(seen, [4, 1, 2, 3])

    def test_headers_of_meta(self) -> None:
        headers = self.get("/sales?city=Oslo&x=1&_sort=-id&_c=-big&_offset=1&_limit=5&_meta=y").headers
        self.assertEqual(headers["fh-data-filters"], '[["city","",["Oslo"]]]')
        self.assertEqual(headers["fh-data-ignored"], '[["x",["1"]]]')
        self.assertEqual(headers["fh-data-excluded"], '["big"]')
        self.assertEqual(headers["fh-data-sort"], '[["id",false]]')
        self.assertEqual(headers["fh-data-offset"], "1")
        self.assertEqual(headers["fh-data-limit"], "5")
        self.assertEqual(headers["fh-data-count"], "2")
        self.assertNotIn("fh-data-filters", self.get("/sales?city=Oslo").headers)

    def test_meta_is_ascii(self) -> None:
        headers = self.get("/sales?city=Z%C3%BCrich&_meta=y").headers
        self.assertEqual(headers["fh-data-filters"], '[["city","",["Z\\u00fcrich"]]]')


class FormatTests(FormTestCase):
    config = (
        ROUTE
        + """\
          formats:
            semicolons: {format: csv, sep: ";", headers: {X-Kind: "{city}"}}
            page: {format: template, template: page.html}
            chart: {format: seaborn, chart: "{chart}", x: city, y: sales}
          formulas: escape
      lenient:
        pattern: /lenient
        handler: FormHandler
        kwargs: {url: $YAMLPATH/sales.csv, lenient: true}
    """
    )
    files = {"sales.csv": SALES, "page.html": "{{ len(data) }} rows of {{ handler.name }}, {{ meta['limit'] }} at most"}

    def test_csv_is_a_download_with_a_mark_for_excel(self) -> None:
        response = self.get("/sales?_format=csv&_c=city&_c=sales&_limit=2")
        self.assertEqual(response.body, "\ufeffcity,sales\nOslo,10.5\nOslo,20.0\n".encode())
        self.assertEqual(response.headers["content-type"], "text/csv; charset=utf-8")
        self.assertEqual(response.headers["content-disposition"], 'attachment; filename="data.csv"')

    def test_download_names_the_file(self) -> None:
        response = self.get('/sales?_download=a"/%0d%0ab.json')
        self.assertEqual(response.headers["content-disposition"], 'attachment; filename="a____b.json"')
        found = self.get("/sales?_download=%C3%A5.json").headers["content-disposition"]
        self.assertEqual(found, "attachment; filename=\"_.json\"; filename*=UTF-8''%C3%A5.json")

    def test_a_format_of_the_route(self) -> None:
        response = self.get("/sales?_format=semicolons&city=Bergen&_c=id&_c=city")
        self.assertEqual(response.body, "\ufeffid;city\n3;Bergen\n".encode())

    def test_a_chart_that_there_is_not(self) -> None:
        response = self.get("/sales?_format=chart&chart=os.system")
        self.assertEqual(response.status, 400)
        self.assertIn("_format=chart", response.json()["error"])

    def test_a_template(self) -> None:
        response = self.get("/sales?_format=page")
        self.assertEqual(response.text, "4 rows of sales, 10000 at most")
        self.assertEqual(response.headers["content-type"], "text/html; charset=utf-8")

    def test_an_unknown_format_says_which_there_are(self) -> None:
        response = self.get("/sales?_format=cvs")
        self.assertEqual(response.status, 400)
        self.assertEqual(response.json()["error"], "_format=cvs: no such format; did you mean csv?")

    def test_unless_the_route_is_lenient(self) -> None:
        self.assertEqual(self.ids("/lenient?_format=cvs"), [1, 2, 3, 4])

    def test_a_page_has_a_table_and_links(self) -> None:
        page = self.get("/sales?_format=html&city=Oslo").text
        self.assertIn("<td>Coffee", page)
        self.assertNotIn("Bergen", page)
        self.assertIn("_format=csv", page)

    def test_the_form_of_the_page_leads_to_a_filter(self) -> None:
        response = self.get("/sales?_format=html&_filter=city&_op=*&_value=os.")
        self.assertEqual(response.status, 303)
        self.assertTrue(response.headers["location"].endswith(r"/sales?_format=html&city*=os%5C."))


class ArgumentTests(FormTestCase):
    config = """
        url:
          by-place:
            pattern: /place/(.*)/(\\d+)
            handler: FormHandler
            kwargs:
              url: $YAMLPATH/{_0}.csv
              default: {_sort: -id, _c: [id, city]}
              prepare: "args.update({'id': args['_1']})"
          by-name:
            pattern: /name/(?P<city>.*)
            handler: FormHandler
            kwargs: {url: $YAMLPATH/sales.csv, default: {_limit: 1}}
    """

    def test_groups_of_the_pattern_and_prepare(self) -> None:
        self.assertEqual(self.get("/place/sales/3").json(), [{"id": 3, "city": "Bergen"}])

    def test_a_path_out_of_the_folder_is_refused(self) -> None:
        for name in ("..%2Fsales", "sales%00", "a%20b", ""):
            response = self.get(f"/place/{name}/3")
            self.assertEqual(response.status, 400, name)
            self.assertIn("_0", response.json()["error"])

    def test_named_groups_are_filters_and_defaults_can_be_replaced(self) -> None:
        self.assertEqual(self.ids("/name/Oslo"), [1])
        self.assertEqual(self.ids("/name/Oslo?_limit=5"), [1, 2])


class SeveralTests(FormTestCase):
    config = """
        url:
          several:
            pattern: /several
            handler: FormHandler
            kwargs:
              default: {_c: [id, city]}
              all: {url: $YAMLPATH/sales.csv}
              tea: {url: $YAMLPATH/sales.csv, default: {product: Tea}}
          modified:
            pattern: /modified
            handler: FormHandler
            kwargs:
              a: {url: $YAMLPATH/sales.csv}
              b: {url: $YAMLPATH/sales.csv}
              modify: "{'rows': len(data['a']) + len(data['b'])}"
    """

    def test_each_has_its_name(self) -> None:
        found = self.get("/several?city=Oslo").json()
        self.assertEqual(list(found), ["all", "tea"])
        self.assertEqual(found["all"], [{"id": 1, "city": "Oslo"}, {"id": 2, "city": "Oslo"}])
        self.assertEqual(found["tea"], [{"id": 1, "city": "Oslo"}])

    def test_arguments_for_one(self) -> None:
        found = self.get("/several?all:city=Bergen&tea:_sort=-id&tea:_c=id").json()
        self.assertEqual(found, {"all": [{"id": 3, "city": "Bergen"}], "tea": [{"id": 3}, {"id": 1}]})

    def test_headers_for_each(self) -> None:
        headers = self.get("/several?all:city=Bergen&_meta=y").headers
        self.assertEqual(headers["fh-all-filters"], '[["city","",["Bergen"]]]')
        self.assertEqual(headers["fh-tea-filters"], '[["product","",["Tea"]]]')

    def test_modify_sees_all(self) -> None:
        self.assertEqual(self.get("/modified").json(), {"rows": 8})

    def test_csv_has_sections(self) -> None:
        found = self.get("/several?_format=csv&id=1").text
        self.assertEqual(found, "\ufeffall\nid,city\n1,Oslo\n\ntea\nid,city\n1,Oslo\n")


class HookTests(FormTestCase):
    config = """
        url:
          transformed:
            pattern: /transformed
            handler: FormHandler
            kwargs:
              url: $YAMLPATH/sales.csv
              function: hooks.double(data, handler)
          counted:
            pattern: /counted
            handler: FormHandler
            kwargs: {url: $YAMLPATH/sales.csv, function: hooks.count(data)}
          modified:
            pattern: /modified
            handler: FormHandler
            kwargs: {url: $YAMLPATH/sales.csv, modify: hooks.modify}
          text:
            pattern: /text
            handler: FormHandler
            kwargs: {url: $YAMLPATH/sales.csv, modify: "'%d rows of %s' % (len(data), key)"}
          later:
            pattern: /later
            handler: FormHandler
            kwargs: {url: $YAMLPATH/sales.csv, modify: hooks.later, prepare: hooks.early}
          made:
            pattern: /made
            handler: FormHandler
            kwargs: {function: hooks.made(handler)}
          polars:
            pattern: /polars
            handler: FormHandler
            kwargs: {url: $YAMLPATH/sales.csv, frames: polars, modify: "data.height"}
          broken:
            pattern: /broken
            handler: FormHandler
            kwargs: {url: $YAMLPATH/sales.csv, function: 1 / 0}
    """
    files = {
        "sales.csv": SALES,
        "hooks.py": """\
            import pandas as pd

            def double(data, handler):
                assert isinstance(data, pd.DataFrame)
                return data.assign(sales=data["sales"] * int(handler.get_argument("by", "2")))

            calls = []

            def count(data):
                calls.append(1)
                return data.assign(call=len(calls))

            def modify(data, key, handler):
                handler.set_header("X-Key", key)
                return data[["id"]].head(1)

            async def later(data, key, handler):
                return {"rows": len(data)}

            async def early(args, key, handler):
                return {**args, "city": "Oslo"}

            def made(handler):
                return [{"id": n, "who": handler.name} for n in range(3)]
        """,
    }

    def test_function_makes_the_table_that_is_filtered(self) -> None:
        self.assertEqual(self.get("/transformed?sales%3E=30&_c=sales").json(), [{"sales": 40.0}])
        self.assertEqual(self.get("/transformed?sales%3E=50&_c=sales&by=3").json(), [{"sales": 60.0}])

    def test_a_function_that_does_not_see_the_request_is_called_once_for_a_file(self) -> None:
        os.utime(self.folder / "sales.csv", (1e9, 1e9))  # a file that has just been written may change again unseen
        for _ in range(3):
            self.assertEqual(self.get("/counted?id=1&_c=call").json(), [{"call": 1}])
        self.write("sales.csv", "id\n1\n")
        self.assertEqual(self.get("/counted?id=1&_c=call").json(), [{"call": 2}])

    def test_one_that_does_is_called_for_each(self) -> None:
        by = [self.get(f"/transformed?id=1&_c=sales&by={n}").json() for n in (1, 2, 3)]
        self.assertEqual(by, [[{"sales": 10.5}], [{"sales": 21.0}], [{"sales": 31.5}]])

    def test_modify_changes_what_is_answered(self) -> None:
        response = self.get("/modified?city=Zürich")
        self.assertEqual((response.json(), response.headers["x-key"]), ([{"id": 4}], "data"))

    def test_modify_may_make_text(self) -> None:
        self.assertEqual(self.get("/text?city=Oslo").text, "2 rows of data")

    def test_hooks_may_be_coroutines(self) -> None:
        self.assertEqual(self.get("/later").json(), {"rows": 2})

    def test_a_function_without_url_makes_the_data_of_each_request(self) -> None:
        self.assertEqual(self.get("/made?id%3E=1").json(), [{"id": 2, "who": "made"}])

    def test_frames_of_polars(self) -> None:
        self.assertEqual(self.get("/polars?city=Oslo").json(), 2)

    def test_an_error_in_a_hook_is_500(self) -> None:
        self.assertEqual(self.get("/broken").status, 500)


class OldTests(FormTestCase):
    config = """
        url:
          file:
            pattern: /file
            handler: FormHandler
            kwargs: {url: $YAMLPATH/sales.csv, engine: file, rel: true, encoding: utf-8}
    """

    def test_kwargs_of_gramex_that_change_nothing(self) -> None:
        self.assertEqual(self.ids("/file"), [1, 2, 3, 4])


class OwnFileTests(FormTestCase):
    config = """
        url:
          own: {pattern: /own, handler: FormHandler, kwargs: {url: $YAMLPATH/x.pairs, sep: "=", prepare: own.nothing()}}
    """
    files = {
        "x.pairs": "a=1\nb=2\n",
        "own.py": """\
            from gramex_twisted.cache import open_callback

            def pairs(path, sep):
                with open(path) as file:
                    return [dict(zip(("name", "value"), line.strip().split(sep))) for line in file]

            open_callback["pairs"] = pairs

            def nothing():
                pass
        """,
    }

    def test_a_type_of_file_that_the_app_reads_itself(self) -> None:
        self.addCleanup(open_callback.pop, "pairs")
        self.assertEqual(self.get("/own?name=b").json(), [{"name": "b", "value": "2"}])


class SetupTests(FormTestCase):
    def failure(self, kwargs: str) -> str:
        app = self.make_app(f"url: {{x: {{pattern: /x, handler: FormHandler, kwargs: {kwargs}}}}}")
        self.assertEqual(len(app.gramex.errors), 1)
        return str(app.gramex.errors[0])

    def test_mistakes_name_their_key(self) -> None:
        for kwargs, expected in (
            ("{}", "names no url:"),
            ("{url: 5}", "url.x.kwargs.url: must be text, not 5"),
            ("{url: 'sqlite:///x.db'}", "is a database, and needs table: or query:"),
            (
                "{url: 'plugin:mongodb://h:1'}",
                "plugin:mongodb://h:1: this server has no plugins for databases that are not",
            ),
            ("{url: a.csv, id: 5}", "url.x.kwargs.id: must be a name or a list of names, not 5"),
            ("{url: a.csv, formats: {x: {format: xsl}}}", "url.x.kwargs.formats.x: no format 'xsl'"),
            ("{url: a.csv, formats: [json]}", "url.x.kwargs.formats: must be a mapping such as {name: {format: csv}}"),
            ("{a: {url: a.csv, columns: 5}}", "url.x.kwargs.a.columns: must be a mapping of names, not 5"),
        ):
            self.assertIn(expected, self.failure(kwargs))


class Gramex1Tests(FormTestCase):
    config = """
    url:
      slides:
        pattern: /slides
        handler: FormHandler
        kwargs:
          url: sales.csv
          columns: [id, city]
          log: {fields: [session.id]}
          formats:
            rules: {format: pptx, source: in.pptx, change-table: {Table: {table: {data: data}}}}
    """

    def test_slides_from_a_source_are_the_one_thing_that_cannot_be_had(self) -> None:
        response = self.get("/slides?_format=rules")
        self.assertEqual(response.status, 501)
        self.assertIn("_format=rules: slides are not made from a source: here", response.text)
        self.assertEqual(self.get("/slides?city=Oslo&_c=city&_limit=1").json(), [{"city": "Oslo"}])


class KnownTests(FormTestCase):
    def test_who_has_the_answer_gets_304(self) -> None:
        first = self.get("/sales?city=Oslo")
        again = self.request("GET", "/sales?city=Oslo", headers={"If-None-Match": first.headers["etag"]})
        self.assertEqual((again.status, again.body), (304, b""))
        other = self.request("GET", "/sales?city=Bergen", headers={"If-None-Match": first.headers["etag"]})
        self.assertEqual((other.status, len(other.json())), (200, 1))
        self.write("sales.csv", "id,city\n1,Oslo\n")
        changed = self.request("GET", "/sales?city=Oslo", headers={"If-None-Match": first.headers["etag"]})
        self.assertEqual((changed.status, changed.json()), (200, [{"id": 1, "city": "Oslo"}]))

"""`import:` and `import.merge:`."""

from hypothesis import given, settings
from hypothesis import strategies as st

from gramex_twisted.config import resolver
from gramex_twisted.config.imports import merge_under
from gramex_twisted.config.marks import Mark
from gramex_twisted.config.yamltree import plain, wrap
from tests.config.support import FilesCase

HERE = Mark("f")
TREES = st.recursive(
    st.integers(0, 3),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=12,
)


class ImportTest(FilesCase):
    def tree(self, files: dict[str, str], **options: object) -> dict[object, object]:
        """The tree of these files, without what the package's defaults add."""
        read = self.read(files, **options)
        return {key: value for key, value in read.tree.items() if "defaults.yaml" not in str(read.marks[(key,)])}

    def test_a_path(self) -> None:
        found = self.tree({"gramex.yaml": "import: sub/a.yaml\nx: 1", "sub/a.yaml": "y: $YAMLFILE in $YAMLURL"})
        self.assertEqual(found, {"x": 1, "y": "a.yaml in sub"})

    def test_a_list_and_a_dict_and_conditions(self) -> None:
        files = {"a.yaml": "a: 1", "b.yaml": "b: 2", "c.yaml": "c: 3"}
        self.assertEqual(self.tree({"gramex.yaml": "import: [a.yaml, {path: b.yaml}]", **files}), {"a": 1, "b": 2})
        self.assertEqual(
            self.tree({"gramex.yaml": "import: {one: a.yaml, two: {path: [b.yaml, c.yaml]}}", **files}),
            {"a": 1, "b": 2, "c": 3},
        )
        self.assertEqual(
            self.tree({"gramex.yaml": "import if False: nope.yaml\nimport: {a if False: nope.yaml}", **files}), {}
        )
        self.assertEqual(self.tree({"gramex.yaml": "import:\n"}), {})

    def test_at_any_level(self) -> None:
        found = self.tree(
            {
                "gramex.yaml": "url:\n  import: urls.yaml\n  own: 1\nlist:\n  - {import: urls.yaml}",
                "urls.yaml": "variables: {V: 5}\nhome: $V",
            }
        )
        self.assertEqual(found, {"url": {"own": 1, "home": 5}, "list": [{"home": 5}], "variables": {"V": 5}})

    def test_imports_of_imports_are_relative_to_their_own_file(self) -> None:
        found = self.tree(
            {"gramex.yaml": "import: a/a.yaml", "a/a.yaml": "import: b/b.yaml", "a/b/b.yaml": "p: $YAMLURL"}
        )
        self.assertEqual(found, {"p": "a/b"})
        self.assertEqual(
            [path.name for path in self.read({"gramex.yaml": "import: a.yaml", "a.yaml": ""}).files],
            ["gramex.yaml", "a.yaml"],
        )

    def test_imported_values_never_replace_and_dicts_merge(self) -> None:
        found = self.tree(
            {
                "gramex.yaml": "import: [a.yaml, b.yaml]\nurl: {x: {p: 1}, n: null}\nlist: [1]",
                "a.yaml": "url: {x: {p: 2, q: 3}, y: 4, n: 1}\nlist: [2, 3]",
                "b.yaml": "url: {y: 5, z: 6}",
            }
        )
        self.assertEqual(found, {"url": {"x": {"p": 1, "q": 3}, "n": None, "y": 4, "z": 6}, "list": [1]})

    def test_globs_are_sorted_and_may_match_nothing(self) -> None:
        files = {
            "gramex.yaml": "import: ['*.yaml', 'none/*.yaml', '**/x.yaml']",
            "b.yaml": "k: b",
            "a.yaml": "k: a",
            "s/t/x.yaml": "deep: 1",
        }
        read = self.read(files)
        self.assertEqual((read.tree["k"], read.tree["deep"]), ("a", 1))
        self.assertEqual([path.name for path in read.files], ["gramex.yaml", "a.yaml", "b.yaml", "x.yaml"])

    def test_variables_for_the_imported_file(self) -> None:
        found = self.tree(
            {
                "gramex.yaml": "import: {app: {path: a.yaml, YAMLURL: /app/, COLOR: $C, N: [1]}}\n"
                "variables: {C: red}\nx: $YAMLURL",
                "a.yaml": "variables: {COLOR: {default: blue}, SIZE: {default: 5}}\n"
                "url: /$YAMLURL/\nlook: [$COLOR, $SIZE, $N]",
            }
        )
        self.assertEqual(
            found, {"x": ".", "url": "/app/", "look": ["red", 5, [1]], "variables": {"C": "red", "SIZE": 5}}
        )

    def test_variables_of_an_import_reach_the_next_import_but_not_back_over_the_importers(self) -> None:
        found = self.tree(
            {
                "gramex.yaml": "variables: {A: mine}\nimport: [a.yaml, b.yaml]",
                "a.yaml": "variables: {A: theirs, B: new}\na: $A",
                "b.yaml": "b: [$A, $B]",
            }
        )
        self.assertEqual(found, {"variables": {"A": "mine", "B": "new"}, "a": "theirs", "b": ["mine", "new"]})

    def test_variables_may_be_imported(self) -> None:
        found = self.tree({"gramex.yaml": "variables: {import: v.yaml, B: '<$A>'}\nx: $B", "v.yaml": "A: 1\nB: 2"})
        self.assertEqual(found, {"variables": {"A": 1, "B": "<1>"}, "x": "<1>"})

    def test_namespaces_keep_two_apps_apart(self) -> None:
        found = self.tree(
            {
                "gramex.yaml": "url: {home: 0}\nimport:\n  one: {path: a/g.yaml, namespace: url}\n"
                "  two: {path: b/*.yaml, namespace: [url, log.loggers]}",
                "a/g.yaml": "url: {home: 1}\nother: {k: 1}",
                "b/g.yaml": "url: {home: 2}\nlog: {loggers: {l: 3}}",
            }
        )
        self.assertEqual(found["url"], {"home": 0, "one:a/g.yaml:home": 1, "two:b/g.yaml:home": 2})
        self.assertEqual(found["other"], {"k": 1})
        self.assertEqual(found["log"]["loggers"]["two:b/g.yaml:l"], 3)

    def test_namespaces_at_the_top_level(self) -> None:
        for top in ("'*'", "true"):
            files = {
                "gramex.yaml": f"import: {{n: {{path: a.yaml, namespace: {top}}}}}",
                "a.yaml": "variables: {V: 1}\nk: $V",
            }
            self.assertEqual(self.tree(files), {"n:a.yaml:k": 1, "variables": {"V": 1}})

    def test_marks_point_into_the_imported_file(self) -> None:
        read = self.read(
            {
                "gramex.yaml": "import: {n: {path: s/a.yaml, namespace: url}}",
                "s/a.yaml": "url:\n  home:\n    pattern: /\n",
            }
        )
        mark = read.marks["url", "n:s/a.yaml:home", "pattern"]
        self.assertTrue(str(mark).endswith("s/a.yaml:3:5"), str(mark))

    def test_import_merge_lifts_its_keys(self) -> None:
        found = self.tree(
            {
                "gramex.yaml": "variables: {M: {c: 3}}\nx:\n  a: 1\n  import.merge if True: {a: 9, b: {k: 2}}\n"
                "  import.merge if 1: $M\n  import.merge if False: {z: 1}\n  b: {j: 1}"
            }
        )
        self.assertEqual(found["x"], {"a": 1, "b": {"j": 1, "k": 2}, "c": 3})

    @settings(deadline=None, max_examples=80)
    @given(st.dictionaries(st.sampled_from("abc"), TREES), st.dictionaries(st.sampled_from("abc"), TREES))
    def test_merging_keeps_what_the_importer_has_and_adds_the_rest(self, mine: dict, theirs: dict) -> None:
        target = wrap(mine, HERE).value
        merge_under(target, wrap(theirs, HERE).value)
        merged = {key: plain(node) for key, node in target.items()}
        self.assert_law(mine, theirs, merged)
        again = wrap(merged, HERE).value
        merge_under(again, wrap(theirs, HERE).value)
        self.assertEqual({key: plain(node) for key, node in again.items()}, merged)

    def assert_law(self, mine: dict, theirs: dict, merged: dict) -> None:
        self.assertEqual(set(merged), set(mine) | set(theirs))
        for key, value in merged.items():
            if key not in mine:
                self.assertEqual(value, theirs[key])
            elif isinstance(mine[key], dict) and isinstance(theirs.get(key), dict):
                self.assert_law(mine[key], theirs[key], value)
            else:
                self.assertEqual(value, mine[key])


class BundledTest(FilesCase):
    def test_what_gramex_brought_along_is_a_warning_with_its_line(self) -> None:
        found = self.read(
            {
                "gramex.yaml": "x: 1\n"
                "import:\n"
                "  admin: {path: $GRAMEXAPPS/admin2/gramex.yaml, YAMLURL: /admin/}\n"
                "  table: $GRAMEXPATH/apps/formhandler/gramex.yaml\n"
                "  old: $GRAMEXPATH/servicenow.yaml\n"
            }
        )
        self.assertEqual(found.tree["x"], 1)
        gone = "is not part of this server: its addresses answer 404"
        texts = [str(warning).rpartition("/gramex.yaml:")[2] or str(warning) for warning in found.warnings]
        self.assertEqual(
            texts,
            [
                f"3:11: import admin: Gramex's app admin2 {gone}. "
                "Instead, app.admin has an admin on a port of its own: docs/admin.md",
                f"4:3: import table: Gramex's app formhandler {gone}",
                "5:3: import old: Gramex's servicenow.yaml is not part of this server: nothing is imported",
            ],
        )

    def test_files_that_only_browsers_need_are_left_by_deploy(self) -> None:
        tree = self.read({"gramex.yaml": "import: $GRAMEXPATH/deploy.yaml"}).tree
        options = tree["handlers"]["FileHandler"]
        self.assertEqual((options["ignore"], options["index"]), ("*", False))
        self.assertTrue({"*.html", "*.css", "*.js", "*.png", "*.woff*"} <= set(options["allow"]))
        self.assertFalse({"*.py", "*.yaml", "*.db", "*.csv"} & set(options["allow"]))


class ImportErrorsTest(FilesCase):
    def test_a_missing_file(self) -> None:
        self.assertEqual(
            self.errors({"gramex.yaml": "x: 1\nimport: {a: nope.yaml}"}),
            ["gramex.yaml:2:10: import: nope.yaml does not exist"],
        )

    def test_a_folder(self) -> None:
        self.assertEqual(
            self.errors({"gramex.yaml": "import: s", "s/a.yaml": ""}),
            ["gramex.yaml:1:1: import: s is a folder, not a file"],
        )

    def test_paths_that_are_none(self) -> None:
        self.assertEqual(
            self.errors({"gramex.yaml": "import: {a: 5, b: {namespace: url}, c: {path: [3]}}"}),
            [
                "gramex.yaml:1:10: import takes a path, a list of paths or `name: path` pairs, not 5",
                "gramex.yaml:1:16: import: 'b' has no path",
                "gramex.yaml:1:41: import: a path is text, not 3",
            ],
        )
        long = self.errors({"gramex.yaml": f"import: {'x' * 5000}"})
        self.assertIn("is not a path: [Errno 36] File name too long", long[0])

    def test_a_circle(self) -> None:
        files = {"gramex.yaml": "import: a.yaml", "a.yaml": "import: b.yaml", "b.yaml": "k: 1\nimport: a.yaml"}
        self.assertEqual(self.errors(files), ["b.yaml:2:1: import goes in a circle: a.yaml -> b.yaml -> a.yaml"])
        self.assertEqual(
            self.errors({"gramex.yaml": "import: gramex.yaml"}),
            ["gramex.yaml:1:1: import goes in a circle: gramex.yaml -> gramex.yaml"],
        )

    def test_one_file_imported_twice_is_no_circle(self) -> None:
        self.assertEqual(
            self.read({"gramex.yaml": "a: {import: x.yaml}\nb: {import: x.yaml}", "x.yaml": "k: 1"}).tree["b"], {"k": 1}
        )

    def test_errors_of_all_files_come_together(self) -> None:
        found = self.errors(
            {"gramex.yaml": "import: [a.yaml, b.yaml]\nimport.merge: 3", "a.yaml": "x: [", "b.yaml": "y: 1\ny: 2"}
        )
        self.assertEqual(
            found,
            [
                "gramex.yaml:2:1: import.merge takes a mapping of the keys to merge",
                "a.yaml:2:1: YAML syntax: did not find expected node content while parsing a flow node",
                "b.yaml:2:1: duplicate key 'y'; the first is on line 1",
            ],
        )

    def test_a_long_chain(self) -> None:
        files = {f"f{n}.yaml": f"k: {{import: f{n + 1}.yaml}}" for n in range(100)}
        found = self.errors({"gramex.yaml": "import: f0.yaml", **files})
        self.assertEqual(found, ["f18.yaml:1:5: imports go more than 20 files deep"])

    def test_files_that_multiply_are_refused(self) -> None:
        files = {f"f{n}.yaml": f"import: [{', '.join([f'f{n + 1}.yaml'] * 30)}]" for n in range(15)}
        self.patch(resolver, "MAX_FILES", 200)
        found = self.errors({"gramex.yaml": "import: f0.yaml", **files, "f15.yaml": ""})
        self.assertEqual([line.partition(": ")[2] for line in found], ["more than 200 files are imported"])

    def test_imports_that_nest_without_end(self) -> None:
        deep = "{a: " * 60 + "{import: %s}" + "}" * 60
        files = {f"f{n}.yaml": f"k: {deep % f'f{n + 1}.yaml'}" for n in range(4)}
        found = self.errors({"gramex.yaml": "import: f0.yaml", **files, "f4.yaml": ""})
        self.assertEqual([line.partition(": ")[2] for line in found], ["imports nest more than 128 levels deep"])

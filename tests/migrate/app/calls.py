"""What user code gets from gramex's functions: one case a URL, so that two servers can be compared."""

import json
import os
from datetime import UTC, datetime

import gramex
import gramex.cache
import gramex.config
import gramex.data
import gramex.http
import gramex.transforms
import pandas as pd
from gramex.config import CustomJSONDecoder, CustomJSONEncoder
from orderedattrdict import AttrDict

FOLDER = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(FOLDER, "data", "sales.csv")


def plain(value):
    """``value`` as JSON."""
    if isinstance(value, pd.DataFrame):
        return [list(value.columns), value.to_dict(orient="records")]
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [plain(each) for each in value]
    return value if isinstance(value, (str, int, float, bool, type(None))) else f"{type(value).__name__} {value}"


def write(name, text):
    path = os.path.join(gramex.config.variables["GRAMEXDATA"], name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)
    return path


def raised(function, *args, **kwargs):
    try:
        return plain(function(*args, **kwargs))
    except Exception as error:
        return type(error).__name__


def opened():
    return {
        "csv": gramex.cache.open(DATA),
        "rel": len(gramex.cache.open("data/sales.csv", "csv", rel=True)),
        "text": gramex.cache.open(write("a.txt", "é\n"), "text"),
        "json": gramex.cache.open(write("a.json", '{"a": [1, null]}')),
        "yaml": gramex.cache.open(write("a.yaml", "a: {b: 1}")),
        "config": gramex.cache.open(write("b.yaml", "a: {b: $HOME}"), "config")["a"]["b"] == os.environ["HOME"],
        "template": gramex.cache.open(write("a.tmpl", "{{ x }}"), "template").generate(x="<b>").decode(),
        "md": gramex.cache.open(write("a.md", "# A\n\n*b*"), "md"),
        "callback": gramex.cache.open(DATA, lambda path: os.path.basename(path)),
        "transform": gramex.cache.open(DATA, "csv", transform=len),
        "missing": raised(gramex.cache.open, "/no/such/file.csv"),
        "unknown": raised(gramex.cache.open, DATA, "nothing"),
    }


def saved():
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "é"]})
    found = {}
    for ext in ("csv", "json", "xlsx", "html"):
        path = os.path.join(gramex.config.variables["GRAMEXDATA"], f"saved.{ext}")
        gramex.cache.save(frame, path, index=False) if ext != "json" else gramex.cache.save(
            frame, path, orient="records"
        )
        found[ext] = os.path.exists(path)
    found["csv again"] = gramex.cache.open(os.path.join(gramex.config.variables["GRAMEXDATA"], "saved.csv"))
    return found


def filtered():
    found = {}
    cases = {
        "all": {},
        "equal": {"region": ["north"]},
        "not": {"region!": ["north"]},
        "more": {"region>": ["north"]},
        "atleast": {"region>~": ["north"], "_sort": ["-sales"]},
        "like": {"region~": ["or"]},
        "limit": {"_limit": ["1"], "_offset": ["1"]},
        "columns": {"_c": ["region"]},
        "without": {"_c": ["-region"]},
        "by": {"_by": ["region"]},
        "aggregate": {"_by": ["region"], "_c": ["sales|sum", "sales|max"]},
        "having": {"_by": ["region"], "_c": ["sales|sum"]},
        "unknown": {"nothing": ["x"]},
        "null": {"region!": []},
    }
    for name, args in cases.items():
        meta = {}
        found[name] = [gramex.data.filter(DATA, args=dict(args), meta=meta), meta["filters"], meta["ignored"]]
    return found


def changed():
    url = "sqlite:///" + os.path.join(gramex.config.variables["GRAMEXDATA"], "changed.db")
    columns = {"id": {"type": "INTEGER", "primary_key": True}, "a": "TEXT", "b": {"type": "REAL", "default": 1.5}}
    gramex.data.alter(url, "t", columns)
    meta = {}
    inserted = gramex.data.insert(url, meta=meta, table="t", args={"id": ["1", "2"], "a": ["x", "y"]})
    updated = gramex.data.update(url, table="t", id=["id"], args={"id": ["1"], "a": ["z"]})
    rows = gramex.data.filter(url, table="t", args={})
    deleted = gramex.data.delete(url, table="t", id=["id"], args={"id": ["2"]})
    after = gramex.data.filter(url, table="t", args={})
    query = gramex.data.filter(url, query="SELECT a FROM t WHERE id = :id", args={"id": ["1"]})
    cached = gramex.cache.query("SELECT count(*) AS n FROM t", gramex.data.create_engine(url))
    return [inserted, updated, rows, deleted, after, query, cached]


def engines():
    kinds = [pd.DataFrame(), DATA, FOLDER, "sqlite:///x.db", f"dir:///{FOLDER}/static"]
    stats = gramex.data.dirstat(os.path.join(FOLDER, "static")).sort_values("name")
    return [[gramex.data.get_engine(kind) for kind in kinds], list(stats.columns), stats[["type", "name", "size"]]]


def downloaded():
    frame = pd.DataFrame({"a": [1, 2]})
    return [
        gramex.data.download(frame, "csv").decode("utf-8-sig"),
        gramex.data.download(frame, "json", orient="records").decode(),
        json.loads(gramex.data.download({"x": frame, "y": frame}, "json", orient="records").decode()),
    ]


def config():
    tree = AttrDict(a=AttrDict(b=[AttrDict(c=1), 2]), d="x")
    merged = gramex.config.merge({"a": {"b": 1}, "c": 1}, {"a": {"d": 2}, "c": 3})
    kept = gramex.config.merge({"a": {"b": 1}, "c": 1}, {"a": {"b": 2, "d": 2}, "c": 3}, mode="setdefault")
    moment = datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)
    text = json.dumps({"at": moment, "n": 1}, cls=CustomJSONEncoder)
    return [
        merged,
        kept,
        [[key, plain(value)] for key, value, _ in gramex.config.walk(tree)],
        [gramex.config.objectpath(tree, path, 0) for path in ("d", "a.x", "a.b", "x.y")],
        len(gramex.config.random_string(7)),
        gramex.config.random_string(3, chars="a"),
        [gramex.config.slug[kind](" Été / 2020: a_b.C ") for kind in ("module", "filename")],
        [gramex.config.locate("os.path.join") is os.path.join, gramex.config.locate("no.such")],
        gramex.config.locate("join", modules=["os.path"]) is os.path.join,
        text,
        str(json.loads(text, cls=CustomJSONDecoder)["at"]),
        plain(gramex.config.prune_keys({"a": {"b": 1, "c": 2}, "b": 3}, {"b"})),
        [plain(each) for each in gramex.config.used_kwargs(lambda a, b=1: 0, {"a": 1, "c": 2})],
        gramex.config.variables["TITLE"],
        plain((+gramex.config.PathConfig(write("p.yaml", "a: {b: 1}\nc: $HOME")))["a"]),
        plain(+gramex.config.ChainConfig([("x", AttrDict(a=1, b=2)), ("y", AttrDict(b=3))])),
    ]


def transforms():
    make = gramex.transforms.build_transform
    flat = gramex.transforms.flattener({"id": "user.id", "first": "list.0", "all": True, "none": "x.y"}, default="-")
    return [
        make({"function": "x + y"}, vars={"x": 1, "y": 2}, iter=False)(),
        make({"function": "x + y"}, vars={"x": 1, "y": 2}, iter=False)(3, y=4),
        list(make({"function": "x + 1"}, vars={"x": 1})(5)),
        make({"function": "calls.plain", "args": ["=x"]}, vars={"x": None}, iter=False)([1]),
        make({"function": "max", "args": [1, "=x"]}, vars={"x": 7}, iter=False)(),
        make({"function": "str.upper", "kwargs": {}}, vars={"content": None}, iter=False)("a"),
        gramex.transforms.build_pipeline(
            [{"name": "a", "function": "x * 2"}, {"function": "a + 1"}], vars={"x": 2}, iter=False
        )(),
        raised(make, {}, vars={}),
        plain(flat({"user": {"id": 1}, "list": [5, 6]})),
        gramex.transforms.condition("1 == 2", "a", "2 == 2", "b", "c"),
        [gramex.transforms.once("calls", 1), gramex.transforms.once("calls", 1)],
        sorted(gramex.transforms.time_key("%Y", freq="D")),
        gramex.transforms.handler_expr("user.id").count("handler") > 0,
    ]


def stores():
    found = {}
    for kind in ("memory", "json", "sqlite"):
        store = gramex.cache.get_store(kind, path=os.path.join(gramex.config.variables["GRAMEXDATA"], f"calls.{kind}"))
        store.dump("a", {"x": [1, "é"]})
        store.dump("b", None)
        store.flush()
        found[kind] = [store.load("a"), store.load("b"), store.load("c", "none"), sorted(store.keys())]
        store.purge()
        found[kind].append(sorted(store.keys()))
    return found


def keys():
    return [
        gramex.cache.cache_key("a", {"b": 1, "a": [2]}),
        gramex.cache.hashed([1]),
        gramex.cache.stat(DATA)[1],
        gramex.cache.stat("/no/such"),
        gramex.http.NOT_FOUND,
        gramex.cache.sizeof("abc") > 3,
    ]


def asked(handler):
    return {
        "args": handler.args,
        "arg": handler.get_arg("a", "none"),
        "argument": handler.get_argument("b", "none"),
        "all": handler.get_arguments("a"),
        "parsed": raised(handler.argparse, "a", b={"type": int, "default": 3}),
        "bad": raised(handler.argparse, a={"type": int}),
        "path": [handler.request.path, handler.request.method, handler.request.query],
        "name": handler.name,
        "user": handler.current_user,
        "session": sorted(handler.session),
        "xrequest": handler.xrequest_uri.partition("/call")[2],
    }


CASES = {
    each.__name__: each
    for each in (opened, saved, filtered, changed, engines, downloaded, config, transforms, stores, keys)
}


def call(handler):
    handler.set_header("Content-Type", "application/json")
    name = handler.path_args[0]
    return json.dumps(plain(asked(handler) if name == "asked" else CASES[name]()), cls=CustomJSONEncoder)

"""Modules of scripts as their users see them: L-8, L-20 to L-23, L-32, L-33, L-35, L-37, L-38."""

from __future__ import annotations

import logging
import time
import uuid
from pathlib import Path
from typing import Any

import pytest
from conftest import MakeRuntime
from support.scripts import add_script, evaluate, failing

from wippy_native import Runtime

EXPRESSIONS: list[tuple[str, Any]] = [
    # json (L-32)
    ("json.encode(nil)", "null"),
    ("json.encode({})", "[]"),
    ("json.encode({1, 2.5, 'x', true, {}})", '[1,2.5,"x",true,[]]'),
    ("json.encode({a = {b = 1}})", '{"a":{"b":1}}'),
    ("json.encode(0/0)", "null"),
    ("json.encode(-1/0)", "null"),
    ("json.encode('a\"\\n')", '"a\\"\\n"'),
    ("select(2, json.encode({1, a = 2})):kind()", "Invalid"),
    ("select(2, json.encode({1, nil, 3})):kind()", "Invalid"),
    ("select(2, json.encode({[1.5] = 1})):kind()", "Invalid"),
    ("select(2, json.encode('\\xff')):kind()", "Invalid"),
    ("select(2, json.encode(print)):kind()", "Invalid"),
    ("math.type(json.decode('1'))", "integer"),
    ("math.type(json.decode('1.0'))", "float"),
    ("json.decode('9223372036854775807')", 2**63 - 1),
    ('json.decode(\'{"a": [1, null, "x"]}\').a', [1, None, "x"]),
    ("json.decode('null')", None),
    ("select(2, json.decode('')):kind()", "Invalid"),
    ("select(2, json.decode('[1')):kind()", "Invalid"),
    ("select(2, json.decode('1 2')):kind()", "Invalid"),
    # time (L-33)
    ("time.SECOND", 10**9),
    ("time.parse_duration('1h30m'):seconds()", 5400.0),
    ("select(2, time.parse_duration('x')):kind()", "Invalid"),
    ("time.unix(0, 0):utc():format_rfc3339()", "1970-01-01T00:00:00Z"),
    ("time.parse('2006-01-02', '2024-02-29'):add('24h'):format('Jan 2, 2006')", "Mar 1, 2024"),
    ("select(2, time.parse('2006-01-02', '2023-02-29')):kind()", "Invalid"),
    ("time.unix(5, 0):sub(time.unix(2, 0)):seconds()", 3.0),
    ("time.unix(1, 0):before(time.unix(2, 0))", True),
    ("time.unix(1, 5):unix_nano()", 10**9 + 5),
    ("os.date('!%Y-%m-%d', 0)", "1970-01-01"),
    # base64, hash, uuid
    ("base64.encode('a\\0\\xff')", "YQD/"),
    ("base64.decode('YQD/')", b"a\x00\xff"),
    ("select(2, base64.decode('!')):kind()", "Invalid"),
    ("hash.sha256('a')", "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"),
    ("hash.md5('')", "d41d8cd98f00b204e9800998ecf8427e"),
    ("#hash.sha512('a', true)", 64),
    ("uuid.v4() ~= uuid.v4()", True),
    ("uuid.validate(uuid.v7())", True),
    ("uuid.validate('x')", False),
    ("uuid.v5('6ba7b810-9dad-11d1-80b4-00c04fd430c8', 'a')", str(uuid.uuid5(uuid.NAMESPACE_DNS, "a"))),
    # yaml, text
    ("yaml.decode('a: 1\\nb: [x, 2.5, true]')", {"a": 1, "b": ["x", 2.5, True]}),
    ("yaml.decode(yaml.encode({a = {1, 'b', {c = false}}}))", {"a": [1, "b", {"c": False}]}),
    ("select(2, yaml.decode('{')):kind()", "Invalid"),
    ("text.upper('ä')", "Ä"),
    ("text.len('aä')", 2),
    ("text.split('a,b', ',')", ["a", "b"]),
    ("text.regexp.compile('^a+$'):match_string('aaa')", True),
    ("select(2, text.regexp.compile('(')):kind()", "Invalid"),
    # payload, errors, ctx
    ("payload.new({a = 1}):transcode(payload.format.JSON):data()", '{"a":1}'),
    ("payload.new('x'):get_format()", "text/plain"),
    ("select(2, ctx.get('')):kind()", "Invalid"),
    ("select(2, ctx.get('none')):kind()", "NotFound"),
    ("#errors.call_stack(errors.new('x')) >= 0", True),
]


@pytest.mark.parametrize(("expression", "value"), EXPRESSIONS)
def test_expressions(rt: Runtime, expression: str, value: object) -> None:
    result = evaluate(rt, f"return ({expression})")
    assert result == value
    assert type(result) is type(value)


def test_depth_of_json(rt: Runtime) -> None:
    """L-32."""
    for levels, good in ((120, True), (140, False)):
        body = f"local t = {{}} for i = 2, {levels} do t = {{t}} end return json.encode(t) ~= nil"
        assert evaluate(rt, body) is good
        assert evaluate(rt, f"return json.decode(('['):rep({levels}) .. (']'):rep({levels})) ~= nil") is good


def test_sleeping(rt: Runtime) -> None:
    """L-33: numbers are nanoseconds."""
    for duration in ("'30ms'", "30 * time.MILLISECOND", "30000000", "time.parse_duration('30ms')"):
        begin = time.monotonic()
        evaluate(rt, f"time.sleep({duration})")
        assert 0.029 <= time.monotonic() - begin < 5
    for duration in ("-1", "0", "'-1s'"):
        evaluate(rt, f"time.sleep({duration})", timeout=5.0)


def test_logging(rt: Runtime, caplog: pytest.LogCaptureFixture) -> None:
    """L-8, L-38: with levels, names and fields, by colon and by dot."""
    body = """
      print("a", 1, nil, true)
      logger:debug("d") logger.info("i", {a = 1}) logger:warn("w") logger.error("e")
      logger:with({k = "v"}):named("part"):info("named", {z = 2})
    """
    with caplog.at_level(logging.DEBUG):
        evaluate(rt, body)
    told = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert ("INFO", "a 1 nil true") in [(level, text.strip()) for level, text in told]
    assert {level for level, _ in told} == {"DEBUG", "INFO", "WARNING", "ERROR"}
    named = caplog.records[-1]
    assert "named" in named.getMessage()
    assert "part" in named.name + named.getMessage()


def test_output_has_a_bound(rt: Runtime, caplog: pytest.LogCaptureFixture) -> None:
    """F-52, L-8."""
    with caplog.at_level(logging.DEBUG):
        f = add_script(rt, "for i = 1, 10000 do print(('x'):rep(100)) end return 1", limits={"max_output_bytes": 5000})
        assert f() == 1
    assert sum(len(record.getMessage()) for record in caplog.records) < 20_000


# Directories


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.txt").write_text("one")
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "data" / "out").symlink_to("../secret")
    return tmp_path


def add_directory(rt: Runtime, place: Path, **fields: Any) -> None:
    rt.add_entry({"id": "app:data", "kind": "fs.directory", "directory": str(place / "data"), **fields})


VOLUME = "local vol = assert(fs.get('app:data')) "


def test_files(rt: Runtime, place: Path) -> None:
    """L-35."""
    add_directory(rt, place)
    body = """
      assert(vol:writefile("b/../x", "1") == true or true)
      assert(vol:mkdir("sub") and vol:writefile("sub/f", "a\\0\\xff") and vol:writefile("sub/f", "more", "a"))
      local taken, e = vol:writefile("sub/f", "x", "wx")
      assert(not taken and e:kind() == errors.ALREADY_EXISTS, tostring(e and e:kind()))
      local names = {}
      for entry in vol:readdir("sub") do names[#names + 1] = entry.name end
      local size = vol:stat("a.txt").size
      return {vol:readfile("/sub/f"), vol:exists("a.txt"), vol:isdir("sub"), size, names, vol:remove("a.txt")}
    """
    assert evaluate(rt, VOLUME + body) == [b"a\x00\xffmore", True, True, 3, ["f"], True]
    assert not (place / "data" / "a.txt").exists()


@pytest.mark.parametrize(
    "path", ["../secret", "/../secret", "sub/../../secret", "out", "a.txt/../../secret", "\0", "/etc/passwd"]
)
def test_nothing_outside_is_reached(rt: Runtime, place: Path, path: str) -> None:
    """L-35, K-1."""
    add_directory(rt, place)
    for call in ("readfile(p)", "writefile(p, 'x')", "remove(p)", "open(p)", "stat(p)"):
        answer = evaluate(
            rt, VOLUME + f"local p = ... local v, e = vol:{call} return {{tostring(v), e and e:message()}}", path
        )
        assert "secret" not in str(answer[0])
        assert str(place) not in str(answer)
    assert (place / "secret").read_text() == "secret"


def test_volumes(make_runtime: MakeRuntime, place: Path) -> None:
    """L-35: unknown, refused by the operator, read-only."""
    asked: list[str] = []

    def authorize(_: str, target: str) -> bool:
        asked.append(target)
        return target != "fs://app:secret"

    rt = make_runtime(authorize=authorize)
    add_directory(rt, place, mode="0555")
    rt.add_entry({"id": "app:secret", "kind": "fs.directory", "directory": str(place)})
    answer = "local v, e = fs.get(...) return {v == nil, e:kind(), e:message()}"
    assert evaluate(rt, answer, "app:none") == [True, "NotFound", "filesystem not found: app:none"]
    refused = "not allowed to access filesystem: app:secret"
    assert evaluate(rt, answer, "app:secret") == [True, "PermissionDenied", refused]
    assert "fs://app:secret" in asked
    for call in ("writefile('x', '1')", "remove('a.txt')", "mkdir('d')"):
        assert evaluate(rt, VOLUME + f"return (select(2, vol:{call})):kind()") == "PermissionDenied"
    assert evaluate(rt, VOLUME + "return vol:readfile('a.txt')") == "one"


@pytest.mark.parametrize("name", ["sql", "store", "security", "crypto", "registry", "io", "http", "queue"])
def test_modules_that_are_not_here(rt: Runtime, name: str) -> None:
    """04 §4: listed they load; `require` raises at the call."""
    f = rt.add_lua("app:f", f"return function() return require('{name}') end", modules=[name])
    for _ in range(2):
        with pytest.raises(Exception, match=name):
            f()


def test_errors_of_modules_are_values(rt: Runtime) -> None:
    """L-20: `assert` raises them with their kind."""
    assert failing(rt, "assert(json.decode('['))").kind == "Invalid"
    assert failing(rt, "assert(ctx.get('none'))").kind == "NotFound"
    assert failing(rt, "return json.decode('[')").kind == "Invalid"

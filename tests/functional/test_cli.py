# SPDX-License-Identifier: BSD-3-Clause
"""The command line: help that helps, one message for a mistake, and exit code 2."""
import json

import pytest

COMMANDS = ["run", "replay", "generate", "check", "init", "config", "explain", "explain-capture", "show", "set"]


def mistake(result, *words):
    assert result.code == 2, repr(result)
    assert not result.stdout, repr(result)
    for word in words:
        assert word in result.stderr, repr(result)
    assert "Sanitizer" not in result.stderr, repr(result)


def test_version(weir):
    assert weir.run("--version").ok().stdout.startswith("weir ")


def test_help_names_every_command(weir):
    text = weir.run("--help").ok().stdout
    for command in COMMANDS:
        assert f"  {command}" in text, text


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help(weir, command):
    by_option = weir.run(command, "--help").ok().stdout
    assert by_option.lower().startswith("usage: weir " + command) or command in by_option
    assert weir.run("help", command).ok().stdout == by_option


def test_nothing_asked(weir):
    assert weir.run().code == 2


def test_unknown_command(weir):
    mistake(weir.run("rplay"), "rplay", "replay")


def test_unknown_option(weir):
    mistake(weir.run("replay", "--sped", "top", "x.pcap"), "--sped", "--speed")


def test_option_without_its_argument(weir):
    mistake(weir.run("replay", "x.pcap", "--speed"), "--speed")


@pytest.mark.parametrize("option, value", [
    ("--speed", "fast"), ("--speed", "-1pps"), ("--workers", "two"), ("--workers", "0x"),
    ("--queues", "70000"), ("--loop", "-1"), ("--duration", "1 parsec"),
])
def test_bad_value_is_named(weir, option, value):
    mistake(weir.run("replay", "x.pcap", option, value), value)


def test_missing_file_is_named(weir, tmp_path):
    result = weir.run("replay", tmp_path / "no such.pcap")
    assert result.code in (1, 2), repr(result)
    assert "no such.pcap" in result.stderr and "No such file" in result.stderr, repr(result)


def test_not_a_capture(weir, tmp_path):
    path = tmp_path / "text.pcap"
    path.write_text("This is a letter, not a capture.\n" * 10)
    result = weir.run("replay", path)
    assert result.code in (1, 2), repr(result)
    assert "text.pcap" in result.stderr, repr(result)


def test_empty_file(weir, tmp_path):
    path = tmp_path / "empty.pcap"
    path.write_bytes(b"")
    result = weir.run("replay", path)
    assert result.code in (1, 2), repr(result)
    assert "empty.pcap" in result.stderr, repr(result)


def test_unwritable_output(weir, traffic, tmp_path):
    result = weir.run("replay", traffic, "--out", tmp_path / "no" / "such" / "folder.pcap")
    assert result.code in (1, 2), repr(result)
    assert "folder.pcap" in result.stderr, repr(result)


def test_all_mistakes_of_a_file_at_once(weir, tmp_path):
    path = tmp_path / "weir.json"
    path.write_text('{\n'
                    '  "ports": {"a": {"device": "net_null0", "quues": 4}},\n'
                    '  "workers": {"idle": "adaptve"},\n'
                    '  "pipelines": [{"from": "a", "to": "b"}]\n'
                    '}\n')
    result = weir.run("check", path)
    mistake(result, f"{path}:2:", f"{path}:3:", f"{path}:4:", "/ports/a/quues", "queues",
            "adaptive", "/pipelines/0/to")


def test_syntax_error_has_a_place(weir, tmp_path):
    path = tmp_path / "weir.json"
    path.write_text('{\n  "ports": {,}\n}\n')
    mistake(weir.run("check", path), f"{path}:2:")


def test_duplicate_key(weir, tmp_path):
    path = tmp_path / "weir.json"
    path.write_text('{"workers": {"count": 1,\n"count": 2}}')
    mistake(weir.run("check", path), f"{path}:2:", "count")


def test_schema_is_json_schema(weir):
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(weir.run("config", "schema").ok().stdout)
    jsonschema.Draft202012Validator.check_schema(schema)


def test_init_makes_what_check_and_schema_accept(weir, tmp_path):
    jsonschema = pytest.importorskip("jsonschema")
    path = tmp_path / "weir.json"
    path.write_text(weir.run("init").ok().stdout)
    weir.run("check", path).ok()
    schema = json.loads(weir.run("config", "schema").ok().stdout)
    jsonschema.validate(json.loads(path.read_text()), schema)

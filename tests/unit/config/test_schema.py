# SPDX-License-Identifier: BSD-3-Clause
"""The generated schema and reference page, judged by jsonschema and scdoc: test_schema.py DUMP"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

DUMP = sys.argv[1]
EXAMPLES = pathlib.Path(os.environ["WEIR_EXAMPLES"])
SKIPPED = 77

try:
    import jsonschema
except ImportError:
    print("skipped: no python3-jsonschema")
    sys.exit(SKIPPED)

# Members of one valid configuration replaced one by one: weir and the schema have to agree.
BASE = {
    "ports": {"a": {"device": "net_null0"}, "b": {"generate": {}}, "c": {"file": "x.pcap"}},
    "pipelines": [{"from": "a", "to": "c", "stages": ["mac"]}, {"from": "b", "to": "a"}],
}
GOOD = [
    ("workers", "auto"), ("workers", {"cpus": 3, "count": "auto"}), ("workers", {"nice": -20}),
    ("memory", {"size": "64 MiB", "packets": 0}), ("memory", {"eal_args": "-v"}),
    ("stats", {"interval": 0, "json_lines": "none"}), ("stats", {"interval": "1.5s"}),
    ("control", {"socket": ""}), ("$schema", "x.json"),
    ("ports.a.rss", {"reta_size": 512, "key": "6d5a" * 20}), ("ports.a.mtu", "9k"),
    ("ports.a.rss", {"key": ":".join(["6d"] * 40)}), ("ports.b.rss", {"queues": "auto"}),
    ("ports.a.features", {"promiscuous": "auto", "scatter-gather": False}),
    ("ports.b.generate", {"size": "64-1500", "zipf": 0.9, "speed": "1.5Mpps", "vlan": "none"}),
    ("ports.d", {"replay": {"files": ["a", "b"], "speed": "x2.5", "loop": "forever"}}),
    ("pipelines", [{"from": "a", "stages": [{"type": "drop"}]}, {"from": "b", "to": "a"}]),
    ("pipelines", [{"from": "b", "to": "a", "stages": [{"type": "noisy", "flush": "1ms"}]}]),
    ("pipelines", [{"from": "b", "to": "a", "stages": [{"type": "flowgen", "flows": 3}, "io"]}]),
]
BAD = [
    ("workers", {"cpu": 3}), ("workers", "some"), ("workers", {"count": 65}),
    ("memory", {"mode": "hug"}), ("memory", {"size": "64X"}), ("stats", {"interval": 10}),
    ("stats", {"interval": "1"}), ("stats", {"table": "yes"}), ("ports", {}), ("ports", []),
    ("ports.a.rss", {"reta_size": 100}), ("ports.a.rss", {"key": "6d5a"}), ("ports.b.mtu", 1500),
    ("ports.a.features", {"promiscuous": "perhaps"}), ("ports.a.file", "y"), ("ports.d", {}),
    ("ports.b.generate", {"speed": "original"}), ("ports.b.generate", {"loss": 1.5}),
    ("ports.a", {"replay": {}}), ("pipelines", [{"to": "a"}]), ("pipelines", []), ("extra", 1),
    ("pipelines", [{"from": "b", "to": "a", "stages": ["mca"]}]),
    ("pipelines", [{"from": "b", "to": "a", "stages": [{"type": "mac", "share": 1}]}]),
    ("pipelines", [{"from": "b", "to": "a", "stages": [{"share": 1}]}]),
]


def run(*arguments):
    return subprocess.run([DUMP, *map(str, arguments)], capture_output=True, text=True, check=False)


def changed(path, value):
    document = json.loads(json.dumps(BASE))
    inner = document
    *folders, last = path.split(".")
    for folder in folders:
        inner = inner[folder]
    inner[last] = value
    return document


def weir_accepts(document):
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(document, file)
        file.flush()
        return run("check", file.name).returncode == 0


def test_agreement(validator):
    for expected, cases in ((True, GOOD), (False, BAD)):
        for path, value in cases:
            document = changed(path, value)
            assert weir_accepts(document) == expected, f"weir: {path} {value} is not {expected}"
            assert validator.is_valid(document) == expected, f"schema: {path} {value}"


def test_examples(validator):
    count = 0
    for path in sorted(EXAMPLES.glob("*.json")):
        if "schema" in path.name:
            continue
        validator.validate(json.loads(path.read_text()))
        effective = run("show", path)
        assert effective.returncode == 0, effective.stderr
        validator.validate(json.loads(effective.stdout))
        count += 1
    assert count >= 5


def test_defaults_are_valid(validator, schema):
    """Each default in the schema satisfies the schema it stands in."""
    count = 0
    if isinstance(schema, dict):
        if "default" in schema and "description" in schema:
            validator.evolve(schema=schema).validate(schema["default"])
            count += 1
        count += sum(test_defaults_are_valid(validator, inner) for inner in schema.values())
    elif isinstance(schema, list):
        count += sum(test_defaults_are_valid(validator, inner) for inner in schema)
    return count


def test_reference():
    text = run("reference").stdout
    for pointer in ("/memory/mode", "/ports/NAME/rss/reta\\_size", "/ports/NAME/replay/speed",
                    "/pipelines/N/stages/N/share", "/workers/idle", "/control/socket"):
        assert f"*{pointer}*" in text, pointer
    if shutil.which("scdoc"):
        page = subprocess.run(["scdoc"], input=f"weir.json(5)\n\n# FIELDS\n\n{text}",
                              capture_output=True, text=True, check=False)
        assert page.returncode == 0, page.stderr


def main():
    schema = json.loads(run("schema").stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    kept = json.loads((EXAMPLES / "weir.schema.json").read_text())
    assert kept == schema, "config/weir.schema.json is old: weir config schema >config/weir.schema.json"
    test_agreement(validator)
    test_examples(validator)
    assert test_defaults_are_valid(validator, schema) > 50
    test_reference()
    print("the schema agrees with weir")


main()

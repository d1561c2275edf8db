# SPDX-License-Identifier: BSD-3-Clause
"""Every example in config/ is valid, and runs where its ports exist."""
import json

import pytest

import runs
from running import ROOT

EXAMPLES = sorted((ROOT / "config").glob("*.json"))
EXAMPLES = [path for path in EXAMPLES if "schema" not in path.name]
# Devices that need nothing of the host.
ANYWHERE = ("net_null", "net_ring")


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.name for path in EXAMPLES])
def test_is_valid(weir, path):
    text = weir.run("check", path).ok().stdout
    assert "worker" in text


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.name for path in EXAMPLES])
def test_schema_accepts(weir, path):
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(weir.run("config", "schema").ok().stdout)
    jsonschema.validate(json.loads(path.read_text()), schema)


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.name for path in EXAMPLES])
def test_runs(weir, path):
    for name, port in json.loads(path.read_text())["ports"].items():
        if "device" in port and not port["device"].startswith(ANYWHERE):
            pytest.skip(f"port {name} wants {port['device']}")
        for file in port.get("replay", {}).get("files", []):
            if not (ROOT / file).exists():
                pytest.skip(f"port {name} wants {file}")
    report = weir.run("run", path, "--duration", "1s", "--json").ok().json()
    runs.account(report)

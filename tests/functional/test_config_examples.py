# SPDX-License-Identifier: BSD-3-Clause
"""Every example in config/ is valid, and runs where its ports exist."""
import json
import re
import shutil

import pytest

import runs
from running import ROOT

EXAMPLES = sorted((ROOT / "config").glob("*.json"))
EXAMPLES = [path for path in EXAMPLES if "schema" not in path.name]
# Devices that need nothing of the host, and those that a namespace can be given.
ANYWHERE = ("net_null", "net_ring")
INTERFACE = re.compile(r"net_(?:af_packet|af_xdp)\d+,.*?iface=(\w+)")


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
def test_runs(weir, path, traffic, tmp_path, request):
    ports = json.loads(path.read_text()).get("ports", {})
    devices = {name: port["device"] for name, port in ports.items() if "device" in port}
    interfaces = {match.group(1) for match in map(INTERFACE.match, devices.values()) if match}
    interfaces |= {port["interface"] for port in ports.values() if "interface" in port}
    for name, device in devices.items():
        if not device.startswith(ANYWHERE) and not INTERFACE.match(device):
            pytest.skip(f"port {name} wants {device}")
    namespace = request.getfixturevalue("namespace") if interfaces else None
    for interface in interfaces:
        namespace.veth(interface, f"far-{interface}")
    for port in ports.values():
        for file in port.get("replay", {}).get("files", []):
            shutil.copy(traffic, tmp_path / file)
    mine = tmp_path / path.name  # writes into this test's folder only
    mine.write_text(path.read_text().replace('"/tmp/', f'"{tmp_path}/'))
    report = weir.run("run", mine, "--duration", "1s", "--json", "--socket", tmp_path / "weir.sock",
                      namespace=namespace, folder=tmp_path).ok().json()
    runs.account(report)

# SPDX-License-Identifier: BSD-3-Clause
"""Configurations made on the spot, and what the report of a run must add up to."""
import json


def write(folder, ports, pipelines, **sections):
    """A configuration file with a control socket of its own; returns (file, socket)."""
    path, socket = folder / "weir.json", folder / "weir.sock"
    sections.setdefault("control", {"socket": str(socket)})
    sections.setdefault("workers", {"count": 1})
    path.write_text(json.dumps({"ports": ports, "pipelines": pipelines, **sections}, indent=1))
    return path, socket


def account(report):
    """The law: in + made = out + merged + held + drops, exactly. Returns the account and drops by reason."""
    found = dict(report["account"])
    found["dropped"] = {reason: drop["packets"] for reason, drop in report["drops"].items()
                        if drop["packets"]}
    assert found["drops"] == sum(found["dropped"].values()), report
    assert found["in"] + found["made"] == (found["out"] + found["merged"] + found["held"]
                                           + found["drops"]), found
    assert found["unaccounted"] == 0, found
    return found


def from_file(path, **options):
    return {"replay": {"files": [str(path)], "speed": "top", **options}}


def to_file(path):
    return {"file": str(path)}


def through(weir, folder, capture, stages, seconds=20, **sections):
    """Plays a capture through one pipeline into a file: (packets of the report, that file)."""
    out = folder / "out.pcap"
    path, _socket = write(folder, {"in": from_file(capture), "out": to_file(out)},
                          [{"from": "in", "to": "out", "stages": stages}], **sections)
    report = weir.run("run", path, "--json", seconds=seconds).ok().json()
    return account(report), out

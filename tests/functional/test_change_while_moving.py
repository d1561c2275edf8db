# SPDX-License-Identifier: BSD-3-Clause
"""New tables come into force while buckets move: they wait for what was parked, wherever it went then."""
import steered

RESTLESS = {"balance": True, "balance_tick_min": "100us", "balance_tick_max": "100us",
            "rps_sock_flow_entries": 32768}
# Readers move often, and workers are slow to have done what they were given: they hold it for a while.
STAGES = [{"type": "consume", "cpus": steered.BOTH, "migrate": "2ms"}, {"type": "noisy", "buffer": 64},
          {"type": "work", "cycles": 3000}]
CHANGES = [("ports.in.rps_flow_cnt", "4096"), ("ports.in.rps_flow_cnt", "off"), ("ports.in.rss.key", "random")]


@steered.two_cpus
def test_nothing_overtakes(weir, tmp_path):
    port = {"generate": {"flows": 50, "speed": "200kpps"}, "rss": {"mode": "software", "queues": 8},
            "rps_cpus": steered.BOTH}
    running, socket = steered.start(weir, tmp_path, {"in": port}, stages=STAGES, steering=RESTLESS)
    for _round in range(30):
        for path, value in CHANGES:
            weir.run("set", path, value, "--socket", socket).ok()
    running.stop().ok()

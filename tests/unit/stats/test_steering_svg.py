# SPDX-License-Identifier: BSD-3-Clause
"""The picture of steering: well-formed, drawn from the JSON alone, with no text on top of another.

test_steering_svg.py PROGRAM [FOLDER]: PROGRAM makes SVG of JSON; with FOLDER all is kept there.
"""
import json
import os
import random
import re
import subprocess
import sys
import unittest
import xml.etree.ElementTree as xml
from pathlib import Path

PROGRAM = sys.argv[1]
FOLDER = Path(sys.argv[2]) if len(sys.argv) > 2 else None
SEED = int(os.environ.get("WEIR_SEED", "1"))
NAMESPACE = "{http://www.w3.org/2000/svg}"
# Widths of DejaVu Sans, which is wider than what most viewers take: of the font's size.
WIDTH_EM = {"title": 0.70, "name": 0.70, "column": 0.70}
SIZES = {"title": 17, "name": 12, "column": 12}
PREFIXES = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
TIMES = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9, "min": 60e9}


def steering(buckets=128, queues=4, workers=4, flows=10, load=1e6, rps=False, ipv6=False, balanced=False):
    """What an engine answers: Zipf-like flows over buckets, a number of its own for everything."""
    chance = random.Random(SEED)
    loads = [int(load * chance.random() ** 3) for _bucket in range(buckets)]
    owner = [queue % workers for queue in range(queues)]
    routes = [owner[bucket % queues] for bucket in range(buckets)]
    if balanced:
        routes = [chance.randrange(workers) if chance.random() < 0.3 else to for to in routes]
    moving = [7] if balanced else []
    received = sum(loads) + int(load)
    maps = [list(range(workers)) if rps and queue % 4 == 3 else [] for queue in range(queues)]
    to = [None if maps[bucket % queues] or bucket in moving else routes[bucket] for bucket in range(buckets)]
    names = [("[2001:db8:aaaa:bbbb:cccc:dddd:eeee:%04x]:54321" if ipv6 else "192.168.100.%d:54321")
             % (1 + rank) for rank in range(flows)]
    sizes = [int(received * 0.3 / (1 + rank) ** 1.3) for rank in range(flows)]
    by_queue = [sum(loads[queue::queues]) for queue in range(queues)]
    by_worker = [sum(pps for pps, worker in zip(loads, routes) if worker == number)
                 for number in range(workers)]
    return {
        "time": "2026-01-02T03:04:05.678Z", "interval_ns": 1003000000,
        "steering": {
            "balancer": {"max_over_mean": 1.07, "moves_per_s": 12} if balanced else None,
            "workers": [{"worker": number, "cpu": 2 + number, "numa_node": number % 2,
                         "busy_percent": round(100 * pps / (max(by_worker) + 1), 2), "pps": pps,
                         "cycles_per_packet": 100.25 + number, "backlog_len": 3 * number}
                        for number, pps in enumerate(by_worker)],
            "ports": [{"port": "wan <&\">", "receiver": 0, "rx_queue": 5, "pps": received, "reta_size": buckets,
                       "queue_count": queues, "rps": rps, "rfs": True, "balanced": balanced,
                       "bucket_moves_per_s": 17, "moves_now": len(moving), "parked": 23,
                       "park_longest_ns": 45600,
                       "queues": [{"queue": queue, "worker": owner[queue], "pps": by_queue[queue],
                                   "rps_workers": maps[queue]} for queue in range(queues)],
                       "buckets": {"queue": [bucket % queues for bucket in range(buckets)],
                                   "worker": to, "pps": loads, "packets": loads,
                                   "moving": moving}}]},
        "flows": [{"rank": rank + 1, "port": "wan <&\">", "receiver": 0, "rx_queue": 5, "source": names[rank],
                   "destination": names[-1 - rank], "protocol": "tcp", "pps": sizes[rank],
                   "bps": sizes[rank] * 8000, "share_percent": round(100 * sizes[rank] / (received + 1), 2),
                   "bucket": chance.randrange(buckets), "worker": rank % workers,
                   "by": ["RSS", "RFS", "balancer"][rank % 3]} for rank in range(flows)]}


SHAPES = {
    "typical": {},
    "big": {"buckets": 512, "queues": 32, "workers": 16, "flows": 20, "balanced": True, "ipv6": True},
    "balanced": {"queues": 8, "balanced": True},
    "rps": {"queues": 8, "rps": True},
    "one": {"queues": 1, "workers": 1, "flows": 1},
    "idle": {"load": 0},
    "no-flows": {"flows": 0},
    "wide": {"buckets": 512, "queues": 128, "workers": 64, "flows": 100},
    "workers": {"workers": 64, "queues": 64, "flows": 1},
    "queues-16-workers-2": {"buckets": 256, "queues": 16, "workers": 2},
    "overload": {"load": 1e9, "queues": 32, "workers": 16, "ipv6": True},
}


def draw(document, name="picture"):
    done = subprocess.run([PROGRAM], input=json.dumps(document), capture_output=True, text=True, check=True)
    if FOLDER:
        (FOLDER / f"{name}.svg").write_text(done.stdout)
        (FOLDER / f"{name}.json").write_text(json.dumps(document))
    return xml.fromstring(done.stdout)


def texts(picture):
    return [node for node in picture.iter(NAMESPACE + "text")]


def box(node):
    """Left, top, right, bottom of a text, wider than any viewer draws it."""
    kind = node.get("class")
    size = SIZES.get(kind, 10)
    width = len(node.text) * size * WIDTH_EM.get(kind, 0.6)
    x, y = float(node.get("x")), float(node.get("y"))
    left = x - width if kind == "right" else x - width / 2 if kind == "middle" else x
    return left, y - 0.76 * size, left + width, y + 0.2 * size


def numbers_of(value):
    if isinstance(value, bool) or value is None:
        return []
    if isinstance(value, (int, float)):
        return [value]
    if isinstance(value, str):
        return [float(number) for number in re.findall(r"\d+(?:\.\d+)?", value)]
    return [number for part in (value.values() if isinstance(value, dict) else value)
            for number in numbers_of(part)]


def drawn_numbers(text):
    """Numbers with what a unit makes of them, and how far rounding may have taken them."""
    for number, unit in re.findall(r"(?<![\w.:])(\d+(?:\.\d+)?)(?![\d.:]*[.:]\d)(?: ?(\w+))?", text):
        factor = 1
        if unit in TIMES:
            factor = TIMES[unit]
        elif re.fullmatch(r"[kMGT]?(pps|bit)", unit):
            factor = PREFIXES[unit[:-3]]
        digits = len(number.split(".")[1]) if "." in number else 0
        yield float(number) * factor, factor * 0.51 * 10 ** -digits


class Picture(unittest.TestCase):
    def test_no_text_covers_another(self):
        for name, shape in SHAPES.items():
            with self.subTest(name):
                picture = draw(steering(**shape), name)
                boxes = [(box(node), node.text) for node in texts(picture)]
                for index, (one, text) in enumerate(boxes):
                    for other, over in boxes[:index]:
                        apart = (one[2] <= other[0] or other[2] <= one[0] or
                                 one[3] <= other[1] or other[3] <= one[1])
                        self.assertTrue(apart, f"{text!r} covers {over!r}")

    def test_all_is_inside(self):
        for name, shape in SHAPES.items():
            with self.subTest(name):
                picture = draw(steering(**shape), name)
                width, height = float(picture.get("width")), float(picture.get("height"))
                for node in texts(picture):
                    left, top, right, bottom = box(node)
                    self.assertTrue(left >= 0 and top >= 0 and bottom <= height, node.text)
                    self.assertTrue(right <= width + 1, f"{node.text} ends at {right}")
                for node in picture.iter(NAMESPACE + "rect"):
                    if node.get("x"):
                        self.assertGreaterEqual(float(node.get("height")), 0)
                        self.assertLessEqual(float(node.get("y")) + float(node.get("height")), height)
                        self.assertLessEqual(float(node.get("x")) + float(node.get("width")), width)

    def test_every_number_is_one_of_the_json(self):
        for name, shape in SHAPES.items():
            with self.subTest(name):
                document = steering(**shape)
                known = numbers_of(document) + list(range(shape.get("buckets", 128)))
                seen = 0
                for node in texts(draw(document, name)):
                    for number, slack in drawn_numbers(node.text):
                        seen += 1
                        self.assertTrue(any(abs(number - value) <= slack for value in known),
                                        f"{number} of {node.text!r} is nowhere in the JSON")
                self.assertGreater(seen, 10)

    def test_each_number_follows_its_source(self):
        changes = [("steering.workers.1.busy_percent", 77.0, "77 % busy"),
                   ("steering.workers.1.cpu", 91, "CPU 91"),
                   ("steering.workers.1.backlog_len", 4321, "backlog 4321"),
                   ("steering.ports.0.bucket_moves_per_s", 871, "871 bucket moves/s"),
                   ("steering.ports.0.parked", 872, "872 packets parked"),
                   ("steering.ports.0.park_longest_ns", 873000, "873 us"),
                   ("steering.ports.0.queues.2.pps", 874, "queue 2 · 874 pps"),
                   ("steering.ports.0.queue_count", 875, "875 queues"),
                   ("steering.balancer.max_over_mean", 8.77, "max/mean load 8.77"),
                   ("flows.0.share_percent", 87.7, "87.7 %"),
                   ("flows.0.source", "8.7.8.7:1", "8.7.8.7:1"), ("time", "2001", "2001")]
        for path, value, expected in changes:
            with self.subTest(path):
                document = steering(balanced=True)
                self.assertNotIn(expected, " ".join(node.text for node in texts(draw(document))))
                *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
                place = document
                for part in parents:
                    place = place[part]
                place[last] = value
                self.assertIn(expected, " ".join(node.text for node in texts(draw(document))))

    def test_buckets_are_as_long_as_their_load(self):
        document = steering(buckets=512, queues=8, balanced=True)
        loads = document["steering"]["ports"][0]["buckets"]
        widths = {}
        for node in draw(document).iter(NAMESPACE + "rect"):
            title = node.find(NAMESPACE + "title")
            if title is not None:
                bucket, queue, *worker, pps = re.findall(r"\d+", title.text)
                widths[int(bucket)] = float(node.get("width"))
                self.assertEqual(int(queue), loads["queue"][int(bucket)])
                self.assertEqual(int(pps), loads["pps"][int(bucket)])
                self.assertEqual([int(number) for number in worker],
                                 [number for number in [loads["worker"][int(bucket)]] if number is not None])
        self.assertEqual(sorted(widths), list(range(512)))
        longest = max(widths.values())
        for bucket, width in widths.items():
            self.assertAlmostEqual(width / longest, loads["pps"][bucket] / max(loads["pps"]), delta=0.01)

    def test_nothing_comes_from_elsewhere(self):
        text = xml.tostring(draw(steering(**SHAPES["big"])), encoding="unicode")
        for word in ("href", "url(", "script", "@import", "font-face", "<image"):
            self.assertNotIn(word, text)

    def test_strange_json_makes_a_picture_all_the_same(self):
        chance = random.Random(SEED)
        strange = [None, [], {}, 1, {"steering": []}, {"steering": {"ports": {}}},
                   {"steering": {"ports": [1]}}, {"steering": {"ports": [{}], "workers": [1]}, "flows": 7}]
        for _round in range(60):
            document = steering(balanced=True, flows=3)
            place = document
            while isinstance(place, (dict, list)) and place:
                keys = list(place) if isinstance(place, dict) else range(len(place))
                key = chance.choice(list(keys))
                if chance.random() < 0.4:
                    place[key] = chance.choice([None, -1, 10 ** 18, "x\u0001", [], {}, [{}], 1e300])
                    break
                place = place[key]
            strange.append(document)
        for document in strange:
            self.assertIsNotNone(draw(document, "strange"))


if __name__ == "__main__":
    if FOLDER:
        FOLDER.mkdir(parents=True, exist_ok=True)
    print(f"WEIR_SEED={SEED}")
    unittest.main(argv=sys.argv[:1])

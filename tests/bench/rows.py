# SPDX-License-Identifier: BSD-3-Clause
"""A comparison: two things measured in turns, their ratio, and the goal it has to meet."""
import re
import statistics
from typing import NamedTuple, Optional


class Unavailable(Exception):
    """This comparison cannot be made here, and why."""


FAILURES = (Unavailable, RuntimeError, OSError)


class Row(NamedTuple):
    case: str
    unit: str
    weir: Optional[float]
    peer: str = ""
    peer_value: Optional[float] = None
    ratio: Optional[float] = None
    spread: str = ""
    goal: str = ""
    met: Optional[bool] = None
    not_measured: str = ""  # why


def judge(goal, value, ratio):
    """Goals read ">= 0.95 x" (of the ratio to the peer) or "<= 30 cycles" (of the value itself)."""
    match = re.fullmatch(r"(<=|>=|<|>) ([\d.e-]+) ?(\D*)", goal)
    if match is None:
        return None
    measured, limit = (ratio if match.group(3) == "x" else value), float(match.group(2))
    if measured is None:
        return None
    return {"<=": measured <= limit, ">=": measured >= limit, "<": measured < limit,
            ">": measured > limit}[match.group(1)]


def missing(case, unit, peer, goal, reason):
    return Row(case, unit, None, peer, goal=goal, not_measured=str(reason) or "for no known reason")


def in_turns(rounds, measures):
    """Each of the measures (by name) once a round, so that a slow moment of the machine meets all. By name
    the values, or why there are none."""
    found = {name: [] for name in measures}
    for _round in range(rounds):
        for name, measure in measures.items():
            if not isinstance(found[name], list):
                continue
            try:
                found[name].append(measure())
            except FAILURES as reason:
                found[name] = reason
    return found


def compared(case, unit, peer, goal, ours, theirs):
    """Values of the same rounds, as in_turns() gives them."""
    for values in (ours, theirs):
        if not isinstance(values, list):
            return missing(case, unit, peer, goal, values)
    ratios = sorted(our / their for our, their in zip(ours, theirs))
    value, ratio = statistics.median(ours), statistics.median(ratios)
    return Row(case, unit, value, peer, statistics.median(theirs), ratio, f"{ratios[0]:.2f}-{ratios[-1]:.2f}",
               goal, judge(goal, value, ratio))


def alternate(case, unit, peer, goal, weir, other, rounds):
    """weir and its peer in turns."""
    found = in_turns(rounds, {"weir": weir, "other": other})
    return compared(case, unit, peer, goal, found["weir"], found["other"])


def alone(case, unit, goal, measure, rounds):
    """Measured against a number."""
    try:
        values = sorted(measure() for _round in range(rounds))
    except FAILURES as reason:
        return missing(case, unit, "", goal, reason)
    value = statistics.median(values)
    return Row(case, unit, value, spread=f"{number(values[0])}-{number(values[-1])}", goal=goal,
               met=judge(goal, value, None))


def number(value):
    if value is None:
        return ""
    for size, letter in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if abs(value) >= size:
            return f"{value / size:.2f}{letter}"
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def table(rows):
    titles = ("case", "unit", "weir", "peer", "its value", "ratio", "spread", "goal", "met")
    lines = [titles]
    for row in rows:
        lines.append((row.case, row.unit, number(row.weir), row.peer, number(row.peer_value),
                      "" if row.ratio is None else f"{row.ratio:.2f}", row.spread, row.goal,
                      f"not measured: {row.not_measured}" if row.not_measured
                      else {True: "yes", False: "NO", None: ""}[row.met]))
    widths = [max(len(line[column]) for line in lines) for column in range(len(titles))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip()
                     for line in lines)

# SPDX-License-Identifier: BSD-3-Clause
"""Applications that lie: each loses its own connection or request, with a reason, and nobody else
notices. Two that work all the time are the judges."""
import os
import random
import re
import socket
import struct
import time
from pathlib import Path

import pytest

import verbs_hostile as hostile
from running import ROOT, SLOWER
from verbs_apps import Pair, World, verbs_load, wait_for # pylint: disable=unused-import
from verbs_hostile import Hostile, Kicked, Refused

pytestmark = pytest.mark.xdist_group("world") # of one engine, and those who notice

REASON = dict(re.findall(r"X\((\w+), \"(.*)\"\)", (ROOT / "lib/verbs/layout.h").read_text()))
NUMBER = {name: number for number, name in enumerate(REASON)}


@pytest.fixture(scope="module")
def world(binary, verbs_load, tmp_path_factory):
    found = World(binary, verbs_load, tmp_path_factory.mktemp("verbs"), path="engine",
                  regions=64, queue_pairs=16, depth=1024, memory="64MiB", connections=16)
    found.pairs = [found.pair(), found.pair("write", "add")]
    try:
        yield found
        for pair in found.pairs:
            pair.settle()
        found.engine.stop()
    finally:
        found.close()


@pytest.fixture
def evil(world):
    """Whatever it did: the engine is there, it is gone, and others get on."""
    found = Hostile(world.engine.socket)
    yield found
    found.close()
    unhurt(world)


def unhurt(world):
    for pair in world.pairs:
        pair.wait_moves(10)
        pair.one.check()
        pair.other.check()
    wait_for(lambda: os.getpid() not in world.engine.pids(), "connection of the test taken back")


def kicked(world, reason, call, *arguments):
    """By the event, and by what is shown."""
    before = world.engine.show()["device"]["kicked"]
    with pytest.raises(Kicked) as found:
        call(*arguments)
        raise AssertionError("it was taken")
    assert found.value.args[0] in (NUMBER[reason], None)
    device = world.engine.show()["device"]
    assert device["kicked"] == before + 1 and device["last_reason"] == REASON[reason]


def refused(words, call, *arguments):
    with pytest.raises(Refused, match=words):
        call(*arguments)


# ---- memory ----

def regular_file(folder, length):
    path = folder / "file"
    path.write_bytes(bytes(length))
    return os.open(path, os.O_RDWR)


QUEUE_BYTES = hostile.Places(*hostile.GEOMETRY).length


@pytest.mark.parametrize("seals, length", [(0, QUEUE_BYTES), (hostile.F_SEAL_GROW, QUEUE_BYTES),
                                           (None, QUEUE_BYTES - 4096), (None, 0)],
                         ids=["unsealed", "may shrink", "short", "empty"])
def test_queue_memory(world, evil, seals, length):
    fd = evil.fd(length) if seals is None else evil.fd(length, seals=seals)
    kicked(world, "BAD_MEMORY", evil.call, hostile.CREATE_QP, evil.queue_body(), [fd])


@pytest.mark.parametrize("what", ["file", "pipe", "socket", "device", "directory"])
def test_no_memory_at_all(world, evil, tmp_path, what):
    fd = {"file": lambda: regular_file(tmp_path, QUEUE_BYTES), "pipe": lambda: os.pipe()[0],
          "socket": lambda: socket.socketpair()[0].detach(),
          "device": lambda: os.open("/dev/zero", os.O_RDWR),
          "directory": lambda: os.open(tmp_path, os.O_RDONLY)}[what]()
    evil.fds.append(fd)
    refused("memfd", evil.region, fd, 4096)
    kicked(world, "BAD_MEMORY", evil.call, hostile.CREATE_QP, evil.queue_body(), [fd])


@pytest.mark.parametrize("what", ["HELLO", "SRQ", "RAW"])
def test_other_shared_memory(world, what):
    evil = Hostile(world.engine.socket, hello=what != "HELLO")
    fd = evil.fd(1 << 20, seals=0)
    body = {"HELLO": (hostile.HELLO, struct.pack("<I32s", 1, b"hostile")),
            "SRQ": (hostile.CREATE_SRQ, struct.pack("<4I", getattr(evil, "pd", 0), 64, 1, 0)),
            "RAW": (hostile.CREATE_RAW, struct.pack("<4IQ", getattr(evil, "pd", 0), 0, 64, 64, 65536))}
    kicked(world, "BAD_MEMORY", evil.call, *body[what], [fd])
    evil.close()
    unhurt(world)


def test_sealed_memory_does_not_shrink(evil):
    queue = evil.queue()
    for length in (0, 4096):
        with pytest.raises(PermissionError):
            os.ftruncate(evil.fds[-1], length)
    queue.memory.close()


@pytest.mark.parametrize("address, length, offset", [
    (0x1000, 1 << 20, 0), (0x1000, 4096, 1 << 20), (0x1000, 4096, 2 ** 64 - 4096),
    (2 ** 64 - 4096, 8192, 0), (0x1000, 2 ** 64 - 1, 4096), (0x1000, 0, 0)])
def test_regions_that_cannot_be(evil, address, length, offset):
    fd = evil.fd(65536)
    refused("", lambda: evil.region(fd, length, address=address, offset=offset))
    assert evil.region(fd, 65536) != 0


def test_limits(evil):
    """One after the other is refused, with the number that is the limit."""
    fd = evil.fd(65536)
    for _region in range(64):
        evil.region(fd, 4096)
    refused("at most 64 regions", evil.region, fd, 4096)
    for _queue in range(16):
        evil.queue()
    refused("at most 16 queue pairs", evil.queue)


def test_limit_of_bytes(evil):
    fd = evil.fd(65 << 20)
    refused("bytes registered", evil.region, fd, 65 << 20)
    for _half in range(2):
        evil.region(fd, 32 << 20)
    refused("bytes registered", evil.region, fd, 4096)


@pytest.mark.parametrize("place, value", [(0, 0), (0, 1 << 31), (0, 3), (0, 65536), (1, 1 << 31), (1, 128),
                                          (2, 33), (2, 0xffffffff), (3, 0x80000001), (3, 2048),
                                          (4, 33), (4, 0xffffffff), (5, 1025), (5, 0xffffffff)])
def test_geometry(evil, place, value):
    geometry = list(hostile.GEOMETRY)
    geometry[place] = value
    refused("", evil.call, hostile.CREATE_QP, evil.queue_body(geometry), [evil.fd(1 << 20)])


@pytest.mark.parametrize("place", range(8))
def test_a_header_that_is_not_what_was_agreed(world, evil, place):
    queue = evil.queue()
    at = [0, 8, 16, 20, 24, 28, 32, 36][place]
    queue.memory[at:at + 4] = b"evil"
    kicked(world, "BAD_COOKIE", queue.connect, queue.number)


# ---- messages ----

MESSAGES = {
    "empty": b"", "one byte": b"\x02", "half a head": b"\x02\0\x0c\0", "no such type": (99, b""),
    "type 0": (0, b""), "an event": (hostile.EVENT, bytes(16)), "too short": (hostile.ALLOC_PD, b""),
    "too long": (hostile.ALLOC_PD, bytes(8)), "of 512 bytes": (hostile.ALLOC_PD, bytes(504)),
    "of 600 bytes": (hostile.ALLOC_PD, bytes(592)), "hello again": (hostile.HELLO, bytes(36)),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_no_message(world, evil, name):
    text = MESSAGES[name]
    if name == "empty": # looks like the end of the connection: so it is
        evil.raw(b" " * 0)
        with pytest.raises(Kicked):
            evil.receive()
        return
    if isinstance(text, bytes):
        kicked(world, "BAD_MESSAGE", lambda: (evil.raw(text), evil.receive()))
    else:
        kicked(world, "BAD_MESSAGE", evil.call, *text)


@pytest.mark.parametrize("length", [0, 8, 11, 13, 512, 0xffff])
def test_a_length_that_lies(world, evil, length):
    kicked(world, "BAD_MESSAGE",
           lambda: (evil.send(hostile.ALLOC_PD, bytes(4), length=length), evil.receive()))


@pytest.mark.parametrize("count", [0, 2, 4, 5, 64])
def test_number_of_descriptors(world, evil, count):
    body = struct.pack("<3I4x3Q", evil.pd, 15, 0, 0x1000, 4096, 0)
    fds = [evil.fd(4096)] * count
    kicked(world, "BAD_MESSAGE", evil.call, hostile.REG_MR, body, fds)


def engine_fds(world):
    return len(list(Path(f"/proc/{world.engine.running.process.pid}/fd").iterdir()))


def test_descriptors_do_not_stay(world):
    """Whatever came with whatever nonsense."""
    before = engine_fds(world)
    for count in (1, 2, 3, 4, 5, 64):
        for kind in range(20):
            evil = Hostile(world.engine.socket)
            try:
                evil.call(kind, bytes(4), [evil.fd(4096)] * count)
            except (Kicked, Refused):
                pass
            evil.close()
    wait_for(lambda: engine_fds(world) <= before, f"only {before} descriptors")
    unhurt(world)


def test_who_does_not_read(world, evil):
    """Asks and asks; others are answered."""
    evil.socket.settimeout(0.2)
    try:
        for _request in range(100000):
            evil.send(hostile.ALLOC_PD, bytes(4))
    except (TimeoutError, BlockingIOError, Kicked):
        pass
    begin = time.monotonic()
    other = Hostile(world.engine.socket)
    other.queue()
    assert time.monotonic() - begin < 1 * SLOWER
    other.close()


def test_more_connections_than_there_may_be(world):
    crowd = []
    try:
        with pytest.raises(Kicked):
            for _one in range(20):
                crowd.append(Hostile(world.engine.socket))
    finally:
        for one in crowd:
            one.close()
    unhurt(world)


def test_comes_and_goes(world):
    """Without a word, or in the midst of one."""
    for turn in range(200):
        evil = Hostile(world.engine.socket, hello=turn % 2 == 0)
        if turn % 3 == 0:
            evil.send(hostile.ALLOC_PD, bytes(4))
        evil.close()
    unhurt(world)


# ---- what belongs to others ----

def theirs(world):
    """A queue pair of somebody else."""
    shown = world.engine.show()
    others = {found["connection"] for found in shown["connections"] if found["pid"] != os.getpid()}
    return next(found["queue_pair"] for found in shown["queue_pairs"] if found["connection"] in others)


@pytest.mark.parametrize("kind", [hostile.DESTROY_QP, hostile.MODIFY_QP, hostile.GET_PEER,
                                  hostile.GET_REGION, hostile.CREATE_FLOW, hostile.GET_PACKETS])
def test_queue_pairs_of_others(world, evil, kind):
    rest = {hostile.DESTROY_QP: 0, hostile.MODIFY_QP: 9, hostile.GET_PEER: 0, hostile.GET_REGION: 1,
            hostile.CREATE_FLOW: 9 + 8 + 16, hostile.GET_PACKETS: 1}[kind]
    refused("no queue pair", evil.call, kind, struct.pack("<I", theirs(world)) + bytes(4 * rest))


@pytest.mark.parametrize("kind", [hostile.DEALLOC_PD, hostile.DEREG_MR, hostile.DESTROY_SRQ,
                                  hostile.DESTROY_FLOW])
@pytest.mark.parametrize("handle", [0, 2, 0xffff, 0x10000, 0xffffffff])
def test_handles_that_are_not_there(evil, kind, handle):
    refused("", evil.call, kind, struct.pack("<I", handle))


def test_connecting_to_one_that_is_taken(world, evil):
    """It is not its peer: no memory, and requests wait for ever."""
    queue = evil.queue()
    queue.connect(theirs(world))
    refused("not connected", evil.call, hostile.GET_PEER, struct.pack("<I", queue.number))
    refused("not connected", evil.call, hostile.GET_REGION, struct.pack("<II", queue.number, 0x10000))
    fd = evil.fd(4096)
    key = evil.region(fd, 4096)
    queue.post(2, [(0x10000, 64, key)])
    time.sleep(0.05)
    assert queue.outcome(0) is None


# ---- requests ----

SEND, WRITE, READ, SWAP, ADD = 2, 0, 4, 5, 6


@pytest.fixture
def duel(world, evil):
    """Its queue pair is connected to one of a good application, which receives, and has a word that
    others may write."""
    good = world.application()
    link, there = good.queue_pair()
    number, address, key = map(int, there.split())
    queue = evil.queue()
    good.ask(f"connect {link} {queue.number} 0 0 nothing", "connected", link)
    queue.connect(number)
    evil.memory = evil.fd(65536)
    evil.key = evil.region(evil.memory, 65536)
    yield queue, (address, key)
    good.check()
    good.finish()
    world.applications.remove(good)


BAD = {
    "opcode": (lambda key, remote: {"opcode": 200, "segments": [(0x10000, 8, key)]}, "BAD_OPCODE"),
    "key": (lambda key, remote: {"opcode": SEND, "segments": [(0x10000, 8, key + 1)]}, "LOCAL_KEY"),
    "generation": (lambda key, remote: {"opcode": SEND, "segments": [(0x10000, 8, key + 0x10000)]},
                   "LOCAL_KEY"),
    "their key as ours": (lambda key, remote: {"opcode": SEND,
                                               "segments": [(remote[0], 8, remote[1] + 0x50000)]},
                          "LOCAL_KEY"),
    "range": (lambda key, remote: {"opcode": SEND, "segments": [(0x1ffff, 2, key)]}, "LOCAL_RANGE"),
    "before": (lambda key, remote: {"opcode": SEND, "segments": [(0xffff, 8, key)]}, "LOCAL_RANGE"),
    "around": (lambda key, remote: {"opcode": SEND, "segments": [(2 ** 64 - 4, 8, key)]},
               "LOCAL_RANGE"),
    "too long": (lambda key, remote: {"opcode": SEND, "segments": [(0x10000, 1 << 31, key)]},
                 "TOO_LONG"),
    "sum": (lambda key, remote: {"opcode": SEND, "segments": [(0x10000, 8, key)], "length": 4},
            "BAD_REQUEST"),
    "overflowing sum": (lambda key, remote: {"opcode": SEND, "length": 8,
                                             "segments": [(0x10000, 0xffffffff, key),
                                                          (0x10000, 9, key)]}, "BAD_REQUEST"),
    "segments": (lambda key, remote: {"opcode": SEND, "length": 8, "count": 0xffff}, "TOO_MANY_SEGMENTS"),
    "inline": (lambda key, remote: {"opcode": SEND, "flags": 8, "length": 65}, "BAD_REQUEST"),
    "remote key": (lambda key, remote: {"opcode": WRITE, "segments": [(0x10000, 8, key)],
                                        "remote": (remote[0], remote[1] ^ 1)}, "REMOTE_KEY"),
    "our key as theirs": (lambda key, remote: {"opcode": WRITE, "segments": [(0x10000, 8, key)],
                                               "remote": (0x10000, key + 0x50000)}, "REMOTE_KEY"),
    "remote range": (lambda key, remote: {"opcode": READ, "segments": [(0x10000, 8, key)],
                                          "remote": (remote[0] - 8, remote[1])}, "REMOTE_RANGE"),
    "remote end": (lambda key, remote: {"opcode": WRITE, "segments": [(0x10000, 65536, key)],
                                        "remote": (remote[0] + (1 << 24), remote[1])}, "REMOTE_RANGE"),
    "remote wrap": (lambda key, remote: {"opcode": WRITE, "segments": [(0x10000, 8, key)],
                                         "remote": (2 ** 64 - 4, remote[1])}, "REMOTE_RANGE"),
    "misaligned": (lambda key, remote: {"opcode": ADD, "segments": [(0x10000, 8, key)],
                                        "remote": (remote[0] + 4, remote[1])}, "MISALIGNED"),
}


@pytest.mark.parametrize("name", BAD)
def test_request(duel, name):
    """It ends in error, with its reason; nothing of the other one's was touched."""
    queue, remote = duel
    what, reason = BAD[name]
    queue.post(**what(queue.owner.key, remote))
    status, found = wait_for(lambda: queue.outcome(0), "outcome")
    assert status != 0 and found == NUMBER[reason], (status, list(REASON)[found])


def test_a_request_that_is_changed_while_it_is_done(world, duel):
    """The engine works on a copy: whatever it makes of it, it ends, and hurts nobody."""
    queue, remote = duel
    dice = random.Random(7)
    end = time.monotonic() + 2
    while time.monotonic() < end:
        at = queue.places.requests + dice.randrange(hostile.GEOMETRY[3] * queue.places.request_stride - 8)
        queue.memory[at:at + 8] = dice.randbytes(8)
        if dice.random() < 0.3:
            queue.post(dice.choice([SEND, WRITE, READ, SWAP, ADD]),
                       [(0x10000 + dice.randrange(70000), dice.randrange(70000), queue.owner.key)],
                       remote=(remote[0] + dice.randrange(9), remote[1]))
    assert world.engine.listens()


def test_scribbles_all_over_its_queue_memory(world, evil):
    """Two queue pairs of its own, connected to each other and to a good one, whose memory is random
    bytes at each instant while the engine works on it."""
    seed = int(os.environ.get("WEIR_SEED", random.randrange(1 << 32)))
    print(f"WEIR_SEED={seed}")
    dice = random.Random(seed)
    good = world.application()
    link, there = good.queue_pair()
    queues = [evil.queue(), evil.queue(), evil.queue()]
    good.ask(f"connect {link} {queues[2].number} 0 0 nothing", "connected", link)
    evil.key = evil.region(evil.fd(65536), 65536)
    queues[0].connect(queues[1].number)
    queues[1].connect(queues[0].number)
    queues[2].connect(int(there.split()[0]))
    end = time.monotonic() + float(os.environ.get("WEIR_SCRIBBLE_SECONDS", "3"))
    count = 0
    while time.monotonic() < end:
        queue = dice.choice(queues)
        at = dice.choice([dice.randrange(queue.places.length - 64), dice.randrange(512),
                          queue.places.requests + dice.randrange(256)])
        length = dice.choice([1, 4, 8, 64])
        queue.memory[at:at + length] = dice.choice([dice.randbytes(length), bytes(length),
                                                    b"\xff" * length])
        if dice.random() < 0.2:
            queue.post(dice.choice([SEND, WRITE, READ, SWAP, ADD]),
                       [(0x10000, dice.randrange(65536), evil.key)], remote=(0x10000, evil.key))
        if dice.random() < 0.02:
            queue.memory[64:72] = struct.pack("<II", 1, queues[1 - queues.index(queue)].number
                                              if queue is not queues[2] else int(there.split()[0]))
        count += 1
    print(f"{count} times")
    good.ask(f"report {link}", "report", link)
    good.finish()
    world.applications.remove(good)


# ---- policy ----

def maps(process):
    return Path(f"/proc/{process.pid}/maps").read_text()


def inodes(process):
    """Of shared memory that it maps: memfds, by number."""
    return {line.split()[4] for line in maps(process).splitlines() if "/memfd:weir" in line}


def test_policy_between_users(binary, verbs_load, tmp_path, need):
    """auto: direct where both have one user, else engine; then nothing of the other one's is
    mapped."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to be somebody else")
    need("setpriv")
    world = World(binary, verbs_load, tmp_path, path="auto")
    folder = tmp_path
    while folder != Path("/") and str(folder).startswith("/tmp/"):
        folder.chmod(0o755)
        folder = folder.parent
    world.engine.socket.chmod(0o666)
    try:
        nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        try:
            one = world.application(prefix=nobody)
        except AssertionError:
            pytest.skip("nobody may not run the program here")
        two, three = world.application(), world.application()
        far, near = Pair(one, two), Pair(two, three)
        for pair in (far, near):
            pair.wait_moves()
        assert far.one.report(far.link)[0] == far.other.report(far.other_link)[0] == "engine"
        assert near.one.report(near.link)[0] == near.other.report(near.other_link)[0] == "direct"
        assert not inodes(one) & inodes(two) and inodes(two) & inodes(three)
        assert inodes(one) and {found["uid"] for found in world.engine.show()["connections"]} == {0, 65534}
        for pair in (far, near):
            pair.settle()
        world.engine.stop()
    finally:
        world.close()

# SPDX-License-Identifier: BSD-3-Clause
"""Boots Debian's kernel in qemu with more than one NUMA node, and runs a shell script in it.

The guest's whole file system is an archive made here: busybox, weir, the libraries it needs and
those drivers of DPDK's that are asked for. Emulated (TCG), since nested KVM is slow where it is
there at all; the boot takes some eight seconds.
"""
import os
import re
import shutil
import subprocess
from pathlib import Path

from running import SLOWER

PACKAGE = "linux-image-cloud-amd64"
END = "guest-has-ended"

INIT = """#!/bin/sh
export PATH=/bin HOME=/ TERM=dumb
mount -t proc none /proc
mount -t sysfs none /sys
mount -t devtmpfs none /dev
mkdir -p /dev/hugepages /tmp /run /var/run
chmod 755 /
mount -t hugetlbfs none /dev/hugepages
stty -F /dev/ttyS1 raw 2>/dev/null
sh /script >/dev/ttyS1 2>&1
echo {end} >/dev/ttyS1
sync
poweroff -f
"""


class Unavailable(Exception):
    """Why there can be no guest here."""


def cache():
    folder = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "weir"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def kernel():
    """A kernel to boot: $WEIR_GUEST_KERNEL, the host's, or Debian's package unpacked in the cache."""
    chosen = os.environ.get("WEIR_GUEST_KERNEL")
    if chosen:
        return Path(chosen)
    for folder in (Path("/boot"), cache()):
        for path in sorted(folder.glob("vmlinuz-*amd64"), reverse=True):
            if os.access(path, os.R_OK):
                return path
    return downloaded_kernel()


def downloaded_kernel():
    depends = subprocess.run(["apt-cache", "depends", PACKAGE], capture_output=True, text=True,
                             check=False).stdout
    found = re.search(r"Depends: (linux-image-\S+)", depends)
    if not found:
        raise Unavailable(f"no kernel to boot: apt does not know {PACKAGE} (apt-get update?)")
    folder = cache()
    result = subprocess.run(["apt-get", "download", found[1]], cwd=folder, capture_output=True,
                            text=True, timeout=120, check=False)
    packages = list(folder.glob(found[1] + "_*.deb"))
    if result.returncode != 0 or not packages:
        raise Unavailable(f"no kernel to boot: {result.stderr.strip().splitlines()[-1:]}")
    unpacked = folder / "unpacked"
    subprocess.run(["dpkg-deb", "-x", packages[0], unpacked], check=True)
    image = next(unpacked.glob("boot/vmlinuz-*"))
    kept = image.rename(folder / image.name)
    shutil.rmtree(unpacked)
    packages[0].unlink()
    return kept


class Archive:
    """A cpio archive in the "newc" format: what the kernel takes as its first file system."""

    def __init__(self):
        self.parts, self.names, self.length = [], set(), 0

    def _entry(self, name, mode, data):
        if name in self.names:
            return
        self.names.add(name)
        fields = [len(self.names), mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0]
        header = b"070701" + b"".join(b"%08x" % field for field in fields)
        for part in (header + name.encode() + b"\0", data):
            self.parts.append(part + b"\0" * (-len(part) % 4))

    def folder(self, name):
        if name and name not in self.names:
            self.folder(os.path.dirname(name))
            self._entry(name, 0o040755, b"")

    def link(self, name, target):
        self.folder(os.path.dirname(name))
        self._entry(name, 0o120777, target.encode())

    def file(self, name, data, mode=0o755):
        self.folder(os.path.dirname(name))
        self._entry(name, 0o100000 | mode, data)

    def add_shared_object(self, path):
        """With its links as they are: a driver under two names would be loaded twice."""
        real = os.path.realpath(path)
        self.file(in_usr(real), Path(real).read_bytes())
        if in_usr(path) != in_usr(real):
            self.link(in_usr(path), "/" + in_usr(real))

    def write(self, path):
        self._entry("TRAILER!!!", 0, b"")
        path.write_bytes(b"".join(self.parts))


def libraries(binary):
    """The shared libraries a program or library needs, its loader included."""
    text = subprocess.run(["ldd", binary], capture_output=True, text=True, check=False).stdout
    return re.findall(r"(/\S+) \(0x", text)


def in_usr(path):
    """/lib and /lib64 are links into /usr, in the guest as on Debian."""
    path = str(path).lstrip("/")
    return path if path.startswith("usr/") else "usr/" + path


def drivers_folder():
    found = sorted(Path("/usr/lib").glob("*/dpdk/pmds-*"))
    if not found:
        raise Unavailable("DPDK's drivers are not where Debian has them")
    return found[-1]


def pack(path, binary, drivers, script, files):
    """Writes the guest's file system to `path`. `files`: name -> text."""
    busybox = shutil.which("busybox")
    if busybox is None or libraries(busybox):
        raise Unavailable("busybox is not installed, or not a static one (package busybox-static)")
    archive, needed = Archive(), set(libraries(binary))
    if any("/libasan." in library or "/libtsan." in library for library in needed):
        raise Unavailable("a build with sanitizers is too slow for an emulated guest")
    for name in ("lib", "lib64"):
        archive.folder("usr/" + name)
        archive.link(name, "usr/" + name)
    archive.file("bin/busybox", Path(busybox).read_bytes())
    for applet in subprocess.run([busybox, "--list"], capture_output=True, text=True,
                                 check=True).stdout.split():
        archive.link("bin/" + applet, "busybox")
    folder = drivers_folder()
    for driver in drivers:
        for library in folder.glob(f"librte_{driver}.so*"):
            archive.add_shared_object(library)
            needed.update(libraries(library))
    for library in needed:
        archive.add_shared_object(library)
    archive.file("bin/weir", Path(binary).read_bytes())
    archive.file("init", INIT.format(end=END).encode())
    archive.file("script", script.encode())
    for name, text in files.items():
        archive.file(name, text.encode(), 0o644)
    for name in ("proc", "sys", "dev"):
        archive.folder(name)
    archive.write(path)


def machine(nodes, cpus_a_node, memory_mib_a_node):
    """qemu's words for that many nodes, each a socket."""
    cpus = nodes * cpus_a_node
    words = ["-smp", f"{cpus},sockets={nodes},cores={cpus_a_node},threads=1",
             "-m", str(nodes * memory_mib_a_node)]
    for node in range(nodes):
        first = node * cpus_a_node
        words += ["-object", f"memory-backend-ram,id=m{node},size={memory_mib_a_node}M",
                  "-numa", f"node,nodeid={node},memdev=m{node},"
                           f"cpus={first}-{first + cpus_a_node - 1}"]
    return words


def run(folder, binary, script, files=None, drivers=(), nodes=2, cpus_a_node=2,
        memory_mib_a_node=512, seconds=100.0):
    """What the script printed in the guest. Raises Unavailable where there can be no guest."""
    qemu = shutil.which("qemu-system-x86_64")
    if qemu is None:
        raise Unavailable("qemu-system-x86_64 is not installed (package qemu-system-x86)")
    image, root, console, result = kernel(), folder / "root.cpio", folder / "console", folder / "out"
    pack(root, binary, drivers, script, files or {})
    words = [qemu, "-accel", "tcg,thread=multi", "-cpu", "max", "-nodefaults", "-no-user-config",
             "-display", "none", "-no-reboot", "-serial", f"file:{console}",
             "-serial", f"file:{result}", "-kernel", image, "-initrd", root,
             "-append", "console=ttyS0 quiet panic=-1 rdinit=/init mitigations=off tsc=reliable",
             *machine(nodes, cpus_a_node, memory_mib_a_node)]
    ended = ""
    try:
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=seconds * SLOWER, check=False)
        if done.returncode != 0:
            ended = f"qemu left with {done.returncode}: {done.stderr}"
    except subprocess.TimeoutExpired:
        ended = f"still there after {seconds} s"
    text = result.read_text(errors="replace").replace("\r", "") if result.exists() else ""
    assert END in text, f"the guest did not get to its end: {ended}\n{text[-3000:]}\n--- its console:\n" + \
        (console.read_text(errors="replace")[-3000:] if console.exists() else "")
    return text.split(END)[0]

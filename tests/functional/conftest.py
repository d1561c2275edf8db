# SPDX-License-Identifier: BSD-3-Clause
"""What the functional tests stand on. $WEIR is the program, $WEIR_SHARED where real captures are."""
import os
import shutil
import signal
from pathlib import Path

import pytest

import captures
import namespaces
from running import ROOT, SLOWER, Weir

TEST_SECONDS = 60

# In the background of a script they come ignored, and programs would inherit that.
for number in (signal.SIGINT, signal.SIGQUIT):
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, signal.SIG_DFL)


def pytest_configure(config):
    config.addinivalue_line("markers", "timeout_seconds(count): how long this test may take")
    config.addinivalue_line("markers", "alone: measures short times; nothing else may run beside it")
    config.addinivalue_line("markers", "xdist_group(name): one after the other, where several run at once")


def pytest_collection_modifyitems(items):
    """Groups first: each keeps one of several workers busy for long."""
    items.sort(key=lambda item: item.get_closest_marker("xdist_group") is None)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    """No test hangs: an alarm ends it with the stack of where it was."""
    marker = item.get_closest_marker("timeout_seconds")
    seconds = (marker.args[0] if marker else TEST_SECONDS) * SLOWER

    def late(_number, _frame):
        raise TimeoutError(f"{item.name}: longer than {seconds:.0f} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(int(seconds))
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="session", autouse=True)
def default_sockets(tmp_path_factory):
    """Not the machine's: an engine may listen there, such as that of another test."""
    os.environ["XDG_RUNTIME_DIR"] = str(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="session")
def binary():
    path = Path(os.environ.get("WEIR", ROOT / "build/app/weir")).resolve()
    if not path.exists():
        pytest.fail(f"{path} is not built", pytrace=False)
    return path


@pytest.fixture
def weir(binary):
    program = Weir(binary)
    yield program
    program.finish()


@pytest.fixture
def namespace():
    """A network namespace of this test's own."""
    if os.geteuid() != 0:
        pytest.skip("needs root, for a network namespace")
    for tool in ("ip", "ethtool", "sysctl"):
        need(tool)
    try:
        space = namespaces.Namespace()
    except RuntimeError as error:
        pytest.skip(f"no network namespaces here: {error}")
    yield space
    space.destroy()


def need(tool):
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed")


@pytest.fixture(name="need")
def need_fixture():
    return need


@pytest.fixture(scope="session")
def traffic(binary, tmp_path_factory):
    """2000 generated TCP packets of 50 flows, with valid checksums."""
    path = tmp_path_factory.mktemp("traffic") / "tcp.pcap"
    Weir(binary).run("generate", path, "--packets", 2000, "--flows", 50, "--protocol", "tcp",
                     "--seed", 7).ok()
    return path


def pytest_generate_tests(metafunc):
    """`real_capture`: each file of $WEIR_SHARED/pcaps, with what its README says of it."""
    if "real_capture" not in metafunc.fixturenames:
        return
    found = captures.listed()
    if found:
        metafunc.parametrize("real_capture", found, ids=[capture.name for capture in found])
    else:
        absent = pytest.mark.skip(reason="no real captures: $WEIR_SHARED/pcaps is absent")
        metafunc.parametrize("real_capture", [pytest.param(None, marks=absent)], ids=["none"])

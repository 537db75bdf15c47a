"""What several test files share."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType

import hypothesis
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from filelock import FileLock
from playwright.sync_api import Browser, Page, sync_playwright

from convbook import plots
from print_book import BROWSERS

ROOT = Path(__file__).parents[1]
CHROMIUM = next(filter(None, map(shutil.which, BROWSERS)), None)
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium on the path: `apt-get install chromium` runs these tests"
)
# Chromium by itself asks for more than the pages that it is shown.
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# A shell ignores interrupts for what it puts in the background; some tests send one to themselves.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The same cases in every run, and no limit on the time of one: machines differ, and are busy.
hypothesis.settings.register_profile("course", derandomize=True, deadline=None)
hypothesis.settings.load_profile("course")


@contextmanager
def serving(folder: Path, headers: dict[str, str] | None = None) -> Iterator[str]:
    """A small web server for this folder, with these headers in every answer: its address."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def end_headers(self) -> None:
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            super().end_headers()

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@contextmanager
def read_only() -> Iterator[tuple[Path, Callable[[], AbstractContextManager[None]]]]:
    """A folder, and a context within which nothing below it can be written, even by root."""

    @contextmanager
    def closed() -> Iterator[None]:
        for path in [root, *root.rglob("*")]:
            path.chmod(path.stat().st_mode & 0o555)
        user = os.geteuid()
        if user == 0:
            os.seteuid(65534)  # nobody, for whom permissions count
        try:
            yield
        finally:
            os.seteuid(user)
            for path in [root, *root.rglob("*")]:
                path.chmod(path.stat().st_mode | 0o200)

    with TemporaryDirectory() as folder:
        root = Path(folder)
        root.chmod(0o755)
        yield root, closed


@pytest.fixture
def closed_figures() -> Iterator[None]:
    """The course's look for one test, and no figure left open after it."""
    with mpl.rc_context():
        plots.set_style()
        yield
    plt.close("all")


@pytest.fixture(scope="session")
def keras() -> ModuleType:
    """Keras on the torch backend. It takes seconds to import, which other workers are spared."""
    os.environ.setdefault("KERAS_BACKEND", "torch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns about other backends while it is imported
        return pytest.importorskip("keras", reason="Keras is in the extra [test]")


@pytest.fixture(scope="session")
def book(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The folder of the built book: every test run builds it once, whichever worker asks first."""
    shared = tmp_path_factory.getbasetemp()
    if worker_id != "master":  # xdist gives each worker a folder of its own below one for the run
        shared = shared.parent
    output, done = shared / "book", shared / "book.done"
    with FileLock(shared / "book.lock"):
        if not done.exists():
            build_book(ROOT, output)
            done.touch()
    return output / "_build" / "html"


def build_book(source: Path, output: Path, builder: str = "html") -> None:
    """Build as `make book` does: stored outputs, warnings as errors."""
    jupyter_book = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()"]
    strictly = ["--all", "-W", "-n", "--keep-going", "-q"]
    command = [
        *jupyter_book,
        "build",
        source,
        "--path-output",
        output,
        "--builder",
        builder,
        *strictly,
    ]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, f"the book does not build without warnings:\n{run.stderr}"


def onnx_layer(
    operator: str, x: np.ndarray, weight: np.ndarray, **attributes: object
) -> np.ndarray:
    """What ONNX's reference evaluator makes of one node, a Conv or a ConvTranspose."""
    onnx = pytest.importorskip("onnx", reason="ONNX is not installed: it is in the extra [test]")
    reference = pytest.importorskip("onnx.reference", reason="onnx comes with it")
    of, kind = onnx.helper, onnx.helper.np_dtype_to_tensor_dtype(x.dtype)
    inputs = [of.make_tensor_value_info(name, kind, None) for name in "xw"]
    output = of.make_tensor_value_info("y", kind, None)
    node = of.make_node(operator, ["x", "w"], ["y"], **attributes)
    model = of.make_model(of.make_graph([node], "one_layer", inputs, [output]))
    return reference.ReferenceEvaluator(model).run(None, {"x": x, "w": weight})[0]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


# Leaves one coloured word of code of each kind on each ground; axe would judge thousands.
ONE_OF_EACH_COLOUR = """() => {
    const seen = new Set();
    const ground = (block) => [block, getComputedStyle(block).backgroundColor];
    for (const [block, colour] of [...document.querySelectorAll("article pre")].map(ground)) {
        for (const word of block.querySelectorAll("span:not(:has(*))")) {
            const kind = `${word.className} on ${colour}`;
            if (seen.has(kind)) word.replaceWith(word.textContent);
            seen.add(kind);
        }
    }
}"""


def violations(page: Page, within: str | dict = "body", **options: object) -> list[tuple[str, str]]:
    """axe's rules that are broken, and where; it would load the style sheets a second time."""
    page.evaluate(ONE_OF_EACH_COLOUR)
    options |= {"preload": False, "resultTypes": ["violations"]}
    broken = Axe().run(page, context=within, options=options).response["violations"]
    return [(rule["id"], node["html"][:200]) for rule in broken for node in rule["nodes"]]

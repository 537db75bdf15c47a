"""Explorers beside a live kernel: JupyterLab, driven by a browser. Traits go both ways."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Page, expect, sync_playwright

CHROMIUM = next(
    filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None
)
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium on the path: `apt-get install chromium` runs these tests"
)
CELLS = [
    "from convbook.explorers import Operator, Predict\n"
    "layer = Operator(transposed=True, size=3, stride=2)\nlayer",
    "layer.stride = 3",
    "print('the kernel knows', layer.stride, layer.padding, layer.input)",
    "question = Predict('How many?', 9, 'Three threes.')\nquestion",
    "print('you said', question.given)",
]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Page]:
    """A notebook of these cells, open in JupyterLab and not yet run."""
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=kernel)
    nbformat.write(notebook, tmp_path / "live.ipynb")
    port = free_port()
    own = {f"JUPYTER_{name}_DIR": str(tmp_path / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command += [f"--port={port}", "--ServerApp.port_retries=0", "--IdentityProvider.token="]
    command += [f"--ServerApp.root_dir={tmp_path}"]
    server = subprocess.Popen(command, env=os.environ | own, stderr=subprocess.DEVNULL)
    try:
        address = f"http://127.0.0.1:{port}"
        wait_for(f"{address}/api")
        with sync_playwright() as playwright:
            flags = ["--no-sandbox", "--disable-gpu"]
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
            page = browser.new_page(viewport={"width": 1200, "height": 1400})
            page.set_default_timeout(30_000)
            page.goto(f"{address}/lab/tree/live.ipynb?reset")
            yield page
            browser.close()
    finally:
        server.terminate()
        server.wait(30)


def wait_for(address: str) -> None:
    for _ in range(120):
        try:
            urllib.request.urlopen(address).close()
            return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.5)
    raise TimeoutError(f"{address} does not answer")


def run_cell(page: Page, number: int) -> None:
    page.locator(".jp-CodeCell .cm-content").nth(number).click()
    page.keyboard.press("Shift+Enter")


def printed(page: Page, words: str) -> str:
    output = page.locator(".jp-OutputArea-output pre", has_text=words).last
    output.wait_for()
    return output.inner_text()


def test_traits_go_both_ways(lab: Page):
    lab.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
    run_cell(lab, 0)
    layer = lab.locator(".jp-OutputArea-output .root").first
    layer.wait_for()
    assert lab.locator("[data-explorer]").count() == 0, "the widget's view, and not the page's"
    stride = layer.get_by_role("spinbutton", name="stride s")
    outputs = layer.locator("[role=grid][aria-label^=output] [role=gridcell]")
    expect(stride).to_have_value("2")
    assert outputs.count() == 7**2

    run_cell(lab, 1)  # from Python to the view
    expect(stride).to_have_value("3")
    expect(outputs).to_have_count(9**2)

    padding = layer.get_by_role("spinbutton", name="padding p")
    padding.click()
    lab.keyboard.press("ArrowUp")  # a key that JupyterLab would take for itself
    expect(outputs).to_have_count(9**2)
    expect(padding).to_have_value("1")
    layer.get_by_label("input, row 0, column 0").click()
    lab.keyboard.type("8")
    run_cell(lab, 2)  # from the view to Python
    expected = "the kernel knows 3 1 [[8, 0, 2], [2, 1, 0], [0, 3, 1]]"
    assert printed(lab, "the kernel knows").strip() == expected
    assert lab.locator(".jp-CodeCell").count() == len(CELLS), "no key became a command"

    layer.get_by_role("button", name="reset").click()
    expect(stride).to_have_value("2")
    expect(outputs).to_have_count(7**2)

    run_cell(lab, 3)
    question = lab.get_by_role("textbox", name="How many?")
    question.fill("9")
    question.press("Enter")
    lab.get_by_text("Right: 9. Three threes.").wait_for()
    run_cell(lab, 4)
    assert printed(lab, "you said").strip() == "you said 9"

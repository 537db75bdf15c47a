"""Explorers beside a live kernel: JupyterLab, driven by a browser. Traits go both ways."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from conftest import needs_chromium

pytestmark = needs_chromium
LAYER = [
    "from convbook.explorers import Operator, Predict\n"
    "layer = Operator(transposed=True, size=3, stride=2)\nlayer",
    "layer.stride = 3",
    "print('the kernel knows', layer.stride, layer.padding, layer.input)",
    "question = Predict('How many?', 9, 'Three threes.')\nquestion",
    "print('you said', question.given)",
]
NETWORKS = [
    """import torch
from IPython.display import display
from convbook.data import bezier
from convbook.explorers import Decoder, LatentMap, NoiseAndAxes, Trainer
from convbook.models import DenseAutoencoder

filters = torch.eye(3).repeat(2, 1, 1)
decoder = Decoder(filters=filters, bias=[0, 0], seeds=[1, 2], target=[0.1, 0.2, 0.1])
codes = torch.tensor([[0.0, 0], [0, 1], [1, 0], [1, 1]])
network = DenseAutoencoder((8, 2)).decoder
latent = LatentMap.of(network, codes, torch.tensor([0, 1, 2, 3]), *codes[:2])
axes, trainer = NoiseAndAxes.of(bezier().train), Trainer()
display(decoder, latent, axes, trainer)""",
    "decoder.seed, latent.step, axes.angle, trainer.seed = 2, 1.0, 90.0, 12",
    "print('the kernel knows', decoder.code, latent.one[0] > 0, axes.angle, trainer.code_noise)",
]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Callable]:
    """JupyterLab: given the cells of a notebook, a page with that notebook, not yet run."""
    folder, port = tmp_path_factory.mktemp("lab"), free_port()
    own = {f"JUPYTER_{name}_DIR": str(folder / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command += [f"--port={port}", "--ServerApp.port_retries=0", "--IdentityProvider.token="]
    command += [f"--ServerApp.root_dir={folder}"]
    server = subprocess.Popen(command, env=os.environ | own, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"

    def open_notebook(name: str, sources: list[str]) -> Page:
        write(folder / f"{name}.ipynb", sources)
        for context in browser.contexts:  # one page at a time: they would share a workspace
            context.close()
        page = browser.new_page(viewport={"width": 1200, "height": 1400})
        page.set_default_timeout(60_000)
        page.goto(f"{address}/lab/tree/{name}.ipynb?reset")
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
        return page

    try:
        wait_for(f"{address}/api")
        yield open_notebook
    finally:
        server.terminate()
        server.wait(30)


def write(path: Path, sources: list[str]) -> None:
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), path)


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


def test_traits_go_both_ways(opened: Callable):
    lab = opened("layer", LAYER)
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
    assert lab.locator(".jp-CodeCell").count() == len(LAYER), "no key became a command"

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


def slider(place: Locator, name: str) -> Locator:
    return place.get_by_role("slider", name=name)


def test_networks_are_explored_live(opened: Callable):
    lab = opened("networks", NETWORKS)
    run_cell(lab, 0)
    roots = lab.locator(".jp-OutputArea-output .root")
    roots.nth(3).wait_for(timeout=300_000)  # the import takes its time
    expect(roots).to_have_count(4)
    decoder, latent, axes, trainer = (roots.nth(i) for i in range(4))

    run_cell(lab, 1)  # from Python to the view
    expect(decoder.get_by_role("button", name="seed 2")).to_have_attribute("aria-pressed", "true")
    expect(decoder.locator("[aria-live]")).to_contain_text("Beside seed 1")
    expect(slider(latent, "from A to B")).to_have_attribute("aria-valuetext", "100 %")
    expect(slider(axes, "turned by")).to_have_value("90")
    expect(trainer.get_by_role("spinbutton", name="seed")).to_have_value("12")

    slider(decoder, "code 2").press("End")
    slider(latent, "end A").press("ArrowRight")
    slider(axes, "filter 1").press("ArrowLeft")
    trainer.get_by_role("button", name="swap noise 1 and 3").click()
    trainer.get_by_role("button", name="start").click()
    expect(trainer.locator(".told")).to_contain_text("steps a second")
    trainer.get_by_role("button", name="pause").click()
    assert lab.locator(".jp-CodeCell").count() == len(NETWORKS), "no key became a command"
    run_cell(lab, 2)  # from the view to Python
    expected = "the kernel knows [0.1, 0.25, 0.1] True 85.0 [0.001, 0.01, 0.1]"
    assert printed(lab, "the kernel knows").strip() == expected

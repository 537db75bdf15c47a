"""The book in a browser that can reach nothing but the book, under its own content policy."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from playwright.sync_api import Browser, Page, Route, expect

from conftest import needs_chromium, serving, violations

ROOT = Path(__file__).parents[1]
CONTENTS = yaml.safe_load((ROOT / "_toc.yml").read_text())
PAGES = [CONTENTS["root"]] + [
    chapter["file"] for part in CONTENTS["parts"] for chapter in part["chapters"]
]
# As CONTRIBUTING.md gives it to those who serve the book: every test here is held to it.
POLICY = re.search(
    r"^Content-Security-Policy: (.+)$", (ROOT / "CONTRIBUTING.md").read_text("utf-8"), re.M
)[1]
pytestmark = needs_chromium

# Formulas outside code that a reader would see as source.
RAW_FORMULAS = r"""() => {
    const article = document.querySelector("article");
    const walker = document.createTreeWalker(article, NodeFilter.SHOW_TEXT);
    const raw = [];
    while (walker.nextNode()) {
        const node = walker.currentNode;
        if (node.parentElement.closest("pre, code, script, style, mjx-container")) continue;
        if (/\\\(|\\\[|\$\$|\\begin\{/.test(node.data)) raw.push(node.data.trim());
    }
    return raw;
}"""

# What sticks out of the page to the right, to name the culprit.
TOO_WIDE = """() => document.documentElement.scrollWidth <= innerWidth ? [] :
    [...document.querySelectorAll("article *")]
        .filter(e => e.getBoundingClientRect().right > innerWidth + 1)
        .map(e => e.outerHTML.slice(0, 120)).slice(0, 5).concat("page too wide")"""


# Of a page in the light, what WCAG's levels A and AA ask, and an order of headings; in the dark,
# colours alone differ.
HEADINGS = {rule: {"enabled": True} for rule in ("heading-order", "page-has-heading-one")}
RULES = {
    "light": {
        "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]},
        "rules": HEADINGS,
    },
    "dark": {"runOnly": {"type": "rule", "values": ["color-contrast"]}},
}


@pytest.fixture(scope="module")
def address(book: Path) -> Iterator[str]:
    """Where a web server of our own serves the built book, under the policy."""
    with serving(book, {"Content-Security-Policy": POLICY}) as address:
        yield address.rstrip("/")


class Visit:
    """A first visit to one page, and all that went wrong on it."""

    def __init__(self, browser: Browser, address: str) -> None:
        self.troubles: list[str] = []
        self.home = urlsplit(address).netloc
        self.context = browser.new_context()
        self.context.set_default_timeout(120_000)  # a busy machine is no fault of the page
        self.context.route("**/*", self.answer)
        self.page: Page = self.context.new_page()
        self.page.on("console", self.hear)
        self.page.on("pageerror", lambda error: self.troubles.append(f"error: {error}"))
        self.page.on(
            "requestfailed", lambda request: self.troubles.append(f"failed: {request.url}")
        )
        self.page.on("response", self.check)
        self.page.goto(address)
        self.page.wait_for_load_state("networkidle")
        self.page.evaluate("() => window.MathJax?.startup?.promise")

    def answer(self, route: Route) -> None:
        if urlsplit(route.request.url).netloc == self.home:
            route.continue_()
        else:
            self.troubles.append(f"reaches outside: {route.request.url}")
            route.abort()

    def hear(self, message: object) -> None:
        if message.type in ("error", "warning"):
            self.troubles.append(f"console: {message.text}")

    def check(self, response: object) -> None:
        if response.status >= 400:
            self.troubles.append(f"{response.status}: {response.url}")

    def __enter__(self) -> "Visit":
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()


@pytest.fixture(scope="module", params=PAGES)
def visit(request: pytest.FixtureRequest, browser: Browser, address: str) -> Iterator[Visit]:
    """One visit to each page, which the tests up to the last one share."""
    with Visit(browser, f"{address}/{request.param}.html") as visit:
        yield visit


def test_formulas_are_typeset(visit: Visit):
    formulas = visit.page.locator(".math").count()
    assert visit.page.locator("mjx-container").count() >= formulas
    assert visit.page.locator("mjx-merror, [data-mjx-error]").count() == 0
    assert visit.page.evaluate(RAW_FORMULAS) == []


def test_no_image_is_broken(visit: Visit):
    broken = "() => [...document.images].filter(i => !i.naturalWidth).map(i => i.src)"
    assert visit.page.evaluate(broken) == []


def test_it_follows_the_reader_into_the_dark(visit: Visit):
    visit.page.emulate_media(color_scheme="dark")
    visit.page.locator("html[data-theme=dark]").wait_for()
    visit.page.emulate_media(color_scheme="light")
    visit.page.locator("html[data-theme=light]").wait_for()


@pytest.mark.parametrize("theme", RULES)
def test_axe_finds_nothing(visit: Visit, theme: str):
    """Less the references, whose list docutils gives a role that has been withdrawn."""
    # A button that is on its way from one colour to the other has neither.
    visit.page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    visit.page.locator(f"html[data-theme={theme}]").wait_for()
    within = {"exclude": [[".citation-list"]]}
    assert violations(visit.page, within, **RULES[theme]) == []


def test_it_fits_a_phone(visit: Visit):
    visit.page.set_viewport_size({"width": 400, "height": 800})
    assert visit.page.evaluate(TOO_WIDE) == []


def test_folds_open_and_explorers_are_drawn(visit: Visit):
    for fold in visit.page.locator("article details:visible").all()[:1]:
        fold.locator("summary").first.click()
        assert fold.get_attribute("open") is not None
    expect(visit.page.locator("[data-explorer] > script")).to_have_count(0)  # they have run
    assert all(each.is_visible() for each in visit.page.locator("[data-explorer]").all())


def test_nothing_went_wrong(visit: Visit):
    """No console error or warning (a breach of the policy is one), no request that fails or leaves
    the machine.
    """
    assert visit.troubles == []


def test_the_first_page_opens_the_book(browser: Browser, address: str):
    with Visit(browser, f"{address}/index.html") as visit:
        visit.page.wait_for_url(f"**/{CONTENTS['root']}.html")


def test_the_search_finds(browser: Browser, address: str):
    with Visit(browser, f"{address}/search.html?q=convolution") as visit:
        visit.page.locator("#search-results li a").first.wait_for()
        assert visit.troubles == []


def test_a_page_may_run_a_module_of_its_own_making(browser: Browser, address: str):
    """From a blob, as an explorer does."""
    blob = "new Blob(['export default 7'], {type: 'text/javascript'})"
    with Visit(browser, f"{address}/{PAGES[0]}.html") as visit:
        run = f"import(URL.createObjectURL({blob})).then(module => module.default)"
        assert visit.page.evaluate(run) == 7


def test_the_policy_allows_no_other_host():
    sources = {word for rule in POLICY.split(";") for word in rule.split()[1:]}
    assert sources <= {"'none'", "'self'", "'unsafe-inline'", "blob:", "data:"}


def test_the_policy_is_kept(browser: Browser, address: str):
    """The guard itself: what the policy forbids is stopped and recorded."""
    with Visit(browser, f"{address}/{PAGES[0]}.html") as visit:
        with visit.page.expect_event("console"):
            visit.page.evaluate("fetch('https://example.org/').catch(() => {})")
        assert any("Content Security Policy" in trouble for trouble in visit.troubles)


def test_the_network_is_cut(browser: Browser, address: str):
    """The other guard: where no policy stands, a request to another host is stopped and recorded,
    too.
    """
    with Visit(browser, f"{address}/{PAGES[0]}.html") as visit:
        visit.page.goto("about:blank")
        visit.page.evaluate("fetch('https://example.org/').catch(() => {})")
        assert "reaches outside: https://example.org/" in visit.troubles

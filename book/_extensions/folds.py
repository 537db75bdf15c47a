"""What a folded cell is called on the page: the setup, a solution, what was checked, or its code.

CONTRIBUTING.md says which cells are folded. MyST-NB folds them by their tags, and calls each one
alike; here each gets a name that says what is in it, before MyST-NB reads the chapter. A comment
on the first line of a cell names its fold.
"""

import json

from sphinx.application import Sphinx

CLAIM = "application/vnd.convbook.claim+json"
FOLDS = {"hide-input", "hide-cell"}


def name_folds(app: Sphinx, document: str, source: list[str]) -> None:
    """Write each folded cell's name into its metadata, where MyST-NB looks for it."""
    if not app.env.doc2path(document).endswith(".ipynb"):
        return
    notebook = json.loads(source[0])
    for cell in notebook["cells"]:
        tags = set(cell["metadata"].get("tags", []))
        if cell["cell_type"] == "code" and tags & FOLDS:
            name = name_of(cell, tags)
            settings = cell["metadata"].setdefault("mystnb", {})
            settings |= {"code_prompt_show": name, "code_prompt_hide": name}
    source[0] = json.dumps(notebook)


def name_of(cell: dict, tags: set[str]) -> str:
    if "setup" in tags:
        return "Setup"
    if "solution" in tags:
        return "Solution"
    claims = sum(CLAIM in output.get("data", {}) for output in cell["outputs"])
    if "checked" in tags:
        return f"Checked: {claims} ✓"
    first, *others = [line for line in "".join(cell["source"]).splitlines() if line.strip()]
    return f"{first.removeprefix('# ').rstrip('.')}, {counted(len(others))}"


def counted(lines: int) -> str:
    return "1 line" if lines == 1 else f"{lines} lines"


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("source-read", name_folds)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

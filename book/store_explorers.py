"""Write the present code of the explorers into stored chapters, without running them.

A run stores an explorer's HTML with the code of that day, and the id of a widget that is gone with
its kernel. This renews the first and drops the second, so that two runs store the same bytes.

    python book/store_explorers.py notebooks/*.ipynb
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat

from convbook import explorers

STORED = re.compile(
    r'<div class="explorer" data-explorer="(\w+)">.*?"application/json">(.*?)</script>', re.S
)
VIEW = "application/vnd.jupyter.widget-view+json"


def store(notebook: nbformat.NotebookNode) -> list[str]:
    """Renew the explorers in ``notebook``: the names of those that were not as they are now."""
    notebook.metadata.pop("widgets", None)
    old = []
    for name, state, output in stored_explorers(notebook):
        explorer = revived(name, state)
        new = {"text/html": explorer.static(), "text/plain": explorer.words()}
        if VIEW in output.data or any(output.data[kind] != text for kind, text in new.items()):
            old.append(name)
        output.data.pop(VIEW, None)
        output.get("metadata", {}).pop(VIEW, None)
        output.data.update(new)
    return old


def stored_explorers(
    notebook: nbformat.NotebookNode,
) -> Iterator[tuple[str, dict, nbformat.NotebookNode]]:
    """The name and the state of each explorer, and the output that holds it."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if found := STORED.match(output.get("data", {}).get("text/html", "")):
                yield found[1], json.loads(found[2])["state"], output


def revived(name: str, state: dict) -> explorers.Explorer:
    kind = getattr(explorers, name)
    if kind is explorers.Predict:  # its last answer is no argument
        state = {trait: value for trait, value in state.items() if trait != "given"}
    return kind(**state)


if __name__ == "__main__":
    for path in map(Path, sys.argv[1:]):
        notebook = nbformat.read(path, 4)
        if renewed := store(notebook):
            nbformat.write(notebook, path)
            print(f"{path.name}: {', '.join(renewed)}")

"""Write the repository's address where it is needed: buttons, links, setup cells, registry.

    python book/publish.py OWNER/NAME

Run it in the repository's root, with any Python: it needs no package. Running it again changes
nothing; with another name it rewrites the same lines. Until it has run, the address is empty and
the book shows no launch buttons and has no downloads.
"""

import argparse
import re
from pathlib import Path

# As GitHub names them: a hyphen in an owner's name stands alone and inside.
ADDRESS = re.compile(
    r"(?=[^/]{1,39}/)[A-Za-z0-9]+(-[A-Za-z0-9]+)*"
    r"/(?!\.{1,2}\Z)(?!.*\.(?i:git|wiki)\Z)[A-Za-z0-9._-]{1,100}"
)

BADGES = """<!-- badges, written by book/publish.py -->
[![tests](https://github.com/{address}/actions/workflows/ci.yml/badge.svg)](https://github.com/{address}/actions/workflows/ci.yml)
[![the book](https://img.shields.io/badge/read-the_book-0b6e99)]({site})
[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/{address}/blob/main/{first_chapter})
<!-- end of badges -->"""

# The workflow `ci` puts both beside the book.
DOWNLOADS = """<!-- downloads, written by book/publish.py -->
To take along: [this book in one archive]({site}convolution-transposed.zip), which opens
without a network, and [as one PDF]({site}convolution-transposed.pdf), without what is folded.
<!-- end of downloads -->"""


def publish(address: str, root: Path) -> list[Path]:
    """Write ``address`` into the configuration, the README, the registry and every chapter.

    Nothing is written unless every place for it has been found.

    Args:
        address: ``OWNER/NAME`` of the repository on GitHub.
        root: the repository's root folder.

    Returns:
        The files that changed.

    Raises:
        ValueError: ``address`` is no name that GitHub gives, or a file with a place for it, or the
            place in it, is missing.
    """
    if not ADDRESS.fullmatch(address):
        raise ValueError(f"address={address!r}: expected OWNER/NAME, as in github.com/OWNER/NAME")
    owner, name = address.split("/")
    chapters = sorted(root.glob("notebooks/*.ipynb"))
    if not chapters:
        raise ValueError(f"root={str(root)!r}: expected the course's root, with its notebooks/")
    host = f"{owner.lower()}.github.io"  # a repository of that name is published at its root
    site = f"https://{host}/" if name.lower() == host else f"https://{host}/{name}/"
    first_chapter = chapters[0].relative_to(root).as_posix()
    badges = BADGES.format(address=address, site=site, first_chapter=first_chapter)
    downloads = DOWNLOADS.format(site=site)
    places = {
        root / "_config.yml": [
            (r"^  url: .*$", f'  url: "https://github.com/{address}"'),
            (r"^  colab_url: .*$", '  colab_url: "https://colab.research.google.com"'),
            (r"^  baseurl: .*$", f'  baseurl: "{site}"'),
        ],
        root / "book/intro.md": [(r"<!-- downloads(?s:.*?)<!-- end of downloads -->", downloads)],
        root / "README.md": [(r"<!-- badges(?s:.*?)<!-- end of badges -->", badges)],
        root / "lib/convbook/training/registry.json": [
            (
                r'^ "address": "[^"]*"',
                f' "address": "https://raw.githubusercontent.com/{address}/main/runs/"',
            )
        ],
    }
    for chapter in chapters:  # a notebook is JSON: its quotes are escaped
        places[chapter] = [(r'REPOSITORY = \\"[^"]*\\"', rf"REPOSITORY = \"{address}\"")]

    new = {path: _rewritten(path, lines) for path, lines in places.items()}
    changed = [path for path, text in new.items() if text != path.read_text("utf-8")]
    for path in changed:  # a run that is cut off leaves no half-written file
        beside = path.with_name(f"{path.name}.new")
        beside.write_text(new[path], "utf-8")
        beside.replace(path)
    return changed


def _rewritten(path: Path, lines: list[tuple[str, str]]) -> str:
    """The text of ``path`` with the first match of each pattern replaced."""
    text = path.read_text("utf-8") if path.exists() else ""
    for pattern, line in lines:
        text, found = re.subn(pattern, line.replace("\\", r"\\"), text, count=1, flags=re.M)
        if not found:
            raise ValueError(f"{path}: expected a line like {line!r}, to write the address there")
    return text


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python book/publish.py",
        description="Write the repository's address into the book, the README and every chapter.",
    )
    parser.add_argument("address", metavar="OWNER/NAME", help="the repository on GitHub")
    try:
        changed = publish(parser.parse_args().address, Path.cwd())
    except ValueError as error:
        parser.error(str(error))
    for path in changed:
        print(f"wrote {path.relative_to(Path.cwd())}")
    if not changed:
        print("Every file has this address already.")


if __name__ == "__main__":
    main()

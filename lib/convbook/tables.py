"""Numbers to compare, as a table: typeset on the page, aligned text where there is no HTML."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from IPython.display import display

Rows = Mapping[str, Mapping[str, object] | Sequence[object]]


@dataclass(frozen=True)
class Table:
    """Rows of cells, a name first in each; ``heads`` stand above them."""

    heads: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]

    def __str__(self) -> str:
        lines = [self.heads, *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        text = ["  ".join([a.ljust(widths[0]), *map(str.rjust, b, widths[1:])]) for a, *b in lines]
        return "\n".join(text)

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        head = "".join(f"<th>{escape(head)}</th>" for head in self.heads)
        body = "".join(
            f'<tr><th scope="row">{escape(name)}</th>'
            + "".join(f"<td>{escape(cell)}</td>" for cell in cells)
            + "</tr>"
            for name, *cells in self.rows
        )
        return {
            "text/plain": str(self),
            "text/html": f'<table class="numbers"><thead><tr>{head}</tr></thead>'
            f"<tbody>{body}</tbody></table>",
        }


def table(head: str, rows: Rows, columns: Sequence[str] = ()) -> None:
    """Show ``rows``, each by its name.

    Args:
        head: what the rows are.
        rows: name to cells, in order or by the column's name. Numbers are shown as ``str`` shows
            them, so give text where the digits matter.
        columns: what each column is; not needed where the cells are named.

    Raises:
        ValueError: a row has not as many cells as there are columns.
    """
    named = {name: dict(cells) for name, cells in rows.items() if isinstance(cells, Mapping)}
    columns = columns or list(next(iter(named.values()), {}))
    filled = []
    for name, cells in rows.items():
        row = [named[name].get(column, "") for column in columns] if name in named else list(cells)
        if len(row) != len(columns):
            raise ValueError(f"rows[{name!r}]={cells!r}: expected {len(columns)} cells")
        filled.append((name, *map(str, row)))
    display(Table((head, *columns), filled))

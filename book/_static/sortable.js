// A click, or Enter, on the head of a column sorts the table by it; a second one turns the order round.
document.addEventListener("DOMContentLoaded", () => {
  for (const table of document.querySelectorAll("table.sortable")) {
    const body = table.tBodies[0];
    const value = (row, column) => row.cells[column].dataset.sort ?? row.cells[column].textContent;
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const button = document.createElement("button");
      button.textContent = head.textContent;
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const order = head.ariaSort === "ascending" ? -1 : 1;
        for (const other of table.tHead.rows[0].cells) other.ariaSort = null;
        head.ariaSort = order > 0 ? "ascending" : "descending";
        const compare = (a, b) => {
          const [left, right] = [value(a, column), value(b, column)];
          return order * (left - right || left.localeCompare(right));
        };
        body.append(...[...body.rows].sort(compare));
      });
    });
  }
});

"""Explorer "Predict": a question that takes an answer before it shows one."""

from collections.abc import Mapping, Sequence
from html import escape
from numbers import Real

import traitlets
from torch import Tensor

from convbook.explorers.explorer import Explorer, module, number_cells

YES_OR_NO = ("yes", "no")
Cell = Sequence[int]  # row and column, from 0
Answer = float | str | bool | Tensor | Cell


class Predict(Explorer):
    """One question. The answer is what the cell has computed, and not typed.

    Args:
        question: a sentence; what stands between backticks is code.
        answer: a number, or a choice, or a bool for a question of yes or no, or a cell.
        why: what is said with the right answer.
        wrong: for a wrong answer, why it does not hold. Every wrong choice needs one.
        choices: what can be chosen, in order.
        grid: (rows, columns), numbers in cells, of which one is the answer. Without choices and
            grid a number is asked for.
        hint: what is said to a wrong number or cell that has no reason of its own: to a number,
            after whether it is too large or too small. A grid needs one if a cell has no reason.

    Raises:
        ValueError: the answer is none of the choices, no cell of the grid, or no number; or a wrong
            choice or cell has no reason, so that a computed answer cannot turn round unnoticed.
    """

    _esm = module("predict.js")

    question = traitlets.Unicode().tag(sync=True)
    answer = traitlets.Any().tag(sync=True)
    why = traitlets.Unicode().tag(sync=True)
    wrong = traitlets.Dict().tag(sync=True)
    choices = traitlets.List(traitlets.Unicode()).tag(sync=True)
    grid = traitlets.List(traitlets.List(traitlets.Float())).tag(sync=True)
    hint = traitlets.Unicode().tag(sync=True)
    given = traitlets.Any(None, allow_none=True).tag(sync=True)  # the reader's last answer

    def __init__(
        self,
        question: str,
        answer: Answer,
        why: str,
        wrong: Mapping[float | str | tuple[int, int], str] | None = None,
        choices: Sequence[str] = (),
        grid: Sequence[Sequence[float]] | Tensor = (),
        hint: str = "",
    ) -> None:
        if isinstance(answer, Tensor):
            answer = answer.item()
        if isinstance(answer, bool):
            answer, choices = YES_OR_NO[not answer], YES_OR_NO
        rows = grid.tolist() if isinstance(grid, Tensor) else [list(row) for row in grid]
        cells = {_written((r, c)) for r, row in enumerate(rows) for c in range(len(row))}
        if choices and answer not in choices:
            raise ValueError(f"answer={answer!r}: expected one of {list(choices)}")
        if rows and (not isinstance(answer, Sequence) or _written(answer) not in cells):
            raise ValueError(f"answer={answer!r}: expected a cell's row and column")
        if not (choices or rows or isinstance(answer, Real)):
            raise ValueError(f"answer={answer!r}: expected a number, since there are no choices")
        reasons = {_written(given): reason for given, reason in (wrong or {}).items()}
        expected = {choice for choice in choices if choice != answer} or cells - {_written(answer)}
        unfit = set(reasons) - expected if rows and hint else set(reasons) ^ expected
        if (choices or rows) and unfit:
            raise ValueError(f"wrong: expected a reason for each of {sorted(expected)}")
        if _written(answer) in reasons:
            raise ValueError(f"wrong: {answer!r} is the answer")
        if not isinstance(answer, str):  # as JSON has it
            answer = float(answer) if isinstance(answer, int | float) else list(answer)
        super().__init__(
            question=question,
            answer=answer,
            why=why,
            wrong=reasons,
            choices=list(choices),
            grid=rows,
            hint=hint,
        )

    def words(self) -> str:
        return f"Predict: {self.question}{self._offered()}"

    def figure(self) -> str:
        said = f"The answer: {_written(self.answer)}. {self.why}"
        rows = "".join(f"<tr>{number_cells(row)}</tr>" for row in self.grid)
        table = f"<table><tbody>{rows}</tbody></table>" if rows else ""
        return (
            f"<p><strong>Predict.</strong> {_rich(self.question + self._offered())}</p>{table}"
            f"<details><summary>Show the answer</summary><p>{_rich(said)}</p></details>"
        )

    def _offered(self) -> str:
        *others, last = self.choices or [""]
        return f" ({', '.join(others)} or {last})" if others else ""


def _written(answer: float | str | Cell) -> str:
    """An answer as predict.js names it: a number with at most three decimals, a cell in words."""
    if isinstance(answer, str):
        return answer
    if isinstance(answer, Sequence):
        return f"row {answer[0]}, column {answer[1]}"
    return f"{round(answer, 3):g}"


def _rich(text: str) -> str:
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(parts))

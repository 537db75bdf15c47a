"""Explorer "Predict": a question that takes an answer before it shows one."""

from collections.abc import Mapping, Sequence
from html import escape
from numbers import Real

import traitlets
from torch import Tensor

from convbook.explorers.explorer import Explorer, module

YES_OR_NO = ("yes", "no")
Answer = float | str | bool | Tensor


class Predict(Explorer):
    """One question. The answer is what the cell has computed, and not typed.

    Args:
        question: a sentence; what stands between backticks is code.
        answer: a number, or a choice, or a bool for a question of yes or no.
        why: what is said with the right answer.
        wrong: for a wrong answer, why it does not hold. Every wrong choice needs one; a wrong
            number is told to be too large or too small if it has none.
        choices: what can be chosen, in order; without it a number is asked for.

    Raises:
        ValueError: the answer is none of the choices and no number, or a wrong choice has no
            reason, so that a computed answer cannot turn round unnoticed.
    """

    _esm = module("predict.js")

    question = traitlets.Unicode().tag(sync=True)
    answer = traitlets.Any().tag(sync=True)
    why = traitlets.Unicode().tag(sync=True)
    wrong = traitlets.Dict().tag(sync=True)
    choices = traitlets.List(traitlets.Unicode()).tag(sync=True)
    given = traitlets.Any(None, allow_none=True).tag(sync=True)  # the reader's last answer

    def __init__(
        self,
        question: str,
        answer: Answer,
        why: str,
        wrong: Mapping[float | str, str] | None = None,
        choices: Sequence[str] = (),
    ) -> None:
        if isinstance(answer, Tensor):
            answer = answer.item()
        if isinstance(answer, bool):
            answer, choices = YES_OR_NO[not answer], YES_OR_NO
        if choices and answer not in choices:
            raise ValueError(f"answer={answer!r}: expected one of {list(choices)}")
        if not choices and not isinstance(answer, Real):
            raise ValueError(f"answer={answer!r}: expected a number, since there are no choices")
        reasons = {_written(given): reason for given, reason in (wrong or {}).items()}
        expected = {choice for choice in choices if choice != answer}
        if choices and set(reasons) != expected:
            raise ValueError(f"wrong: expected a reason for each of {sorted(expected)}")
        if _written(answer) in reasons:
            raise ValueError(f"wrong: {answer!r} is the answer")
        super().__init__(
            question=question,
            answer=answer if choices else float(answer),
            why=why,
            wrong=reasons,
            choices=list(choices),
        )

    def words(self) -> str:
        return f"Predict: {self.question}{self._offered()}"

    def figure(self) -> str:
        answer = _written(self.answer)
        said = f"{answer[0].upper()}{answer[1:]}. {self.why}"
        return (
            f"<p><strong>Predict.</strong> {_rich(self.question + self._offered())}</p>"
            f"<details><summary>Show the answer</summary><p>{_rich(said)}</p></details>"
        )

    def _offered(self) -> str:
        *others, last = self.choices or [""]
        return f" ({', '.join(others)} or {last})" if others else ""


def _written(answer: float | str) -> str:
    """A number as predict.js writes it: at most three decimals."""
    return answer if isinstance(answer, str) else f"{round(answer, 3):g}"


def _rich(text: str) -> str:
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(parts))

"""Explorer "Trainer": chapter 6's network of 46 numbers, trained in the reader's own page."""

from html import escape

import traitlets

from convbook.arguments import number, positive, whole_number
from convbook.baselines import PCA
from convbook.data import bezier
from convbook.explorers.explorer import Explorer, module
from convbook.explorers.lines import line_panels
from convbook.palette import HUES

UNEQUAL = (0.1, 0.01, 0.001)


class Trainer(Explorer):
    """``PatchAutoencoder`` on patches of Bezier curves, with noise, trained in plain JavaScript.

    A seed decides the first weights, the patches and the noise. It is the page's own: PyTorch draws
    other numbers from the same seed.

    Args:
        code_noise: the standard deviation of what is added to each of the code's three numbers.
        input_noise: of what is added to each point of a patch.
        learning_rate: Adam's.
        seed: a whole number of at least 0.

    Raises:
        ValueError: a noise is negative or not one for each number, the rate is not positive, or the
            seed is something else.
    """

    _esm = module("curves.js", "trainer.js")
    kept = ("code_noise", "input_noise", "learning_rate", "seed")

    code_noise = traitlets.List(traitlets.Float(), default_value=list(UNEQUAL)).tag(sync=True)
    input_noise = traitlets.Float(0.0).tag(sync=True)
    learning_rate = traitlets.Float(0.001).tag(sync=True)
    seed = traitlets.Int(11).tag(sync=True)

    def __init__(self, **settings: object) -> None:
        super().__init__(**settings)
        if len(self.code_noise) != 3:
            raise ValueError(f"code_noise={self.code_noise}: expected three numbers")
        for noise in self.code_noise:
            number("code_noise", noise, 0)
        number("input_noise", self.input_noise, 0)
        positive("learning_rate", self.learning_rate)
        whole_number("seed", self.seed, 0)

    def words(self) -> str:
        noise = ", ".join(f"{scale:g}" for scale in self.code_noise)
        return (
            f"Explorer: a network of 46 numbers, trained with noise of {noise} on its code and of "
            f"{self.input_noise:g} on its input; learning rate {self.learning_rate:g}, seed "
            f"{self.seed}."
        )

    def figure(self) -> str:
        directions = PCA(bezier().patches(7).train).components[:3].tolist()
        panels = {
            f"direction {i + 1}": [(hue, line)]
            for i, (hue, line) in enumerate(zip(HUES, directions, strict=False))
        }
        drawn = line_panels(panels, "PCA’s first three directions")
        return f"<p>{escape(self.words())} PCA’s first three directions:</p>{drawn}"

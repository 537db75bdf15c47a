"""Explorer "Decoder": a code, the filters that it scales, and their sum."""

from html import escape
from typing import Any

import numpy as np
import traitlets

from convbook.explorers.explorer import Explorer, module
from convbook.explorers.lines import line_panels
from convbook.palette import HUES

PLACES = 3  # decimals of a filter: finer ones move no line by a pixel


class Decoder(Explorer):
    """Decoders of one transposed convolution on one position: code times filter, summed.

    Args:
        filters: (S, K, n), K filters of n weights for each of S networks; tensors or lists.
        bias: (S,).
        seeds: (S,), the networks' names.
        seed: the one that is shown, the first if not given.
        target: (n,), heights that the reader drags, between -1 and 1.
        code: K numbers, or none for those that fit the target best.

    Raises:
        ValueError: an argument has another length, or ``seed`` is none of ``seeds``.
    """

    _esm = module("curves.js", "decoder.js")
    kept = ("seed", "code", "target")

    filters = traitlets.List(traitlets.Any()).tag(sync=True)
    bias = traitlets.List(traitlets.Any()).tag(sync=True)
    seeds = traitlets.List(traitlets.Int()).tag(sync=True)
    seed = traitlets.Int().tag(sync=True)
    target = traitlets.List(traitlets.Any()).tag(sync=True)
    code = traitlets.List(traitlets.Any()).tag(sync=True)

    def __init__(self, **settings: Any) -> None:
        for name in ("filters", "bias", "target", "code"):
            if name in settings:
                numbers = np.asarray(settings[name], dtype=float)
                settings[name] = numbers.round(PLACES).tolist()
        if "seeds" in settings and "seed" not in settings:
            settings["seed"] = settings["seeds"][0]
        super().__init__(**settings)
        shape = np.asarray(self.filters, dtype=float).shape
        if len(shape) != 3:
            raise ValueError(f"filters: expected (S, K, n), not {shape}")
        networks, numbers, taps = shape
        lengths = {"bias": networks, "seeds": networks, "target": taps}
        if self.code:
            lengths["code"] = numbers
        for name, length in lengths.items():
            if (found := len(getattr(self, name))) != length:
                raise ValueError(f"{name}: expected {length} numbers, not {found}")
        if self.seed not in self.seeds:
            raise ValueError(f"seed={self.seed}: expected one of {self.seeds}")

    def words(self) -> str:
        how = f"the code {self.code}" if self.code else "the code that fits a target best"
        return f"Explorer: the filters of a decoder, of seed {self.seed}, scaled by {how}."

    def figure(self) -> str:
        which = self.seeds.index(self.seed)
        filters, bias = np.array(self.filters[which]), self.bias[which]
        target = np.array(self.target)
        code = self.code or np.linalg.lstsq(filters.T, target - bias, rcond=None)[0]
        scaled = np.array(code)[:, None] * filters  # (K, n)
        panels = {
            "code × filter": list(zip(HUES, scaled.tolist(), strict=False)),
            "sum + bias": [("currentColor", (scaled.sum(0) + bias).tolist())],
            "target": [("currentColor", self.target)],
        }
        drawn = line_panels(panels, "the scaled filters, their sum, and the target")
        return f"<p>{escape(self.words())}</p>{drawn}"

"""``make bench``: every comparison, on the device at hand, and into the book's table of them.

It needs the official MNIST and CIFAR-10 files.
"""

import csv
import os
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import bezier, cifar, limit, mnist
from bench.side_by_side import compare, print_head
from convbook import settings
from convbook.models import DigitAutoencoder, PoolUnpool

settings.describe()
products = ", ".join(
    f"{limit.product_speed(kind) / 1e9:.0f} in {kind}" for kind in ("float32", "bfloat16")
)
print(f"thousand million operations a second: {products}; bytes: {limit.copy_speed() / 1e9:.1f}")
print_head()
rows = []
with TemporaryDirectory() as empty:  # so that the first compiling takes as long as a reader's
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = empty
    each = (bezier.source_loop, bezier.ours, bezier.limit())
    rows.append(compare("bezier", "model and epoch", *each, seeds=(11, 22)))
for name, make, batch_size in (("mnist", PoolUnpool, 100), ("denoise", DigitAutoencoder, 64)):
    ways = (mnist.source_loop, mnist.ours)
    source, ours = (partial(way, make=make, batch_size=batch_size) for way in ways)
    rows.append(compare(name, "step", source, ours, mnist.limit(make, batch_size), seeds=(1, 2)))
rows.append(compare("cifar", "step", cifar.source_loop, cifar.ours, cifar.limit(), seeds=(1, 2)))
with Path("book/bench.csv").open("w", newline="") as file:
    table = csv.DictWriter(file, rows[0])
    table.writeheader()
    table.writerows(rows)

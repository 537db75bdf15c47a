"""``make bench``: every comparison, on the device at hand. It needs the official MNIST and CIFAR-10
files.
"""

from functools import partial

from bench import bezier, cifar, mnist
from bench.side_by_side import compare
from convbook import settings
from convbook.models import DigitAutoencoder, PoolUnpool

settings.describe()
compare("bezier", "model and epoch", bezier.source_loop, bezier.ours, seeds=(11, 22))
for name, make, batch_size in (("mnist", PoolUnpool, 100), ("denoise", DigitAutoencoder, 64)):
    both = (
        partial(way, make=make, batch_size=batch_size) for way in (mnist.source_loop, mnist.ours)
    )
    compare(name, "step", *both, seeds=(1, 2))
compare("cifar", "step", cifar.source_loop, cifar.ours, seeds=(1, 2))

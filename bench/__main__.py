"""``make bench``: every comparison, on the device at hand. It needs the official MNIST files."""

from bench import bezier, mnist
from bench.side_by_side import compare
from convbook import settings

settings.describe()
compare("bezier", "model and epoch", bezier.source_loop, bezier.ours, seeds=(11, 22))
compare("mnist", "step", mnist.source_loop, mnist.ours, seeds=(1, 2))

"""``make bench``: every comparison, on the device at hand. It needs the official MNIST and CIFAR-10
files.
"""

from bench import bezier, cifar, denoise, mnist
from bench.side_by_side import compare
from convbook import settings

settings.describe()
compare("bezier", "model and epoch", bezier.source_loop, bezier.ours, seeds=(11, 22))
compare("mnist", "step", mnist.source_loop, mnist.ours, seeds=(1, 2))
compare("denoise", "step", denoise.source_loop, denoise.ours, seeds=(1, 2))
compare("cifar", "step", cifar.source_loop, cifar.ours, seeds=(1, 2))

"""The library behind *Convolution, Transposed*: it keeps what the chapters derive.

The modules stand on six floors, and a module imports only from the floors below its own
(``tests/test_house.py`` holds that):

1. ``settings``, ``publish``: profile, device and data folder, and nothing else reads the
   environment; the command that writes the repository's address into the course
2. ``sizes``, ``data``: output-size arithmetic; MNIST, CIFAR-10 and their stand-ins
3. ``matrices``, ``shapes``, ``models``, ``baselines``: convolution as a matrix; a shape's walk
   through a network; the networks; PCA
4. ``transposed``, ``training``: five ways to one operator; ``fit`` and its History
5. ``metrics``, ``palette``: how far apart two sets of images are; the colours
6. ``plots``, ``explorers``, ``claims``: what a reader sees
"""

__version__ = "0.1.0"

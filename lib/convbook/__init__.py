"""The library behind *Convolution, Transposed*: it keeps what the chapters derive.

The modules stand on floors, and a module imports only from the floors below its own
(``tests/test_house.py`` holds that):

1. ``arguments``: what an argument has to be, said in one way
2. ``settings``, ``sizes``, ``tables``, ``locks``: profile, device and folders, and nothing else
   reads the environment; output-size arithmetic; numbers to compare; locks between processes
3. ``data``, ``matrices``, ``models``, ``corruptions``, ``baselines``: Bezier curves, MNIST,
   CIFAR-10 and their stand-ins; convolution as a matrix; the networks; noise on images; PCA and the
   best linear denoiser
4. ``shapes``, ``transposed``, ``layers``, ``training``: a shape's walk through a network; five ways
   to one operator; both layers in NumPy; one network, many at once or a sweep of them, trained and
   kept
5. ``metrics``, ``filters``, ``palette``: how far apart two sets of images, or of filters, are; the
   colours
6. ``plots``, ``explorers``, ``claims``: what a reader sees
"""

__version__ = "0.1.0"

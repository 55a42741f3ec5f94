"""Files with the digit images, as a camera might have left them.

Read this when you have found what is wrong with the fifth model of the
chapter on your own network.
"""

import numpy as np


def as_files(images):
    """Images with pixels from 0 to 1 as whole numbers, a row for each file."""
    files = np.round(16 * images.reshape(len(images), -1))
    files[1250:1260] *= 256  # another camera: up to 4096, and not 16
    return files

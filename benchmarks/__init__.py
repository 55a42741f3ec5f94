"""Speed and memory, side by side: ``python -m benchmarks``.

One thread everywhere. The libraries read these variables once, when they are imported.
"""

import os

for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

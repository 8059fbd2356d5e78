"""Speed and memory of Quietroom, as ratios that one run of ``python -m benchmarks`` measures."""

import os

USER_ENVIRONMENT = dict(os.environ)
"""For whole programs, which run as a user would run them."""

# One thread is compared with one: numpy reads these when it is loaded, which no module here does before this one.
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

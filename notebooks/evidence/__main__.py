"""Compute what a stored result lacks, or compute some of it again.

Run it again to go on where it was stopped. The environment variable EXECUTOR
says who computes: `processes` of this machine (the default), `here` for this
process alone, `dask` for a local Dask cluster, or `dask://host:8786` for the
one whose scheduler listens there. A cluster needs the book's environment, and
finds this folder by PYTHONPATH:

    PYTHONPATH=notebooks dask scheduler
    PYTHONPATH=notebooks dask worker tcp://host:8786 --nthreads 1 --nworkers 8
"""

import argparse
import os
from pathlib import Path

from . import HERE, runner


def main():
    parser = argparse.ArgumentParser(
        prog="python -m evidence",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("name", help="of the result, such as long_range_tasks")
    add("--quick", action="store_true", help="tiny, to see that it runs")
    add("--again", type=int, metavar="N", help="compute N stored points again")
    add("--folder", type=Path, default=HERE, help="where results are stored")
    options = parser.parse_args()
    name = options.name.replace("-", "_")
    where = os.environ.get("EXECUTOR", "processes")
    if options.again is not None:
        runner.again(name, options.again, where, options.folder)
    else:
        runner.make(name, options.quick, where, options.folder)


if __name__ == "__main__":
    main()

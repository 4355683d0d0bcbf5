"""A line with a question in, a line with what was measured out; ends with its input."""

import json
import sys
import time
from concurrent.futures import ProcessPoolExecutor


def noop(x):
    return x


def main():
    with ProcessPoolExecutor(int(sys.argv[1])) as executor:
        for line in sys.stdin:
            question = json.loads(line)
            calls = question["calls"]
            numbers = list(range(calls))
            before = time.perf_counter()
            results = list(executor.map(noop, numbers, chunksize=question["size"]))
            seconds = time.perf_counter() - before
            if results != numbers:
                raise ValueError("the results are wrong")
            print(json.dumps({"ms": seconds * 1000, "rate": calls / seconds}), flush=True)


if __name__ == "__main__":
    main()

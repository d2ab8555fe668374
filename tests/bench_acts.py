"""Acts for the tests of `bench.workers`: they sleep, and say how often they ran."""

import time


def sleeping(seconds: float):
    calls = []

    def act():
        time.sleep(seconds)
        calls.append(seconds)
        return len(calls)

    return act


def broken(**_):
    raise ValueError("no such act")


MAKERS = {"sleeping": sleeping, "broken": broken}

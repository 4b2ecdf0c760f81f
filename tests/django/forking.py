"""A process that opens the service, then forks: each has its own. Prints what both say."""

import os
import sys

from . import configuring


def main():
    configuring.set_up()
    from paykit.django import service

    parents = service()
    parents.subscribe(lambda event: None)  # threads of it stay with the parent
    child = os.fork()
    if child == 0:
        mine = service()
        sys.stdout.write(f"another: {mine is not parents}, empty: {mine.outbox()}\n")
        sys.stdout.flush()
        os._exit(0)
    os.waitpid(child, 0)
    sys.stdout.write(f"the same: {service() is parents}\n")


if __name__ == "__main__":
    main()

"""The same as ranks.mjs, with mpi4py: objects as messages."""
import json
import sys
import time

from mpi4py import MPI

comm = MPI.COMM_WORLD
rank = comm.Get_rank()
other = 1 - rank


def ping_pong(trips):
    took = []
    for i in range(trips):
        before = time.perf_counter()
        if rank == 0:
            comm.send(i, dest=other)
        if comm.recv(source=other) != i:
            raise RuntimeError("the wrong message came")
        if rank == 1:
            comm.send(i, dest=other)
        took.append(time.perf_counter() - before)
    return {"us": sorted(took)[trips // 2] * 1e6}


def stream(mebibytes):
    before = time.perf_counter()
    if rank == 0:
        mebibyte = bytes(2**20)
        for _ in range(mebibytes):
            comm.send(mebibyte, dest=1)
        comm.recv(source=1)
    else:
        for _ in range(mebibytes):
            comm.recv(source=0)
        comm.send("all", dest=0)
    return {"ms": (time.perf_counter() - before) * 1e3}


measured = {"pingPong": ping_pong, "stream": stream}[sys.argv[1]](int(sys.argv[2]))
if rank == 0:
    print(json.dumps(measured))

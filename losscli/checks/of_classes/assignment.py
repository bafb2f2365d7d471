"""The best assignment of rows to columns of a matrix of profits."""

from __future__ import annotations

import numpy as np

from losscli.roles import FloatArray, IntArray


def best_assignment(profit: FloatArray | IntArray) -> IntArray:
    """For each row of a square matrix ``(k, k)`` its column, all different, so that the profits sum to the most.

    The Hungarian method with potentials and shortest augmenting paths, O(k^3)
    steps of which NumPy makes O(k^2): Jonker, R. and Volgenant, A. (1987). A
    Shortest Augmenting Path Algorithm for Dense and Sparse Linear Assignment
    Problems. Computing 38:325-340. doi:10.1007/BF02278710.
    """
    size = profit.shape[0]
    cost = -np.asarray(profit, dtype=np.float64)
    row_price, column_price = np.zeros(size), np.zeros(size + 1)
    # Column `size` stands for none: a path starts there with the row to be assigned.
    owner = np.full(size + 1, -1)
    for row in range(size):
        owner[size] = row
        current = size
        slack = np.full(size, np.inf)
        came_from = np.full(size, size)
        visited = np.zeros(size + 1, np.bool_)
        while owner[current] != -1:
            visited[current] = True
            at = owner[current]
            reduced = cost[at] - row_price[at] - column_price[:size]
            open_columns = ~visited[:size]
            nearer = open_columns & (reduced < slack)
            slack[nearer] = reduced[nearer]
            came_from[nearer] = current
            following = int(np.argmin(np.where(open_columns, slack, np.inf)))
            step = slack[following]
            row_price[owner[visited]] += step
            column_price[visited] -= step
            slack[open_columns] -= step
            current = following
        while current != size:
            owner[current] = owner[came_from[current]]
            current = int(came_from[current])
    columns: IntArray = np.empty(size, np.intp)
    columns[owner[:size]] = np.arange(size)
    return columns

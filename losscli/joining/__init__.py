"""Two data sets joined by a key: every row of one with its partner in the other.

    left = Side(sources, key="id", types={"y_pred": "number"})
    right = Side(others, key="id", types={"y_true": "text"})
    with align(left, right) as alignment:
        for shard in alignment.shards():
            for pair in shard.pairs(chunk_rows=65_536):
                pair.left, pair.right, pair.first_row

`align` reads the keys of both sides and settles which row belongs to which; a
`Pair` then has two record batches of as many rows, row i of both with one key,
in the order of the left side.  Shards of pairs are read alone and in any
order, as the shards of a file are, and pickle.

- A key is a value, not a spelling: the integer 7, the text "7" and "7.0" are one
  key, "007" is another.  Null is no key.
- While the keys of both sides agree row by row, nothing is kept: memory is flat
  and the disk is not used.
- Otherwise both are written to a temporary directory in partitions by key,
  matched a partition at a time, and the columns of the right side are put into
  the order of the left: memory is bounded, the disk holds the columns of the
  right side twice.
- A key that a side has twice is an InputError.  So are rows without a partner,
  unless ``missing="drop"`` leaves them out; rows of the right side without one
  are counted in `Alignment.right_only` where ``spare_right=True`` allows them.
- Without keys (``key=None`` on both sides) rows are partners by position, and
  both sides must have as many.
"""

from __future__ import annotations

from losscli.joining.alignment import Alignment, Pair, PairShard, Side, Unmatched, align

__all__ = ["Alignment", "Pair", "PairShard", "Side", "Unmatched", "align"]

"""Losses on distances between embeddings: pairs, triplets, quadruplets, contrasts.

Embeddings are ``(n, d)``; ``(n,)`` is read as d = 1.  Distances are scaled by
the largest component, so that no square overflows or underflows.  The cosine
of a zero vector with anything is 0.  Margins are in units of the distance.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Annotated, Literal, TypeAlias

import numpy as np

from losscli.arrays import max_last, norm_last, softplus, sum_last
from losscli.declaration import Example, Require, declare
from losscli.domains import REAL, NumberSet
from losscli.roles import BoolArray, Embedding, FloatArray, Role, VectorSet

DistanceName: TypeAlias = Literal["euclidean", "squared_euclidean", "cosine"]
Pair: TypeAlias = tuple[FloatArray, FloatArray]
Margin: TypeAlias = Annotated[float, "[0, inf)", "How much farther the negative must be than the positive."]

SIGN = NumberSet((-1, 1))
_PAIR = "1 for a similar pair, -1 for a dissimilar one"

SimilarLabel: TypeAlias = Annotated[
    FloatArray, Role("pair label", "1 for a similar pair, 0 for a dissimilar one", "row", NumberSet((0, 1)), "binary")
]
PairLabel: TypeAlias = Annotated[FloatArray, Role("pair label", _PAIR, "row", SIGN)]
RankLabel: TypeAlias = Annotated[
    FloatArray, Role("rank label", "1 where left should rank higher, -1 where right should", "element", SIGN)
]
DistanceLabel: TypeAlias = Annotated[FloatArray, Role("pair label", _PAIR, "element", SIGN)]
RankScore: TypeAlias = Annotated[FloatArray, Role("rank score", "a score, the higher the better", "element", REAL)]
Distance: TypeAlias = Annotated[FloatArray, Role("distance", "the distance of a pair", "element", REAL)]

# Rows whose distances overflow are measured again at this scale; exact, being a power of two.
_DOWN = 600


def unit_vectors(vectors: FloatArray) -> FloatArray:
    """Vectors scaled to length 1 over the last axis; zero vectors stay zero."""
    # By the largest component first: a length such as |(1e308, 1e308)| need not be a float64.
    largest = max_last(np.abs(vectors))
    scaled = vectors / np.where(largest > 0, largest, 1.0)[..., None]
    length = np.sqrt(sum_last(scaled * scaled))
    unit: FloatArray = scaled / np.where(length > 0, length, 1.0)[..., None]
    return unit


def _cosine(left: FloatArray, right: FloatArray) -> FloatArray:
    """Cosine similarity over the last axis, 0 where either vector is zero."""
    return np.clip(sum_last(unit_vectors(left) * unit_vectors(right)), -1.0, 1.0)


def _cosine_distance(left: FloatArray, right: FloatArray) -> FloatArray:
    """``1 - cosine`` over the last axis, in ``[0, 2]``."""
    # |u - v|^2 / 2 keeps the digits that 1 - cosine loses for nearly parallel vectors.
    # A zero vector leaves it 1/2 short for want of |u|^2 = 1.
    gap = unit_vectors(left) - unit_vectors(right)
    short = 0.5 * ~left.any(axis=-1) + 0.5 * ~right.any(axis=-1)
    return np.minimum(0.5 * sum_last(gap * gap) + short, 2.0)


def _distance(left: FloatArray, right: FloatArray, distance: DistanceName) -> FloatArray:
    if distance == "cosine":
        return _cosine_distance(left, right)
    gap = left - right
    return norm_last(gap) if distance == "euclidean" else sum_last(gap * gap)


def _excess(near: Pair, far: Sequence[Pair], distance: DistanceName) -> FloatArray:
    """How much farther apart the near pair is than the closest of the far pairs, ``(n,)``."""
    excess = _distance(*near, distance) - reduce(np.minimum, [_distance(*pair, distance) for pair in far])
    lost = np.isnan(excess)
    if lost.any():
        # Both distances overflowed; a power of two changes no digit of their difference.
        exponent = 2 * _DOWN if distance == "squared_euclidean" else _DOWN
        smaller = [(np.ldexp(u[lost], -_DOWN), np.ldexp(v[lost], -_DOWN)) for u, v in (near, *far)]
        excess[lost] = np.ldexp(_excess(smaller[0], smaller[1:], distance), exponent)
    return excess


@declare(
    formula="""
        max(0, D(anchor, positive) - D(anchor, negative) + margin)
        swap: min(D(anchor, negative), D(positive, negative)) instead of D(anchor, negative)
    """,
    known_as={"torch": "TripletMarginWithDistanceLoss (at the same distance), TripletMarginLoss (p=2, eps=0)"},
    same_as=(
        "torch.nn.functional.triplet_margin_loss("
        "anchor, positive, negative, margin=margin, eps=0.0, swap=swap, reduction='none')",
    ),
    related=(
        "torch TripletMarginLoss: adds 1e-6 to every component of a difference by default",
        "optax.losses.triplet_margin_loss: sqrt(sum(d^2) + 1e-6), no swap",
        "FaceNet: distance=squared_euclidean, margin=0.2",
        "tensorflow_addons TripletSemiHardLoss, TripletHardLoss: find the triplets in the batch from labels",
    ),
    references=(
        "Schroff, F., Kalenichenko, D. and Philbin, J. (2015). FaceNet: a unified embedding for face recognition and "
        "clustering. CVPR 2015:815-823. doi:10.1109/CVPR.2015.7298682",
        "Balntas, V. et al. (2016). Learning local feature descriptors with triplets and shallow convolutional neural "
        "networks. BMVC 2016. doi:10.5244/C.30.119 (swap)",
    ),
    examples=(
        Example(
            anchor=[0.0, 0.0], positive=[3.0, 4.0], negative=[6.0, 8.0], margin=7.0, loss=2.0, why="max(0, 5 - 10 + 7)"
        ),
        Example(
            anchor=[0.0, 0.0],
            positive=[3.0, 4.0],
            negative=[6.0, 8.0],
            margin=7.0,
            swap=True,
            loss=7.0,
            why="the negative is 5 from the positive: max(0, 5 - 5 + 7)",
        ),
    ),
)
def triplet(
    anchor: Embedding,
    positive: Embedding,
    negative: Embedding,
    *,
    margin: Margin = 1.0,
    distance: Annotated[DistanceName, "How far apart two embeddings are."] = "euclidean",
    swap: Annotated[bool, "Measure the negative from the anchor or the positive, whichever is nearer."] = False,
) -> FloatArray:
    """Hinge on the anchor being nearer to the positive than the negative.

    0 for triplets that are apart by the margin already.  The default distance
    is not squared; FaceNet's is, and its margins are on that scale.
    """
    far = [(anchor, negative), (positive, negative)] if swap else [(anchor, negative)]
    return np.maximum(_excess((anchor, positive), far, distance) + margin, 0.0)


@declare(
    formula="""
        max(0, q(anchor, positive) - q(anchor, negative) + margin)
        + max(0, q(anchor, positive) - q(negative, negative2) + margin2)        where q(u, v) = |u - v|^2
    """,
    related=("triplet with distance=squared_euclidean: the first term",),
    references=(
        "Chen, W., Chen, X., Zhang, J. and Huang, K. (2017). Beyond triplet loss: a deep quadruplet network for person "
        "re-identification. CVPR 2017:1320-1329. doi:10.1109/CVPR.2017.145",
    ),
    examples=(
        Example(
            anchor=[0.0],
            positive=[1.0],
            negative=[1.2],
            negative2=[2.0],
            loss=1.42,
            why="(1 - 1.44 + 1) + (1 - 0.64 + 0.5)",
        ),
    ),
)
def quadruplet(
    anchor: Embedding,
    positive: Embedding,
    negative: Embedding,
    negative2: Embedding,
    *,
    margin: Margin = 1.0,
    margin2: Annotated[float, "[0, inf)", "How much farther apart the two negatives must be than the positive."] = 0.5,
) -> FloatArray:
    """Triplet loss with a second negative that has its own margin.

    negative2 is of another class than both anchor and negative.  Distances are
    squared, and each of the two terms is cut at 0 by itself.
    """
    near = (anchor, positive)
    from_anchor = _excess(near, [(anchor, negative)], "squared_euclidean")
    among_negatives = _excess(near, [(negative, negative2)], "squared_euclidean")
    return np.maximum(from_anchor + margin, 0.0) + np.maximum(among_negatives + margin2, 0.0)


@declare(
    formula="""
        D^2                     if label = 1 (similar)
        max(0, margin - D)^2    if label = 0            where D = |left - right|
    """,
    aliases=("siamese", "contrastive_loss"),
    related=(
        "Hadsell et al.: label 1 is the dissimilar pair, and half of it",
        "keras.io Siamese example: label 1 is the dissimilar pair, mean over the batch",
        "pytorch-metric-learning ContrastiveLoss: not squared, two margins, mean over losses above 0",
        "cosine_embedding: on the angle instead of the distance",
    ),
    references=(
        "Hadsell, R., Chopra, S. and LeCun, Y. (2006). Dimensionality reduction by learning an invariant mapping. "
        "CVPR 2006:1735-1742. doi:10.1109/CVPR.2006.100",
    ),
    examples=(
        Example(left=[0.0], right=[0.5], label=1.0, loss=0.25, why="similar: 0.5^2"),
        Example(left=[3.0], right=[3.25], label=0.0, loss=0.5625, why="dissimilar: (1 - 0.25)^2"),
    ),
)
def contrastive(
    left: Embedding,
    right: Embedding,
    label: SimilarLabel,
    *,
    margin: Annotated[float, "(0, inf)", "Distance beyond which a dissimilar pair costs nothing."] = 1.0,
) -> FloatArray:
    """Squared distance of similar pairs; of dissimilar ones, what they lack.

    The loss of Siamese networks.  Label 1 is the similar pair, and there is no
    factor 1/2: both unlike the paper, like tensorflow_addons.
    """
    distance = norm_last(left - right)
    lacking = np.maximum(margin - distance, 0.0)
    # Selected, not blended by the label: 0 times an infinite distance is not 0.
    error = np.where(label > 0, distance, lacking)
    return error * error


@declare(
    formula="""
        1 - cos(left, right)                  if label = 1
        max(0, cos(left, right) - margin)     if label = -1
    """,
    range="[0, 2]",
    aliases=("cosine_embedding_loss",),
    known_as={"torch": "CosineEmbeddingLoss, cosine_embedding_loss"},
    same_as=("torch.nn.functional.cosine_embedding_loss(left, right, label, margin=margin, reduction='none')",),
    related=(
        "torch CosineEmbeddingLoss on vectors shorter than about 1e-5: it adds 1e-12 to every squared length",
        "cosine_similarity: minus the cosine, without labels",
    ),
    references=("PyTorch documentation, torch.nn.CosineEmbeddingLoss.",),
    examples=(
        Example(left=[1.0, 0.0], right=[3.0, 4.0], label=1.0, loss=0.4, why="1 - 3/5"),
        Example(left=[1.0, 0.0], right=[3.0, 4.0], label=-1.0, margin=0.5, loss=0.1, why="3/5 - 0.5"),
    ),
)
def cosine_embedding(
    left: Embedding,
    right: Embedding,
    label: PairLabel,
    *,
    margin: Annotated[float, "[-1, 1]", "Cosine up to which a dissimilar pair costs nothing."] = 0.0,
) -> FloatArray:
    """One minus the cosine of similar pairs; excess cosine of dissimilar ones.

    Labels are 1 and -1; 0 is refused.  The lengths of the embeddings do not
    matter, and a zero vector is at a right angle to everything.
    """
    similar = _cosine_distance(left, right)
    dissimilar = np.maximum(_cosine(left, right) - margin, 0.0)
    return np.where(label > 0, similar, dissimilar)


@declare(
    formula="max(0, -label * (left - right) + margin)",
    aliases=("margin_ranking_loss",),
    known_as={"torch": "MarginRankingLoss, margin_ranking_loss"},
    same_as=("torch.nn.functional.margin_ranking_loss(left, right, label, margin=margin, reduction='none')",),
    related=("torch MarginRankingLoss with other labels: multiplies by them; here they are refused",),
    references=(
        "Joachims, T. (2002). Optimizing search engines using clickthrough data. KDD 2002:133-142. "
        "doi:10.1145/775047.775067",
    ),
    examples=(
        Example(left=0.25, right=0.5, label=1.0, margin=0.5, loss=0.75, why="ranked wrongly by 0.25, plus the margin"),
        Example(left=0.25, right=0.5, label=-1.0, margin=0.5, loss=0.25, why="ranked rightly by 0.25 of 0.5"),
    ),
    dialects={"torch": {}},
    across="mean",
)
def margin_ranking(
    left: RankScore,
    right: RankScore,
    label: RankLabel,
    *,
    margin: Annotated[float, "[0, inf)", "By how much the higher rank must have the higher score."] = 0.0,
) -> FloatArray:
    """Hinge on the difference of two scores, one of which should be higher.

    Label 1: left should rank higher; -1: right.  A tie costs the margin.
    """
    return np.maximum(margin - label * (left - right), 0.0)


@declare(
    formula="""
        y_pred                      if y_true = 1
        max(0, margin - y_pred)     if y_true = -1
    """,
    range="(-inf, inf)",
    aliases=("hinge_embedding_loss",),
    known_as={"torch": "HingeEmbeddingLoss, hinge_embedding_loss"},
    same_as=("torch.nn.functional.hinge_embedding_loss(y_pred, y_true, margin=margin, reduction='none')",),
    related=(
        "torch HingeEmbeddingLoss with label 0: adds both branches; here it is refused",
        "contrastive: squared, and takes the distance itself",
    ),
    references=("PyTorch documentation, torch.nn.HingeEmbeddingLoss.",),
    examples=(
        Example(y_true=1.0, y_pred=0.25, loss=0.25, why="similar: the distance"),
        Example(y_true=-1.0, y_pred=0.25, loss=0.75, why="dissimilar: 1 - 0.25"),
    ),
    dialects={"torch": {}},
    across="mean",
)
def hinge_embedding(
    y_true: DistanceLabel,
    y_pred: Distance,
    *,
    margin: Annotated[float, "(-inf, inf)", "Distance beyond which a dissimilar pair costs nothing."] = 1.0,
) -> FloatArray:
    """Distance of similar pairs; of dissimilar ones, what they lack.

    y_pred is meant as a distance.  A negative one is taken as it is, like in
    PyTorch, and gives a negative loss.
    """
    return np.where(y_true > 0, y_pred, np.maximum(margin - y_pred, 0.0))


def _has_negatives(negatives: FloatArray) -> BoolArray:
    return np.full(negatives.shape[0], negatives.shape[1] >= 1)


@declare(
    formula="""
        -log(exp(s_0) / sum(exp(s_0), exp(s_1), ..., exp(s_m)))
        where s_0 = cos(anchor, positive) / temperature, s_j = cos(anchor, negatives[j]) / temperature
    """,
    known_as={"torch": "CrossEntropyLoss (of the cosines / temperature, class 0)"},
    same_as=(
        "torch.nn.functional.cross_entropy(torch.nn.functional.cosine_similarity("
        "anchor[:, None], torch.cat([positive[:, None], negatives], 1), dim=-1) / temperature,"
        " torch.zeros(len(anchor), dtype=torch.long), reduction='none')",
    ),
    related=(
        "optax.losses.ntxent, pytorch-metric-learning NTXentLoss, SimCLR: negatives from the batch, both directions",
        "CLIP: negatives from the batch, symmetric",
        "InfoNCE on dot products: embeddings not normalised",
    ),
    references=(
        "van den Oord, A., Li, Y. and Vinyals, O. (2018). Representation learning with contrastive predictive coding. "
        "arXiv:1807.03748",
        "He, K. et al. (2020). Momentum contrast for unsupervised visual representation learning. CVPR 2020:9726-9735. "
        "doi:10.1109/CVPR42600.2020.00975 (temperature 0.07)",
    ),
    examples=(
        Example(
            anchor=[1.0, 0.0],
            positive=[3.0, 4.0],
            negatives=[[0.0, 1.0], [-1.0, 0.0]],
            temperature=0.5,
            loss=0.2941285610404087,
            why="cosines 0.6, 0 and -1: log(1 + exp(-1.2) + exp(-3.2))",
        ),
    ),
    require=(
        Require(
            holds=_has_negatives,
            column="negatives",
            problem="holds no vector to compare with",
            expected="at least one negative in every row",
        ),
    ),
)
def info_nce(
    anchor: Embedding,
    positive: Embedding,
    negatives: VectorSet,
    *,
    temperature: Annotated[float, "(0, inf)", "Divides the cosines; smaller is sharper."] = 0.07,
) -> FloatArray:
    """Cross-entropy of picking the positive among m given negatives.

    Embeddings are compared by their cosine.  log(m + 1) for one that cannot
    tell; at most log(m + 1) + 2 / temperature.  The negatives of a row are
    given, ``(n, m, d)``, not taken from the batch: rows are independent.
    """
    cosine = _cosine(anchor, positive)
    excess = _cosine(anchor[:, None, :], negatives) - cosine[:, None]
    # softplus(LSE(s_j - s_0)) instead of LSE(s) - s_0, which rounds to 0 where the positive dominates.
    highest = max_last(excess)
    total = sum_last(np.exp((excess - highest[:, None]) / temperature))
    return softplus(highest / temperature + np.log(total))

"""Losses of generative adversarial networks, every one to be minimised.

``real`` is the critic's score of a real sample, ``fake`` its score of a
generated one; the losses of critics and discriminators pair them by row.
Where the two samples differ in size, evaluate a loss for each and add the
means.  Elementwise: the loss of a row of ``(n, k)``, such as the patches of an
image, is the mean over k.  No labels are smoothed.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

import numpy as np

from losscli.arrays import all_rows, clip_negative_log, negative_log, softplus
from losscli.catalogue.binary import KERAS_EPSILON, PROBABILITY_OR_LOGIT, FromLogits
from losscli.declaration import Example, declare
from losscli.domains import REAL
from losscli.roles import BoolArray, FloatArray, Role

_REAL = "the critic's score of a real sample"
_FAKE = "the critic's score of a generated sample"

RealScore: TypeAlias = Annotated[FloatArray, Role("real score", _REAL, "element", REAL)]
FakeScore: TypeAlias = Annotated[FloatArray, Role("fake score", _FAKE, "element", REAL)]
RealJudgement: TypeAlias = Annotated[FloatArray, Role("real score", _REAL, "element", PROBABILITY_OR_LOGIT)]
FakeJudgement: TypeAlias = Annotated[FloatArray, Role("fake score", _FAKE, "element", PROBABILITY_OR_LOGIT)]

_GOODFELLOW = "Goodfellow, I. et al. (2014). Generative adversarial nets. NeurIPS 27:2672-2680. arXiv:1406.2661"
_ARJOVSKY = "Arjovsky, M. et al. (2017). Wasserstein generative adversarial networks. PMLR 70:214-223."
_MAO = "Mao, X. et al. (2017). Least squares generative adversarial networks. ICCV. doi:10.1109/ICCV.2017.304"
_HINGE = (
    "Lim, J. H. and Ye, J. C. (2017). Geometric GAN. arXiv:1705.02894",
    "Miyato, T. et al. (2018). Spectral normalization for generative adversarial networks. ICLR 2018. arXiv:1802.05957",
)


def _cost(share: FloatArray, complement: FloatArray) -> FloatArray:
    """-log of a probability clipped to [1e-7, 1 - 1e-7], given also its complement."""
    return clip_negative_log(negative_log(share, complement), KERAS_EPSILON)


def _nothing_clipped(scores: FloatArray, from_logits: bool, *, low: bool) -> BoolArray:
    """Whether no score of a row is so near to the costly end that clipping changed it; ``(n,)``."""
    if from_logits:
        return np.ones(scores.shape[0], dtype=bool)
    return all_rows(scores >= KERAS_EPSILON if low else 1.0 - scores >= KERAS_EPSILON)


def _discriminator_clipped(real: FloatArray, fake: FloatArray, from_logits: bool) -> BoolArray:
    return ~(_nothing_clipped(real, from_logits, low=True) & _nothing_clipped(fake, from_logits, low=False))


def _high_fake_clipped(fake: FloatArray, from_logits: bool) -> BoolArray:
    return ~_nothing_clipped(fake, from_logits, low=False)


def _low_fake_clipped(fake: FloatArray, from_logits: bool) -> BoolArray:
    return ~_nothing_clipped(fake, from_logits, low=True)


@declare(
    formula="""
        softplus(-real) + softplus(fake)
        from_logits=false: -log(clip(real)) - log(1 - clip(fake)), clipped to [1e-7, 1 - 1e-7]
    """,
    aliases=("minimax_discriminator", "minmax_discriminator", "discriminator_loss"),
    known_as={"torch": "BCEWithLogitsLoss (sum of real against 1 and fake against 0)"},
    same_as=(
        "torch.nn.functional.binary_cross_entropy_with_logits(real, torch.ones_like(real), reduction='none')"
        " + torch.nn.functional.binary_cross_entropy_with_logits(fake, torch.zeros_like(fake), reduction='none')",
    ),
    related=(
        "the value function V(D, G): minus it, maximised by the discriminator",
        "TF-GAN modified_discriminator_loss: smooths the real labels by 0.25",
        "binary_crossentropy over both samples together: half of it",
    ),
    references=(_GOODFELLOW,),
    examples=(
        Example(real=0.0, fake=0.0, loss=1.3862943611198906, why="undecided on both: log 2 each"),
        Example(real=0.5, fake=0.25, from_logits=False, loss=0.9808292530117262, why="-log 0.5 - log 0.75"),
    ),
    across="mean",
    clipped=_discriminator_clipped,
)
def gan_discriminator(real: RealJudgement, fake: FakeJudgement, *, from_logits: FromLogits = True) -> FloatArray:
    """Cross-entropy of telling real from generated samples.

    The sum of the two halves, as in the DCGAN tutorial, not their mean: 2 log 2
    for a discriminator that cannot tell.
    """
    if from_logits:
        return softplus(-real) + softplus(fake)
    return _cost(real, 1.0 - real) + _cost(1.0 - fake, fake)


@declare(
    formula="""
        -softplus(fake) = log(1 - D(fake))
        from_logits=false: log(1 - clip(fake)), clipped to [1e-7, 1 - 1e-7]
    """,
    range="(-inf, 0]",
    aliases=("minimax_generator", "minmax_generator"),
    known_as={"torch": "BCEWithLogitsLoss (minus it, fake against 0)"},
    same_as=("torch.nn.functional.logsigmoid(-fake)",),
    related=(
        "gan_generator_nonsaturating: the loss that is trained in practice",
        "TF-GAN minimax_generator_loss: minus the whole discriminator loss, with its constant real half",
    ),
    references=(_GOODFELLOW,),
    examples=(
        Example(fake=0.0, loss=-0.6931471805599453, why="log(1 - 1/2)"),
        Example(fake=0.25, from_logits=False, loss=-0.2876820724517809, why="log(1 - 0.25)"),
    ),
    across="mean",
    clipped=_high_fake_clipped,
)
def gan_generator(fake: FakeJudgement, *, from_logits: FromLogits = True) -> FloatArray:
    """Minimax loss of the generator: log probability of being caught.

    Never positive; minus infinity is a generator that is never caught.  Flat
    where the generator is worst, hence the non-saturating form.
    """
    if from_logits:
        return 0.0 - softplus(fake)
    return 0.0 - _cost(1.0 - fake, fake)


@declare(
    formula="""
        softplus(-fake) = -log(D(fake))
        from_logits=false: -log(clip(fake)), clipped to [1e-7, 1 - 1e-7]
    """,
    aliases=("modified_generator_loss", "generator_loss"),
    known_as={"torch": "BCEWithLogitsLoss (fake against 1)"},
    same_as=("torch.nn.functional.binary_cross_entropy_with_logits(fake, torch.ones_like(fake), reduction='none')",),
    related=("gan_generator: the minimax form, which the paper analyses",),
    references=(_GOODFELLOW,),
    examples=(
        Example(fake=0.0, loss=0.6931471805599453, why="-log(1/2)"),
        Example(fake=0.25, from_logits=False, loss=1.3862943611198906, why="-log 0.25"),
    ),
    across="mean",
    clipped=_low_fake_clipped,
)
def gan_generator_nonsaturating(fake: FakeJudgement, *, from_logits: FromLogits = True) -> FloatArray:
    """Non-saturating loss of the generator: cross-entropy against "real".

    The generator loss of the DCGAN tutorial and of most code that says GAN.
    """
    if from_logits:
        return softplus(-fake)
    return _cost(fake, 1.0 - fake)


@declare(
    formula="fake - real",
    range="(-inf, inf)",
    aliases=("wasserstein_discriminator_loss",),
    related=("code that prints real - fake: minus it, an estimate of the distance",),
    references=(_ARJOVSKY,),
    examples=(Example(real=0.5, fake=-0.25, loss=-0.75, why="-0.25 - 0.5"),),
    across="mean",
)
def wasserstein_critic(real: RealScore, fake: FakeScore) -> FloatArray:
    """Score of generated minus score of real samples.

    Minus its mean estimates the Wasserstein-1 distance, up to the Lipschitz
    constant of the critic.  Gradient penalties are not part of it.
    """
    return fake - real


@declare(
    formula="-fake",
    range="(-inf, inf)",
    aliases=("wasserstein_generator_loss",),
    related=("hinge_generator: the same function",),
    references=(_ARJOVSKY,),
    examples=(Example(fake=-0.25, loss=0.25, why="-(-0.25)"),),
    across="mean",
)
def wasserstein_generator(fake: FakeScore) -> FloatArray:
    """Minus the critic's score of generated samples.

    Falls as the critic rates generated samples higher; only differences of it
    mean something, for a critic's scores have no zero.
    """
    return 0.0 - fake


@declare(
    formula="((real - 1)^2 + fake^2) / 2",
    aliases=("least_squares_discriminator_loss",),
    related=("CycleGAN code, plain mean squared error: twice it",),
    references=(_MAO,),
    examples=(Example(real=0.5, fake=-0.25, loss=0.15625, why="(0.25 + 0.0625) / 2"),),
    across="mean",
)
def lsgan_discriminator(real: RealScore, fake: FakeScore) -> FloatArray:
    """Half the squared distance of scores from 1 (real) and 0 (fake).

    With the factor 1/2 of the paper; code without it, such as CycleGAN's,
    gives twice this.
    """
    error = real - 1.0
    return 0.5 * error * error + 0.5 * fake * fake


@declare(
    formula="(fake - 1)^2 / 2",
    aliases=("least_squares_generator_loss",),
    related=("CycleGAN code, plain mean squared error: twice it",),
    references=(_MAO,),
    examples=(Example(fake=-0.25, loss=0.78125, why="1.25^2 / 2"),),
    across="mean",
)
def lsgan_generator(fake: FakeScore) -> FloatArray:
    """Half the squared distance of generated samples' scores from 1.

    With the factor 1/2 of the paper, as lsgan_discriminator.  Also samples
    that the critic rates above 1 are punished.
    """
    error = fake - 1.0
    return 0.5 * error * error


@declare(
    formula="max(0, 1 - real) + max(0, 1 + fake)",
    aliases=("wasserstein_hinge_discriminator_loss",),
    related=("hinge over both samples together: half of it",),
    references=_HINGE,
    examples=(Example(real=0.5, fake=-0.25, loss=1.25, why="0.5 + 0.75"),),
    across="mean",
)
def hinge_discriminator(real: RealScore, fake: FakeScore) -> FloatArray:
    """Hinge losses of real scores below 1 and generated ones above -1.

    The discriminator of Geometric GAN, SN-GAN, SAGAN and BigGAN.
    """
    return np.maximum(1.0 - real, 0.0) + np.maximum(1.0 + fake, 0.0)


@declare(
    formula="-fake",
    range="(-inf, inf)",
    aliases=("wasserstein_hinge_generator_loss",),
    related=("wasserstein_generator: the same function",),
    references=_HINGE,
    examples=(Example(fake=-0.25, loss=0.25, why="-(-0.25)"),),
    across="mean",
)
def hinge_generator(fake: FakeScore) -> FloatArray:
    """Minus the score of generated samples, the partner of the hinge.

    Not a hinge itself: the generator is always pushed.
    """
    return 0.0 - fake

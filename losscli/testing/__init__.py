"""Laws that every loss keeps; for the authors of losses and of plugins.

    import pytest
    from losscli.testing import LAWS
    from my_plugin import my_loss

    @pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
    def test_my_loss_keeps_the_law(law):
        law(my_loss)

A law is a function of a `Loss` that raises AssertionError, with the reason,
when the loss breaks it.
"""

from losscli.testing.laws import LAWS
from losscli.testing.sampling import extreme_inputs, random_inputs, random_parameters

__all__ = ["LAWS", "extreme_inputs", "random_inputs", "random_parameters"]

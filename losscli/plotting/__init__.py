"""Pictures of losses: the curves of a loss, in a terminal and in a file.

Which curves a loss has follows from its declaration, `losscli.plotting.curves`;
`losscli.plotting.braille` draws them as text, `losscli.plotting.figure` with
matplotlib.
"""

from losscli.plotting.curves import Curve, Plot, plot_of

__all__ = ["Curve", "Plot", "plot_of"]

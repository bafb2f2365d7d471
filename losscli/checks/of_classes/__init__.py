"""The checks of predictions of classes; of numbers they say nothing, and are not loaded."""

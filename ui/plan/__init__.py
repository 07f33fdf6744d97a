"""The plan and the timeline as pictures: what decides, what folds, where each card stands."""

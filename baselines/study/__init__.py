"""A study: a grid of models, tasks, folds, seeds and methods, each cell of which is the folder of a run."""

"""From a pretrained network to another task: what is chosen, how columns are matched, and the two ways to adapt it."""

"""Figures of runs and studies: one module for each, which holds what it computes and how it is drawn."""

"""Eddy-covariance towers: FLUXNET and AmeriFlux files."""

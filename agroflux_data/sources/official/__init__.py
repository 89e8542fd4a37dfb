"""The AgroFlux release's own arrays."""

"""The tables of the AgroFlux paper (Cheng et al. 2026, arXiv 2602.01614), made anew from the runs of a study."""

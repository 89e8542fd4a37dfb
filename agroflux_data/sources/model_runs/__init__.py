"""Process models' own output: runs of DayCent, Ecosys and EcoSIM."""

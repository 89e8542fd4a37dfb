"""N2O chambers: tables of measurements in any unit."""

"""Distribution matching distillation (DMD2) of a TI2V flow into a student of a few steps."""

"""The vocabulary: pure values without I/O, on which all three layers rest."""

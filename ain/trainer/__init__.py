"""How training is run: which samples share a row, on how many ranks, what is watched, kept and taken up again."""

"""The blind survey (Section 1.3): people choose the best of several models' answers without knowing whose they are."""

"""Back-translation: which records are translated back into English, and by which translator."""

"""Who may use the board and the API, and as what."""

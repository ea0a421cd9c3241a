"""What a case means and what to do next, in Chinese and English."""

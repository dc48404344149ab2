"""Files that clients send once and ask about often: kept for a while, shown, previewed."""

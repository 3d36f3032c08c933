"""Translation: pictures of one kind to pictures of another."""

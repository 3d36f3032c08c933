"""What people look at: pictures, grids of them, and their animation."""

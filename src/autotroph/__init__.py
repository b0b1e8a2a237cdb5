"""autotroph: a product that feeds on its own use."""

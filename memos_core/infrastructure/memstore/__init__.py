"""The marketplace, the paper's MemStore: registries that are nothing but files, and what is bought in them."""

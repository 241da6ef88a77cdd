"""The network: configuration, blocks, embeddings and caches."""

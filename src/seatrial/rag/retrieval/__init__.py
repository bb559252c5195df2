"""From a question to passages: dense and lexical search, fusion, reranking, packing."""

"""Other libraries' retrievers, vector stores, embedders and language models over ours."""
